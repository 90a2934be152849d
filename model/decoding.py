"""Recordings of any format that ffmpeg's libraries read -> mono WAV, block by block, and what was found on the way."""

import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.containers import FORMATS, declared_seconds, open_container, sound_of
from model.encoding import SAMPLE_RATE
from model.errors import AudioError
from model.files import written_aside
from model.metering import BandwidthMeter, LoudnessMeter, PeakMeter

if TYPE_CHECKING:
    from av import AudioFrame, Packet
    from av.audio.stream import AudioStream
    from av.container import InputContainer

__all__ = ["FORMATS", "Recording", "decode_to_wav"]

LOUDEST_FLOAT = 8.0
"""18 dB over full scale; what is beyond in a floating point file is damage."""

INTEGER_SCALES = {"u1": 2.0**7, "i2": 2.0**15, "i4": 2.0**31, "i8": 2.0**63}
SAMPLE_RATES = (4_000, 768_000)
"""Hz that recordings have. A damaged header that says 1 Hz would make hours out of a second."""

MAX_SECONDS = 24 * 3600
TOLERANCE_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What a source was. Peak and clipping are of all its channels, loudness of the mono mix that was written."""

    duration_seconds: float
    sample_rate: int
    channels: int
    codec: str
    container: str
    bandwidth_hz: float
    clipping_ratio: float
    loudness_lufs: float
    peak_dbfs: float
    truncated: bool
    """Damaged inside or cut short: what could be read was kept."""


def decode_to_wav(source: Path, target: Path, *, name: str | None = None) -> Recording:
    """Decode `source` to mono 16-bit PCM WAV at 24 kHz; it appears at `target` when it is whole.

    `name` is what messages call the file. Memory stays bounded however long the source is.
    Raises AudioError when nothing can be read.
    """
    name = name or source.name
    with open_container(source, name) as container:
        reader = _Reader(container, sound_of(container, source, name), name)
        mix = _MonoMix()
        with written_aside(target) as part:
            seconds = _write_wav(part, mix.pcm_of(reader.blocks()), name)
            if not seconds:
                raise AudioError(
                    f"{name} looks like {reader.codec}, but no sound could be read from it: it is empty or damaged. "
                    "Export it again, as WAV or FLAC where possible."
                )
        missing_seconds = declared_seconds(container, reader.stream, source) - seconds
        return Recording(
            duration_seconds=seconds,
            sample_rate=reader.sample_rate,
            channels=reader.channels,
            codec=reader.codec,
            container=container.format.name.split(",")[0],
            bandwidth_hz=mix.bandwidth_hz,
            clipping_ratio=mix.peaks.clipping_ratio,
            loudness_lufs=mix.loudness_lufs,
            peak_dbfs=mix.peaks.peak_dbfs,
            truncated=reader.damaged or missing_seconds > TOLERANCE_SECONDS,
        )


def _write_wav(path: Path, chunks: Iterator[bytes], name: str) -> float:
    samples = 0
    with path.open("wb") as file, wave.open(file, "wb") as wav:
        wav.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        for chunk in chunks:
            wav.writeframesraw(chunk)
            samples += len(chunk) // 2
            if samples > MAX_SECONDS * SAMPLE_RATE:
                raise AudioError(f"{name} is longer than {MAX_SECONDS // 3600} hours. Cut it into parts.")
        wav.writeframes(b"")
    return samples / SAMPLE_RATE


class _Block(NamedTuple):
    waveforms: NDArray[np.float32]
    """Shape (channels, samples)."""
    sample_rate: int


class _Reader:
    """Decodes one stream to blocks of about a second, goes on behind what is damaged and remembers that it was."""

    def __init__(self, container: "InputContainer", stream: "AudioStream", name: str) -> None:
        self.stream = stream
        self.codec: str = stream.codec_context.name
        self.sample_rate = 0
        self.channels = 0
        self.damaged = False
        self._container = container
        self._name = name

    def blocks(self) -> Iterator[_Block]:
        """All sound of the stream, in blocks of one rate and one number of channels each."""
        gathered: list[NDArray[np.float32]] = []
        for frame in self._frames():
            self._check_rate(frame.sample_rate)
            waveforms = _as_float(frame)
            same_kind = (len(waveforms), frame.sample_rate) == (self.channels, self.sample_rate)
            full = len(gathered) * waveforms.shape[1] >= frame.sample_rate
            if gathered and (full or not same_kind):
                yield _Block(_joined(gathered), self.sample_rate)
                gathered = []
            self.channels, self.sample_rate = len(waveforms), frame.sample_rate
            gathered.append(waveforms)
        if gathered:
            yield _Block(_joined(gathered), self.sample_rate)

    def _check_rate(self, sample_rate: int) -> None:
        lowest, highest = SAMPLE_RATES
        if not lowest <= sample_rate <= highest:
            raise AudioError(
                f"{self._name} is damaged: its header says {sample_rate:,} samples a second, and {lowest:,} to "
                f"{highest:,} are possible. Copy or export it again."
            )

    def _frames(self) -> "Iterator[AudioFrame]":
        import av

        failed = False
        for packet in self._packets():
            try:
                frames: Any = packet.decode()
            except av.EOFError:
                continue
            except av.FFmpegError:
                failed = True
                continue
            self.damaged |= failed and bool(frames)
            yield from frames
        # What cannot be decoded at the end of an MP3 are tags; its length header tells whether sound is missing.
        self.damaged |= failed and self._container.format.name != "mp3"

    def _packets(self) -> "Iterator[Packet]":
        import av

        try:
            yield from self._container.demux(self.stream)
        except av.FFmpegError:
            self.damaged = True


def _joined(frames: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Frames as one, without what is no number or beyond all loudness in damaged floating point files."""
    waveforms = np.nan_to_num(np.concatenate(frames, axis=1), copy=False)
    return np.clip(waveforms, -LOUDEST_FLOAT, LOUDEST_FLOAT, out=waveforms)


def _as_float(frame: "AudioFrame") -> NDArray[np.float32]:
    """Samples of a frame of any format, shape (channels, samples), full scale at 1."""
    data = frame.to_ndarray()
    if not frame.format.is_planar:
        data = data.reshape(-1, frame.layout.nb_channels).T
    scale = INTEGER_SCALES.get(data.dtype.str[1:])
    if scale is None:
        return data.astype(np.float32, copy=False)
    middle = 128.0 if data.dtype == np.uint8 else 0.0
    return ((data - middle) / scale).astype(np.float32)


class _MonoMix:
    """Mixes to mono, measures on the way, and resamples to 24 kHz."""

    def __init__(self) -> None:
        self.peaks = PeakMeter()
        self._loudness = LoudnessMeter(SAMPLE_RATE)
        self._bandwidth: BandwidthMeter | None = None

    @property
    def bandwidth_hz(self) -> float:
        return self._bandwidth.finish() if self._bandwidth else 0.0

    @property
    def loudness_lufs(self) -> float:
        return self._loudness.finish()

    def pcm_of(self, blocks: Iterator[_Block]) -> Iterator[bytes]:
        """Little-endian 16-bit samples of all blocks."""
        from av import AudioResampler

        resampler, rate = AudioResampler("s16", "mono", SAMPLE_RATE), 0
        for waveforms, sample_rate in blocks:
            if rate not in (0, sample_rate):
                yield self._measured(resampler.resample(None))
                resampler = AudioResampler("s16", "mono", SAMPLE_RATE)
            rate = sample_rate
            yield self._measured(resampler.resample(self._mixed(waveforms, sample_rate)))
        if rate:
            yield self._measured(resampler.resample(None))

    def _mixed(self, waveforms: NDArray[np.float32], sample_rate: int) -> "AudioFrame":
        from av import AudioFrame

        self.peaks.feed(waveforms)
        mono = waveforms.mean(axis=0)
        self._bandwidth = self._bandwidth or BandwidthMeter(sample_rate)
        if self._bandwidth.sample_rate == sample_rate:
            self._bandwidth.feed(mono)
        frame = AudioFrame.from_ndarray(mono[None], "flt", "mono")
        frame.sample_rate = sample_rate
        return frame

    def _measured(self, frames: "Sequence[AudioFrame]") -> bytes:
        if not frames:
            return b""
        pcm = np.concatenate([frame.to_ndarray()[0] for frame in frames]).astype("<i2")
        self._loudness.feed(pcm.astype(np.float32) / INTEGER_SCALES["i2"])
        return pcm.tobytes()

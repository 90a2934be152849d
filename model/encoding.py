"""Waveforms to bytes of the formats that people and programs ask for, whole or chunk by chunk."""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from model.files import written_aside

if TYPE_CHECKING:
    from av.audio.stream import AudioStream

SAMPLE_RATE = 24_000
"""Hz of clips, engines and everything between."""

RAW_FORMATS = {"pcm_f32le": "f32le", "pcm_s16le": "s16le", "pcm_mulaw": "mulaw", "pcm_alaw": "alaw"}
MUXERS = {"wav": "wav", "mp3": "mp3", "flac": "flac", "opus": "ogg", "aac": "adts"}
CODECS = {"mp3": "libmp3lame", "flac": "flac", "opus": "libopus", "aac": "aac"}
CONTAINERS = (*MUXERS, "raw")
ENCODINGS = tuple(RAW_FORMATS)
BIT_RATES = (32_000, 64_000, 96_000, 128_000, 192_000)
MIN_SAMPLE_RATE, MAX_SAMPLE_RATE = 8_000, 48_000
OPUS_SAMPLE_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)
MPEG_SAMPLE_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
CODEC_SAMPLE_RATES = {"opus": OPUS_SAMPLE_RATES, "mp3": MPEG_SAMPLE_RATES, "aac": MPEG_SAMPLE_RATES}


@dataclass(frozen=True, kw_only=True)
class EncodedFormat:
    """What to encode to; `encoding` counts for wav and raw, `bit_rate` for mp3, opus and aac."""

    container: str
    encoding: str = "pcm_s16le"
    sample_rate: int = SAMPLE_RATE
    bit_rate: int = 128_000

    def __post_init__(self) -> None:
        if self.container not in CONTAINERS:
            raise ValueError(f"container must be one of {', '.join(CONTAINERS)}, not {self.container!r}")
        if self.encoding not in ENCODINGS:
            raise ValueError(f"encoding must be one of {', '.join(ENCODINGS)}, not {self.encoding!r}")
        if not MIN_SAMPLE_RATE <= self.sample_rate <= MAX_SAMPLE_RATE:
            raise ValueError(f"sample_rate must be {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE} Hz, not {self.sample_rate}")
        if not BIT_RATES[0] <= self.bit_rate <= BIT_RATES[-1]:
            raise ValueError(f"bit_rate must be {BIT_RATES[0]} to {BIT_RATES[-1]}, not {self.bit_rate}")

    @property
    def muxer(self) -> str:
        """ffmpeg's name of the container."""
        return RAW_FORMATS[self.encoding] if self.container == "raw" else MUXERS[self.container]

    @property
    def codec(self) -> str:
        """ffmpeg's name of the encoder."""
        return CODECS.get(self.container, self.encoding)

    @property
    def coded_rate(self) -> int:
        """The rate that is written: the one asked for, or the next higher that the codec knows."""
        rates = CODEC_SAMPLE_RATES.get(self.container, (self.sample_rate,))
        return next(rate for rate in rates if rate >= self.sample_rate)


class _Sink(io.RawIOBase):
    """Takes what the muxer writes; cannot seek, so that headers are those of a stream."""

    def __init__(self) -> None:
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._written += data
        return len(data)

    def take(self) -> bytes:
        taken, self._written = bytes(self._written), bytearray()
        return taken


class _Writer:
    """Encodes into an open file; where that can seek, the header tells the length."""

    def __init__(self, file: IO[bytes] | io.RawIOBase, form: EncodedFormat, source_rate: int) -> None:
        import av

        options = {"write_xing": "0"} if form.container == "mp3" and not file.seekable() else {}
        self._source_rate = source_rate
        self._container = av.open(file, "w", format=form.muxer, options=options)
        stream = self._container.add_stream(form.codec, rate=form.coded_rate, layout="mono")
        self._stream = cast("AudioStream", stream)
        if form.container in ("mp3", "opus", "aac"):
            self._stream.bit_rate = form.bit_rate
        if form.container == "flac":
            self._stream.format = "s16"

    def write(self, waveform: NDArray[np.float32]) -> None:
        from av import AudioFrame

        if not len(waveform):
            return
        limited = np.clip(waveform, -1.0, 1.0).astype(np.float32)
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(limited[None]), "flt", "mono")
        frame.sample_rate = self._source_rate
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        self._container.mux(self._stream.encode(None))
        self._container.close()


class Encoder:
    """Encodes chunks as they come. The header of a wav stream leaves the length open."""

    def __init__(
        self,
        container: str,
        encoding: str = "pcm_s16le",
        sample_rate: int = SAMPLE_RATE,
        bit_rate: int = 128_000,
        *,
        source_rate: int = SAMPLE_RATE,
    ) -> None:
        """Chunks come at `source_rate` and leave at `sample_rate`; ValueError names a value that is not allowed."""
        form = EncodedFormat(container=container, encoding=encoding, sample_rate=sample_rate, bit_rate=bit_rate)
        self._sink = _Sink()
        self._writer = _Writer(self._sink, form, source_rate)

    def feed(self, waveform: NDArray[np.float32]) -> bytes:
        """Encode a chunk, shape (samples,), and return the bytes that are ready."""
        self._writer.write(waveform)
        return self._sink.take()

    def finish(self) -> bytes:
        """Return the last bytes; the encoder is used up."""
        self._writer.close()
        return self._sink.take()


def encode(waveform: NDArray[np.float32], source_rate: int, form: EncodedFormat) -> bytes:
    """A whole file of `waveform`, shape (samples,), with a header that tells its length."""
    file = io.BytesIO()
    writer = _Writer(file, form, source_rate)
    writer.write(waveform)
    writer.close()
    return file.getvalue()


def encode_file(blocks: Iterable[NDArray[np.float32]], source_rate: int, form: EncodedFormat, target: Path) -> None:
    """Write `blocks`, each of shape (samples,), as one file; it appears at `target` when it is whole."""
    with written_aside(target) as part, part.open("wb") as file:
        writer = _Writer(file, form, source_rate)
        for block in blocks:
            writer.write(block)
        writer.close()

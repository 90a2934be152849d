"""Measures a stream of audio block by block: peak, clipping, loudness and bandwidth in bounded memory."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import av.filter

SILENCE_LUFS = -70.0
"""The absolute gate of EBU R 128 (ITU-R BS.1770-4): nothing below it counts as programme."""

CLIPPED_FROM = 0.99
"""Share of full scale (-0.09 dBFS) at which a sample counts as clipped; lossy codecs blunt flat tops to about this."""


def decibels(amplitude: float) -> float:
    """Amplitude ratio to dB, silence to -120 dB."""
    return float(20 * np.log10(max(amplitude, 1e-6)))


def level_dbfs(waveform: NDArray[np.float32]) -> float:
    """RMS of `waveform`, shape (samples,), in dBFS."""
    return decibels(float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64)))))


class PeakMeter:
    """Peak and share of clipped samples over all channels of a source.

    Samples at full scale are clipped. So are those at a lower peak, when the file was turned down afterwards: there
    the highest hundredth of the range holds many times the samples of the one below it, as it never does in speech
    (a limiter's round tops reach 2.7 times).
    """

    BINS = 4096
    FLAT_TOP = 4.0
    MIN_FLAT = 10
    """Samples that make a flat top rather than a chance."""

    def __init__(self) -> None:
        self._peak = 0.0
        self._counts = np.zeros(self.BINS + 1, np.int64)

    def feed(self, block: NDArray[np.float32]) -> None:
        """Take `block`, shape (channels, samples)."""
        magnitude = np.abs(block)
        self._peak = max(self._peak, float(magnitude.max(initial=0.0)))
        bins = (np.minimum(magnitude, 1.0) * self.BINS).astype(np.int32).reshape(-1)
        self._counts += np.bincount(bins, minlength=self.BINS + 1)

    @property
    def peak_dbfs(self) -> float:
        """Highest sample in dB of full scale; above 0 is possible for floating point sources."""
        return decibels(self._peak)

    @property
    def clipping_ratio(self) -> float:
        """Clipped samples / all samples, 0 to 1."""
        clipped = self._between(CLIPPED_FROM, 1.0)
        if self._peak < CLIPPED_FROM:
            top = self._between(0.99 * self._peak, 1.0)
            below = self._between(0.97 * self._peak, 0.99 * self._peak) / 2
            clipped = top if top >= max(self.MIN_FLAT, self.FLAT_TOP * below) else 0
        return clipped / max(int(self._counts.sum()), 1)

    def _between(self, low: float, high: float) -> int:
        """Samples from the magnitude `low`, up to `high` (in it where that is full scale)."""
        last = self.BINS + 1 if high >= 1.0 else int(high * self.BINS)
        return int(self._counts[int(low * self.BINS) : last].sum())


class LoudnessMeter:
    """Integrated loudness (EBU R 128) of a mono stream, by ffmpeg's own `ebur128` filter."""

    def __init__(self, sample_rate: int) -> None:
        from av.filter import Graph

        self._sample_rate = sample_rate
        self._graph = Graph()
        source = self._graph.add_abuffer(sample_rate=sample_rate, format="flt", layout="mono")
        meter = self._graph.add("ebur128", "metadata=1")
        self._graph.link_nodes(source, meter, self._graph.add("abuffersink")).configure()
        self._lufs = SILENCE_LUFS
        self._samples = 0

    def feed(self, waveform: NDArray[np.float32]) -> None:
        """Take `waveform`, shape (samples,)."""
        from av import AudioFrame

        if not len(waveform):
            return
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(waveform[None], np.float32), "flt", "mono")
        frame.sample_rate = self._sample_rate
        frame.pts = self._samples
        self._samples += len(waveform)
        self._graph.push(frame)
        self._drain()

    def finish(self) -> float:
        """Loudness in LUFS of all that was fed; -70 for silence and for less than 0.4 s."""
        self._graph.push(None)
        self._drain()
        return self._lufs

    def _drain(self) -> None:
        for frame in _pulled(self._graph):
            lufs = float(frame.metadata.get("lavfi.r128.I", "nan"))
            if np.isfinite(lufs):
                self._lufs = max(lufs, SILENCE_LUFS)


def _pulled(graph: "av.filter.Graph") -> "Iterator[av.AudioFrame | av.VideoFrame]":
    from av.error import BlockingIOError, EOFError

    while True:
        try:
            yield graph.pull()
        except (BlockingIOError, EOFError):
            return


def loudness_of(waveform: NDArray[np.float32], sample_rate: int) -> float:
    """Integrated loudness in LUFS of `waveform`, shape (samples,)."""
    meter = LoudnessMeter(sample_rate)
    meter.feed(waveform)
    return meter.finish()


class BandwidthMeter:
    """Finds up to which frequency a recording holds sound that comes and goes, as speech does.

    Steady hiss and the mirror images of a poor resampler do not count: the band's loudest twentieth must
    stand `MODULATION_DB` above what the band holds in the quietest seventh of all frames, and within `RANGE_DB` of
    the loudest band. (Plain noise reaches 3 dB by chance.) Spectra are kept in bands of about 100 Hz, at most
    `MAX_FRAMES` of them, evenly over the whole stream.
    """

    FRAME_SECONDS = 0.04
    BAND_HZ = 100.0
    MAX_FRAMES = 4000
    MODULATION_DB = 6.0
    RANGE_DB = 66.0
    SOURCE_FLOOR_DB = -100.0
    """Quantization noise of 16 bits, in 100 Hz, is below this."""

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._size = int(sample_rate * self.FRAME_SECONDS)
        self._window = np.hanning(self._size).astype(np.float32)
        frequencies = np.fft.rfftfreq(self._size, 1 / sample_rate)
        self._starts = np.unique(np.searchsorted(frequencies, np.arange(0, sample_rate / 2, self.BAND_HZ)))
        self._upper = np.append(frequencies[self._starts[1:]], sample_rate / 2)
        self._spectra: list[NDArray[np.float32]] = []
        self._stride = 1
        self._frame = 0

    def feed(self, waveform: NDArray[np.float32]) -> None:
        """Take mono `waveform`, shape (samples,), at the source's rate; a rest shorter than a frame is not used."""
        for start in range(0, len(waveform) - self._size + 1, self._size):
            if self._frame % self._stride == 0:
                self._spectra.append(self._bands(waveform[start : start + self._size]))
            self._frame += 1
        if len(self._spectra) > self.MAX_FRAMES:
            self._spectra = self._spectra[::2]
            self._stride *= 2

    def _bands(self, frame: NDArray[np.float32]) -> NDArray[np.float32]:
        power = np.abs(np.fft.rfft(frame * self._window)) ** 2 / self._window.sum() ** 2
        return np.add.reduceat(power, self._starts).astype(np.float32)

    def finish(self) -> float:
        """Bandwidth in Hz; 0 for silence and for less than a few frames."""
        if len(self._spectra) < 5:
            return 0.0
        spectra = np.stack(self._spectra)
        spectra[:, 1:-1] = (spectra[:, :-2] + spectra[:, 1:-1] + spectra[:, 2:]) / 3
        pauses = np.argsort(spectra.sum(axis=1))[: max(len(spectra) // 7, 1)]
        loudest = np.sort(spectra, axis=0)[-max(len(spectra) // 20, 1) :]
        quiet, loud = (10 * np.log10(part.mean(axis=0) + 1e-14) for part in (spectra[pauses], loudest))
        lowest = max(loud.max() - self.RANGE_DB, self.SOURCE_FLOOR_DB)
        real = (loud > lowest) & (loud - quiet > self.MODULATION_DB)
        return float(self._upper[np.flatnonzero(real)[-1]]) if real.any() else 0.0

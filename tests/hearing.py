"""Orders of speech for tests, and what is heard in the answers."""

import io
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Any

import av
import numpy as np

from model.engines.protocol import Stretch
from playground.parts import Parts
from storage.records import LedgerKind, Voice
from tests.making import TINY

TEXT = "It's nice to meet you."
WAV = {"container": "wav", "encoding": "pcm_s16le", "sample_rate": 24000}
FFMPEG_NAMES = {"pcm_f32le": "f32le", "pcm_s16le": "s16le", "pcm_mulaw": "mulaw", "pcm_alaw": "alaw"}


def stock_of(parts: Parts) -> Voice:
    """A stock voice of the tiny engine."""
    return next(voice for voice in parts.voices.search() if voice.model_id == TINY)


def order(speaker: Voice, **changes: Any) -> dict[str, Any]:
    """The body of a speech request."""
    return {"model_id": TINY, "transcript": TEXT, "voice": speaker.id, "output_format": WAV} | changes


def waveform_of(sound: bytes, form: dict[str, Any] | None = None) -> tuple[np.ndarray, int]:
    """Any answer as float samples, shape (samples,), and their rate; raw ones need their `form`."""
    raw = form is not None and form["container"] == "raw"
    options = {"sample_rate": str(form["sample_rate"]), "ch_layout": "mono"} if raw else {}
    container = av.open(io.BytesIO(sound), format=FFMPEG_NAMES[form["encoding"]] if raw else None, options=options)
    mono = av.AudioResampler(format="flt", layout="mono")
    blocks = [out.to_ndarray()[0] for frame in container.decode(audio=0) for out in mono.resample(frame)]
    return np.concatenate(blocks), container.streams.audio[0].rate


def level_of(waveform: np.ndarray) -> float:
    """dBFS."""
    return float(20 * np.log10(np.sqrt(np.mean(waveform**2))))


def charges(parts: Parts) -> list[float]:
    """What speech has cost, in credits, newest first."""
    return [-entry.amount for entry in parts.accounts.ledger() if entry.kind == LedgerKind.SPEECH]


def phrases_in(stretches: Sequence[Stretch]) -> list[Stretch]:
    """Stretches joined to whole phrases: each begins with the one that brings words."""
    starts = [index for index, stretch in enumerate(stretches) if stretch.words]
    return [
        Stretch(
            waveform=np.concatenate([stretch.waveform for stretch in stretches[start:end]]),
            words=stretches[start].words,
            phonemes=stretches[start].phonemes,
        )
        for start, end in pairwise([*starts, len(stretches)])
    ]


def check_times(phrase: Stretch) -> None:
    """Words and phonemes are in order, lie within the sound, and fill most of it."""
    seconds = len(phrase.waveform) / 24_000
    for timings in (phrase.words, phrase.phonemes):
        assert all(timing.start <= timing.end for timing in timings)
        assert all(one.end <= other.start + 0.001 for one, other in pairwise(timings))
        assert timings[0].start >= 0
        assert timings[-1].end <= seconds
        assert sum(timing.end - timing.start for timing in timings) > 0.5 * seconds


def brightness(phrases: Sequence[Stretch], phonemes: Collection[str]) -> float:
    """Median of the spectral centroid, in Hz, in the times that are said to be those of the phonemes."""
    centroids = []
    for phrase in phrases:
        for timing in phrase.phonemes:
            if timing.text in phonemes:
                power = np.abs(np.fft.rfft(phrase.waveform[int(24_000 * timing.start) : int(24_000 * timing.end)])) ** 2
                centroids.append(float(np.average(np.linspace(0, 12_000, len(power)), weights=power)))
    return float(np.median(centroids))

"""Chooses the clips that condition the voices of a fine-tune: clean, of usual length, unlike each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from model.audio import read_wav
from model.engines.protocol import TrainingClip
from model.errors import AudioError
from model.measuring import active_frames, active_seconds, frames_of, loudness_db, pitch_hz
from model.metering import CLIPPED_FROM
from model.sampling import Item, spread

USUAL_SECONDS = (3.0, 10.0)
ENOUGH = 3
"""Candidates wanted for each reference before a demand on them is upheld."""

MAX_CANDIDATES = 200
"""Measured at most, evenly over the data: each takes about 30 ms."""

MIN_VOICED_FRAMES = 20
MIN_CLEANNESS_DB = 30.0
USUAL_DEVIATIONS = 1.5
"""Beyond it a clip is measured wrongly (an octave, say), or spoken as its speaker rarely does. Measured with the same
models, four voices, seven sentences, against 2 and no regard to the melody: cosine .905 -> .911 in Italian, .906 ->
.903 in Spanish, .919 -> .919 in French; DistillMOS 4.24 -> 4.29, 3.66 -> 3.72, 4.30 -> 4.22."""


@dataclass(frozen=True, kw_only=True)
class Traits:
    """How a clip is spoken."""

    pitch_semitones: float
    """Median pitch, in semitones above 1 Hz."""
    melody_semitones: float
    """From the lowest fifth of the pitch to the highest."""
    pace: float
    """Letters of the transcript a second of speech, as octaves, so that twice as fast counts as much as half."""
    loudness_db: float
    cleanness_db: float
    """Speech over the quietest moments of the clip, its margins."""

    @property
    def place(self) -> tuple[float, float, float, float]:
        """Where it lies among ways of speaking: pitch, pace, energy, melody."""
        return self.pitch_semitones, self.pace, self.loudness_db, self.melody_semitones


def choose_references(clips: Sequence[TrainingClip], count: int = 4) -> list[TrainingClip]:
    """Choose `count` different clips, or all when there are fewer; always the same ones for the same clips.

    They differ from each other as much as possible in pitch, pace, energy and melody, of those that are spoken as
    usual; the first is the most usual of them. Clips that cannot be measured are taken only when nothing else is left.
    """
    unique = list({clip.path: clip for clip in clips}.values())
    measured = [(clip, traits) for clip in _candidates(unique, count) if (traits := measure_traits(clip))]
    clean = _if_enough([one for one in measured if one[1].cleanness_db >= MIN_CLEANNESS_DB], measured, count)
    places = _standardized(np.array([traits.place for _, traits in clean]).reshape(-1, 4))
    deviations = np.abs(places).max(axis=1, initial=0)
    enough = max(min(ENOUGH * count, len(clean) * 3 // 4), count, np.count_nonzero(deviations <= USUAL_DEVIATIONS))
    usual = np.sort(np.argsort(deviations, kind="stable")[:enough])
    chosen = [clean[usual[index]][0] for index in _far_apart(places[usual], count)]
    rest = sorted((clip for clip in unique if clip not in chosen), key=lambda clip: -clip.duration_seconds)
    return (chosen + rest)[:count]


def _candidates(clips: Sequence[TrainingClip], count: int) -> list[TrainingClip]:
    shortest, longest = USUAL_SECONDS
    usual = [clip for clip in clips if shortest <= clip.duration_seconds <= longest]
    candidates = _if_enough(usual, clips, count)
    return spread(candidates, MAX_CANDIDATES)


def _if_enough(wished: Sequence[Item], available: Sequence[Item], count: int) -> Sequence[Item]:
    return wished if len(wished) >= ENOUGH * count else available


def measure_traits(clip: TrainingClip) -> Traits | None:
    """Measure a clip; None when it is damaged, clipped, without text, or hardly voiced."""
    letters = sum(character.isalnum() for character in clip.transcript)
    try:
        waveform, _ = read_wav(clip.path)
        pitch = pitch_hz(waveform)
    except (AudioError, OSError):
        return None
    if not letters or len(pitch) < MIN_VOICED_FRAMES or np.abs(waveform).max() >= CLIPPED_FROM:
        return None
    frames = frames_of(waveform)
    power = np.mean(frames**2, axis=1)
    quiet = max(float(np.quantile(power, 0.03)), 1e-10)
    semitones = 12 * np.log2(pitch)
    return Traits(
        pitch_semitones=float(np.median(semitones)),
        melody_semitones=float(np.subtract(*np.percentile(semitones, [80, 20]))),
        pace=float(np.log2(letters / active_seconds(waveform))),
        loudness_db=loudness_db(waveform),
        cleanness_db=float(10 * np.log10(power[active_frames(frames)].mean() / quiet)),
    )


def _standardized(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance from the median in robust standard deviations (1.48 median absolute deviations), shape (clips, 4)."""
    if not len(places):
        return places
    centred = places - np.median(places, axis=0)
    return centred / np.maximum(1.4826 * np.median(np.abs(centred), axis=0), 0.1)


def _far_apart(places: NDArray[np.float64], count: int) -> list[int]:
    """Places of which the two most alike are as far apart as can be found; the most central one first.

    From each start, again and again the place farthest from all chosen (Gonzalez 1985); the best start wins.
    """
    distances = np.linalg.norm(places[:, None] - places, axis=2)
    tries = [_farthest_first(distances, start, min(count, len(places))) for start in range(len(places))]
    chosen = max(tries, key=lambda picks: _closest(distances, picks), default=[])
    return sorted(chosen, key=lambda index: float(np.linalg.norm(places[index])))


def _farthest_first(distances: NDArray[np.float64], start: int, count: int) -> list[int]:
    chosen = [start]
    nearest = distances[start].copy()
    while len(chosen) < count:
        nearest[chosen] = -1.0
        chosen.append(int(np.argmax(nearest)))
        nearest = np.minimum(nearest, distances[chosen[-1]])
    return chosen


def _closest(distances: NDArray[np.float64], chosen: Sequence[int]) -> float:
    return min((float(distances[one, other]) for one, other in combinations(chosen, 2)), default=0.0)

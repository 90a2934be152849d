"""Who speaks in the clips of a dataset: its main speaker, and how like that speaker each clip sounds."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.audio import SAMPLE_RATE, read_wav
from model.evaluation import SpeakerEncoder
from model.quality import Finding, Kind, Verdict

SAME_FROM = 0.79
"""Cosine from which on a clip is the main speaker's. Measured on clean clips of 2 s and more of three speakers, 80
each: the same speaker 0.76 to 0.99 (99 in 100 above 0.79), another one of the same sex 0.67 to 0.85 (median 0.75), of
the other sex 0.45 to 0.69. Noise 10 dB below the speech costs 0.3, a reverberant room as much: such files are not
judged."""

OTHER_SHARE = 0.6
"""Share of a file's clips from which on the whole file is another speaker's."""

HIDING = (Kind.MUSIC, Kind.NOISE, Kind.REVERBERATION)
"""Findings with which a speaker sounds like somebody else."""

MIN_SECONDS = 2.0
"""In shorter clips the same speaker may sound like another one."""

HEARD_SECONDS = 4.0
"""From the middle of a clip."""

BATCH = 32
MOST_COMPARED = 2_000
"""Clips among which the main speaker is looked for: all pairs of them are compared."""

Embeddings = NDArray[np.float32]
"""Of unit length, shape (clips, 256)."""


def embed_clips(paths: Sequence[Path], encoder: SpeakerEncoder) -> Embeddings:
    """One embedding for each clip (mono WAV at 24 kHz); raises AudioError when one cannot be read."""
    batches = [paths[first : first + BATCH] for first in range(0, len(paths), BATCH)]
    embedded = [encoder.embed_many([_middle(read_wav(path)[0]) for path in batch]) for batch in batches]
    return np.concatenate([np.zeros((0, 256), np.float32), *embedded])


def _middle(waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    spare = max(len(waveform) - int(HEARD_SECONDS * SAMPLE_RATE), 0)
    return waveform[spare // 2 : len(waveform) - (spare - spare // 2)]


def similarities(embeddings: Embeddings, seconds: NDArray[np.float64]) -> NDArray[np.float32]:
    """Cosine of each clip to the main speaker, shape (clips,); `seconds` are the clips' lengths.

    The main speaker is the centroid of the largest group: of the clips that sound like the one that most seconds of
    speech sound like.
    """
    compared = np.linspace(0, len(embeddings) - 1, min(len(embeddings), MOST_COMPARED)).round().astype(int)
    candidates = embeddings[compared]
    alike = candidates @ candidates.T >= SAME_FROM
    members = alike[int(np.argmax(alike @ seconds[compared]))]
    for _ in range(2):
        centre = candidates[members].mean(axis=0)
        centre /= np.linalg.norm(centre)
        members = candidates @ centre >= SAME_FROM
    return embeddings @ centre


def find_others(similarity: Mapping[float, float]) -> Finding | None:
    """What to say of a file whose clips, by the second at which they start, are so like the main speaker."""
    others = [start for start, cosine in similarity.items() if cosine < SAME_FROM]
    if not others:
        return None
    if len(others) >= OTHER_SHARE * len(similarity):
        return Finding(
            kind=Kind.SPEAKER,
            verdict=Verdict.POOR,
            reason="Another person seems to speak here than in most of the recordings.",
            advice="Remove the file if it is another speaker: a clone is made of one voice.",
        )
    first = int(min(others))
    return Finding(
        kind=Kind.SPEAKER,
        verdict=Verdict.USABLE,
        reason=f"Another person seems to speak in {len(others)} of {len(similarity)} clips, first at "
        f"{first // 60}:{first % 60:02}.",
        advice="Listen to these clips, and exclude them if it is another speaker.",
    )

"""Clips -> training examples: aligned, measured, and what the frozen text encoders make of them."""

import hashlib
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
import soxr
import torch
from torch import Tensor

from model.engines.kokoro import features, phonemes, symbols
from model.engines.kokoro.alignment import ALIGNER_SAMPLE_RATE, Aligner
from model.engines.kokoro.decoder import SAMPLE_RATE
from model.engines.kokoro.network import LATE_FRAMES, MAX_SYMBOLS, SAMPLES_PER_FRAME, Network
from model.engines.kokoro.styles import pace_of, traits_of
from model.errors import AudioError

if TYPE_CHECKING:
    from model.engines.protocol import TrainingClip, Waveform

# The share of clips with the worst alignment scores that is left out: transcripts that do not fit show there.
WORST_SHARE = 0.04
ENOUGH_FRAMES = 4 * 60 * 40


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A clip with its alignment and contours: `durations (symbols,)` with padding, contours `(2 * frames,)`."""

    phonemes: str
    waveform: "Waveform"
    durations: Tensor
    f0: Tensor
    energy: Tensor
    traits: Tensor
    score: float

    @property
    def frames(self) -> int:
        """Length in 25 ms frames."""
        return len(self.f0) // 2


@dataclass(frozen=True, kw_only=True)
class Example:
    """A measured clip and its encodings, `(512, symbols)` each: `text` for the decoder, `prosody_text` for prosody."""

    clip: Measured
    text: Tensor
    prosody_text: Tensor


def read_clip(path: Path) -> "Waveform":
    """A mono 24 kHz WAV as float32 `(samples,)`; raises AudioError."""
    try:
        waveform, sample_rate = soundfile.read(path, dtype="float32")
    except (OSError, soundfile.LibsndfileError) as error:
        raise AudioError(f"The clip {path.name} cannot be read: {error}") from error
    if waveform.ndim != 1 or sample_rate != SAMPLE_RATE:
        raise AudioError(
            f"The clip {path.name} must be mono at {SAMPLE_RATE} Hz, not {waveform.shape} at {sample_rate} Hz."
        )
    return waveform


def measure(clip: "TrainingClip", aligner: Aligner, language: str) -> Measured | None:
    """Align and measure one clip; None when its transcript does not align with it."""
    spoken = phonemes.phonemes_of(clip.transcript, language)
    waveform = read_clip(clip.path)
    # Silence behind, so that the shifted timeline still has room for the last sound.
    frames = len(waveform) // SAMPLES_PER_FRAME + 2 * LATE_FRAMES
    waveform = np.pad(waveform, (0, frames * SAMPLES_PER_FRAME - len(waveform)))
    if not spoken or len(spoken) > MAX_SYMBOLS:
        return None
    aligned = aligner.align(soxr.resample(waveform, SAMPLE_RATE, ALIGNER_SAMPLE_RATE), spoken, frames)
    if aligned is None:
        return None
    f0 = features.pitch_of(waveform)
    energy = features.energy_of(torch.from_numpy(waveform))
    traits = traits_of(f0=f0, energy=energy.numpy(), pace=pace_of(spoken, aligned.durations))
    return Measured(
        phonemes=spoken,
        waveform=waveform,
        durations=torch.from_numpy(aligned.durations),
        f0=torch.from_numpy(f0),
        energy=energy,
        traits=torch.from_numpy(traits),
        score=aligned.score,
    )


def measure_all(
    clips: Sequence["TrainingClip"], language: str, *, seconds: float
) -> Generator[int, None, list[Measured]]:
    """Yield how many clips are done; return those that align, without the worst few per cent.

    After `seconds` it stops, if there is speech enough by then: more would be aligned at the cost of learning.
    """
    aligner = Aligner()
    measured: list[Measured] = []
    deadline = time.monotonic() + seconds
    for done, clip in enumerate(clips, start=1):
        result = measure(clip, aligner, language)
        if result is not None:
            measured.append(result)
        yield done
        if time.monotonic() > deadline and sum(clip.frames for clip in measured) > ENOUGH_FRAMES:
            break
    measured.sort(key=lambda clip: clip.score, reverse=True)
    return measured[: len(measured) - int(len(measured) * WORST_SHARE)]


@torch.no_grad()
def encode(network: Network, clip: Measured) -> Example:
    """Run the frozen text encoders once; their results serve every step."""
    ids = torch.tensor([symbols.ids_of(clip.phonemes)], device=network.bert_encoder.weight.device)
    return Example(clip=clip, text=network.text_encoder(ids)[0].cpu(), prosody_text=network.prosody_text(ids)[0].cpu())


def fingerprint(clips: Sequence["TrainingClip"], language: str) -> str:
    """A hash that changes with the clips of a run, their transcripts or the language."""
    digest = hashlib.sha256(language.encode())
    for clip in sorted(clips, key=lambda clip: clip.id):
        digest.update(f"\n{clip.id}\t{clip.transcript}\t{clip.duration_seconds:.3f}".encode())
    return digest.hexdigest()

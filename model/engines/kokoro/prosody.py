"""The prosody stage: the predictor learns the speaker's durations, melody and energy, without the vocoder."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from model.engines.kokoro.decoder import VOICED_ABOVE_HZ
from model.engines.kokoro.descent import Descent
from model.engines.kokoro.examples import Example
from model.engines.kokoro.layers import frame_mask
from model.engines.kokoro.network import Network, lay_out
from model.engines.kokoro.predictor import MAX_FRAMES_PER_SYMBOL
from model.engines.kokoro.schedule import Schedule
from model.engines.kokoro.styles import SpeakerStyle

# Measured on held-back clips after 100 s: 5.13, where batches of 8 at half the rate reach 5.83.
BATCH_SIZE = 4
PREDICTOR_RATE = 2e-4
STYLE_RATE = 2e-3
OFFSET_RATE = 2e-3
# The pace of a whole clip, so that a voice learns to speak as fast as its clip.
PACE_WEIGHT = 5.0
_MIDDLE = (0.2, 0.8)
_WIDEST = 1.2
_NEW_TEXT = 1.05
"""What was learnt from is predicted less flatly than other text. Four voices, eight sentences, 1, 1.05 and 1.1 times:
Spanish F0 sd 82, 85, 89 % of the recordings', DistillMOS 3.81, 3.81, 3.72, normalised similarity .863, .869, .871, WER
.131, .123, .113; from 1 to 1.1 times French 82 -> 88 %, 4.34 -> 4.30, .929 -> .944, .270 -> .266, Italian 95 -> 103 %,
4.39 -> 4.36, .832 -> .834, .142 -> .133."""
_MEASURED_CLIPS = 40
_FEWEST_FRAMES = 400


@dataclass(frozen=True, kw_only=True)
class ProsodyBatch:
    """Clips padded to the longest: `text (batch, 512, symbols)`, `durations (batch, symbols)`, contours
    `(batch, 2 * frames)`, `traits (batch, 4)`, lengths in symbols and in 25 ms frames `(batch,)`."""

    text: Tensor
    durations: Tensor
    f0: Tensor
    energy: Tensor
    traits: Tensor
    symbols: Tensor
    frames: Tensor

    @classmethod
    def of(cls, examples: Sequence[Example], device: torch.device) -> "ProsodyBatch":
        def padded(rows: list[Tensor]) -> Tensor:
            return pad_sequence(rows, batch_first=True).to(device)

        clips = [example.clip for example in examples]
        return cls(
            text=padded([example.prosody_text.T for example in examples]).transpose(1, 2),
            durations=padded([clip.durations for clip in clips]),
            f0=padded([clip.f0 for clip in clips]),
            energy=padded([clip.energy for clip in clips]),
            traits=torch.stack([clip.traits for clip in clips]).to(device),
            symbols=torch.tensor([len(clip.durations) for clip in clips], device=device),
            frames=torch.tensor([clip.frames for clip in clips], device=device),
        )


def prosody_loss(network: Network, speaker: SpeakerStyle, batch: ProsodyBatch) -> Tensor:
    """|durations| + 20 · cross entropy of their bins + 5 · |log pace| + F0 / 10 Hz + energy; padding counts nowhere."""
    style = speaker.prosodic(batch.traits)
    styled, logits = network.predictor.duration_logits(batch.text, style, batch.symbols)
    frames = pad_sequence(
        [
            row[:, :count].repeat_interleave(durations[:count], dim=-1).T
            for row, durations, count in zip(styled, batch.durations, batch.symbols.tolist(), strict=True)
        ],
        batch_first=True,
    ).transpose(1, 2)
    f0, energy = network.predictor.contours(frames, style, batch.frames)
    mask = frame_mask(2 * batch.frames, f0.shape[-1])[:, 0]
    f0_loss = (F.smooth_l1_loss(f0, batch.f0, reduction="none") * mask).sum() / mask.sum()
    energy_loss = (F.smooth_l1_loss(energy, batch.energy, reduction="none") * mask).sum() / mask.sum()
    return _duration_loss(logits, batch) + f0_loss / 10 + energy_loss


def _duration_loss(logits: Tensor, batch: ProsodyBatch) -> Tensor:
    """Over the symbols of the transcript alone: what lies before and after speech is chance."""
    mask = frame_mask(batch.symbols - 1, logits.shape[1])[:, 0]
    mask[:, 0] = 0
    durations = batch.durations.clamp(max=MAX_FRAMES_PER_SYMBOL).float()
    bins = (torch.arange(MAX_FRAMES_PER_SYMBOL, device=logits.device) < durations[..., None]).float()
    entropy = F.binary_cross_entropy_with_logits(logits, bins, reduction="none").mean(dim=-1)
    predicted = logits.sigmoid().sum(dim=-1)
    error = (predicted - durations).abs()
    pace = ((predicted * mask).sum(dim=1) / (durations * mask).sum(dim=1)).log().abs().mean()
    return ((error + 20 * entropy) * mask).sum() / mask.sum() + PACE_WEIGHT * pace


def train_prosody(
    network: Network, speaker: SpeakerStyle, examples: Sequence[Example], schedule: Schedule, rng: random.Random
) -> Iterator[None]:
    """Train predictor and prosodic style in place until the schedule ends; yields after each step."""
    predictor = network.predictor.requires_grad_(True).train()
    device = next(predictor.parameters()).device
    rates = (PREDICTOR_RATE, STYLE_RATE, OFFSET_RATE)
    optimizer = torch.optim.AdamW(
        [
            {"params": list(predictor.parameters())},
            {"params": [speaker.center]},
            {"params": [speaker.prosodic_offset]},
        ],
        weight_decay=0.0,
        betas=(0.9, 0.99),
    )
    descent = Descent(optimizer, bounded=list(predictor.parameters()), longest_gradient=5.0)
    while schedule.goes_on():
        batch = ProsodyBatch.of(_similar_lengths(examples, rng), device)
        loss = prosody_loss(network, speaker, batch)
        schedule.record(descent.step(loss, rates=[rate * schedule.rate_factor for rate in rates]))
        yield
    optimizer.zero_grad(set_to_none=True)
    predictor.requires_grad_(False).eval()
    speaker.melody.fill_(melody_of(network, speaker, examples[:_MEASURED_CLIPS]))


@torch.no_grad()
def melody_of(network: Network, speaker: SpeakerStyle, examples: Sequence[Example]) -> float:
    """How many times wider a voice shall move its pitch than predicted: half the way, in octaves, to what clips do,
    and a little more.

    A prediction is the middle of all that could be; a voice that speaks so is flat. Compared is what lies between a
    fifth and four fifths of the voiced frames about each clip's median. Measured on a French speaker (two voices, six
    sentences), who moves 1.4 times as far as predicted: 1 time gives normalised similarity .88 and naturalness 4.10,
    1.2 times .93 and 4.17, 1.35 times .92 and 3.93.
    """
    device = speaker.center.device
    ways: tuple[list[Tensor], list[Tensor]] = ([], [])
    for example in examples:
        batch = ProsodyBatch.of([example], device)
        style = speaker.prosodic(batch.traits)
        styled, _ = network.predictor.duration_logits(batch.text, style)
        predicted, _ = network.predictor.contours(lay_out(styled, batch.durations[0]), style)
        voiced = (batch.f0 > 0) & (predicted > VOICED_ABOVE_HZ)
        if not voiced.any():
            continue
        for way, f0 in zip(ways, (batch.f0, predicted), strict=True):
            octaves = f0[voiced].log2()
            way.append(octaves - octaves.median())
    if sum(map(len, ways[0])) < _FEWEST_FRAMES:
        return 1.0
    middle = torch.tensor(_MIDDLE, device=device)
    spoken, said = (float(torch.cat(way).quantile(middle).diff()) for way in ways)
    return min(max(spoken / max(said, 1e-3), 1.0) ** 0.5 * _NEW_TEXT, _WIDEST)


def _similar_lengths(examples: Sequence[Example], rng: random.Random) -> list[Example]:
    """Clips for one step: neighbours by length in a draw of twice as many, so that little is padding."""
    drawn = rng.sample(examples, k=min(2 * BATCH_SIZE, len(examples)))
    drawn.sort(key=lambda example: example.clip.frames)
    first = rng.randint(0, max(0, len(drawn) - BATCH_SIZE))
    return drawn[first : first + BATCH_SIZE]

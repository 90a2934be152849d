"""The voice stage: the decoder learns the speaker's timbre; the generator's convolutions stay as published.

Trained without an adversary those convolutions would lose their fine structure and buzz. What learns is what the
style controls (the adaptive norms), the acoustic style itself and the blocks at 40 and 80 Hz.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from model.engines.kokoro.descent import Descent
from model.engines.kokoro.examples import Example
from model.engines.kokoro.features import bandwidth_of
from model.engines.kokoro.network import SAMPLES_PER_FRAME, Network
from model.engines.kokoro.schedule import Schedule
from model.engines.kokoro.spectral_loss import SpectralLoss
from model.engines.kokoro.state import trained_names
from model.engines.kokoro.styles import SpeakerStyle
from model.sampling import spread

# More steps are worth more than more segments in each: after 290 s on two cores (Italian, strength .5) normalised
# similarity is .87 with one of 1.8 s, .83 with two; .82 with one of 1.2 s.
STEP_SEGMENTS = {"cpu": 1, "cuda": 8}
SEGMENT_FRAMES = 72
NORM_RATE = 3e-4
BLOCK_RATE = 1.2e-4
STYLE_RATE = 2e-3
OFFSET_RATE = 5e-4
_BANDWIDTH_CLIPS = 100


@dataclass(frozen=True, kw_only=True)
class Segments:
    """Stretches of equal length: `text (batch, 512, frames)`, contours `(batch, 2 * frames)`, `traits (batch, 4)`,
    `waveform (batch, 600 * frames)`."""

    text: Tensor
    f0: Tensor
    energy: Tensor
    traits: Tensor
    waveform: Tensor

    @classmethod
    def drawn(cls, examples: Sequence[Example], rng: random.Random, device: torch.device, *, count: int) -> "Segments":
        """Draw `count` clips by their length; all are cut to the shortest of them, 1.8 s at most."""
        weights = [example.clip.frames for example in examples]
        chosen = rng.choices(examples, weights=weights, k=count)
        frames = min(SEGMENT_FRAMES, *(example.clip.frames for example in chosen))
        parts = [_cut(example, rng.randint(0, example.clip.frames - frames), frames) for example in chosen]
        text, f0, energy, traits, waveform = (torch.stack(column).to(device) for column in zip(*parts, strict=True))
        return cls(text=text, f0=f0, energy=energy, traits=traits, waveform=waveform)


def _cut(example: Example, start: int, frames: int) -> tuple[Tensor, ...]:
    clip, end = example.clip, start + frames
    places = torch.repeat_interleave(clip.durations)[start:end]
    samples = torch.from_numpy(clip.waveform[start * SAMPLES_PER_FRAME : end * SAMPLES_PER_FRAME])
    contours = slice(2 * start, 2 * end)
    return example.text[:, places], clip.f0[contours], clip.energy[contours], clip.traits, samples


def trained_parameters(network: Network) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """The decoder's parameters that learn: those of the adaptive norms and those of the blocks at frame rate.

    The source's norms stay as published: the gradient does not reach them.
    """
    norms: list[nn.Parameter] = []
    blocks: list[nn.Parameter] = []
    for name in trained_names(network):
        if name.startswith("decoder.") and ".noise_res." not in name:
            (norms if ".fc." in name else blocks).append(network.get_parameter(name))
    return norms, blocks


def voice_loss(network: Network, speaker: SpeakerStyle, segments: Segments, distance: SpectralLoss) -> Tensor:
    """Distance of teacher-forced speech to the recordings."""
    device = segments.waveform.device.type
    with torch.autocast(device, torch.bfloat16, enabled=has_bfloat16(segments.waveform.device)):
        spoken = network.decoder(segments.text, segments.f0, segments.energy, speaker.acoustic(segments.traits))
    return distance(spoken.float(), segments.waveform)


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device gains by computing in bfloat16.

    CPUs do not: with AVX-512 and its bfloat16 (two cores of a Xeon, no AMX) a step takes 1.5 s by autocast, .6 s by the
    compiled loops in float32.
    """
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def train_voice(
    network: Network, speaker: SpeakerStyle, examples: Sequence[Example], schedule: Schedule, rng: random.Random
) -> Iterator[None]:
    """Train decoder and acoustic style in place until the schedule ends; yields after each step."""
    norms, blocks = trained_parameters(network)
    for parameter in (*norms, *blocks):
        parameter.requires_grad_(True)
    device = norms[0].device
    waveforms = [example.clip.waveform for example in spread(examples, _BANDWIDTH_CLIPS)]
    distance = SpectralLoss(bandwidth_of(waveforms)).to(device)
    rates = (NORM_RATE, BLOCK_RATE, STYLE_RATE, OFFSET_RATE)
    groups = (norms, blocks, [speaker.center], [speaker.acoustic_offset])
    optimizer = torch.optim.AdamW(
        [{"params": group} for group in groups], weight_decay=0.0, betas=(0.8, 0.99), fused=True
    )
    descent = Descent(optimizer, bounded=[*norms, *blocks], longest_gradient=10.0)
    while schedule.goes_on():
        segments = Segments.drawn(examples, rng, device, count=STEP_SEGMENTS[device.type])
        loss = voice_loss(network, speaker, segments, distance)
        schedule.record(descent.step(loss, rates=[rate * schedule.rate_factor for rate in rates]))
        yield
    optimizer.zero_grad(set_to_none=True)
    network.decoder.requires_grad_(False)

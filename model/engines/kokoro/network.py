"""The whole network, and how text becomes durations, contours and a waveform in it."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from model.engines.kokoro.decoder import CONTEXT_FRAMES, VOICED_ABOVE_HZ, Decoder
from model.engines.kokoro.layers import NormMemory
from model.engines.kokoro.predictor import ProsodyPredictor
from model.engines.kokoro.text import BERT_SIZE, Albert, TextEncoder

SYMBOLS = 178
MAX_SYMBOLS = 510
TEXT_SIZE = 512
STYLE_SIZE = 128
SAMPLES_PER_FRAME = 600
# The base model's symbols lie two frames later than the sounds that they stand for. Measured: the distance of
# teacher-forced speech to real clips is least with forced alignments shifted by so much.
LATE_FRAMES = 2
# Silence before the first symbol of a fine-tune, as its clips have it. The base model predicts twice as much, in which
# a fine-tune hums: recognition heard an “uh” or “if” before one sentence in six. The base itself needs it:
# with less it swallows the first syllable.
FINE_TUNED_LEAD_FRAMES = 7
# How much the decoder's blocks are given beyond a stretch. They see twice as far, which hardly changes speech.
_REACH_FRAMES = 5
_WIDENED_OCTAVES = 0.5


@dataclass(kw_only=True)
class Reading:
    """How the network will speak one text: `durations (symbols,)` in 25 ms frames, and what the decoder needs.

    `frames` are made of it as they are needed: the first stretch need not wait for the whole phrase's.
    """

    durations: Tensor
    score: Tensor
    harmonics: Tensor
    style: Tensor
    frames: Tensor | None = None


class Network(nn.Module):
    """Kokoro-82M: text encoders, prosody predictor, decoder. A style is `(256,)`: 128 acoustic, 128 prosodic."""

    def __init__(self) -> None:
        super().__init__()
        self.bert = Albert(SYMBOLS, MAX_SYMBOLS + 2)
        self.bert_encoder = nn.Linear(BERT_SIZE, TEXT_SIZE)
        self.text_encoder = TextEncoder(SYMBOLS, TEXT_SIZE)
        self.predictor = ProsodyPredictor(TEXT_SIZE, STYLE_SIZE)
        self.decoder = Decoder(TEXT_SIZE, STYLE_SIZE)

    def prosody_text(self, ids: Tensor) -> Tensor:
        """Symbol ids `(1, symbols)` -> what the predictor reads, `(1, 512, symbols)`."""
        return self.bert_encoder(self.bert(ids)).transpose(1, 2)

    @torch.inference_mode()
    def read(
        self, ids: Tensor, style: Tensor, *, speed: float = 1.0, lead_frames: int | None = None, melody: float = 1.0
    ) -> Reading:
        """Decide how symbol ids `(symbols,)`, padding symbols included, are spoken in a style `(256,)`.

        The silence before them lasts `lead_frames` at most, where that is given; `melody` is how many times wider
        pitch moves than predicted.
        """
        device = self.bert_encoder.weight.device
        ids, style = ids.to(device), style.to(device)
        acoustic, prosodic = style[None, :STYLE_SIZE], style[None, STYLE_SIZE:]
        styled, logits = self.predictor.duration_logits(self.prosody_text(ids[None]), prosodic)
        durations = durations_of(logits[0], speed=speed)
        durations[0] = durations[0].clamp(min=1, max=lead_frames)
        f0, energy = self.predictor.contours(lay_out(styled, durations), prosodic)
        f0 = widened(f0, melody)
        text = lay_out(self.text_encoder(ids[None]), durations)
        return Reading(
            durations=durations,
            score=self.decoder.score(text, f0, energy),
            harmonics=self.decoder.generator.harmonics(f0),
            style=acoustic,
        )

    @torch.inference_mode()
    def render(self, reading: Reading, start: int, end: int, memory: NormMemory) -> Tensor:
        """The waveform `(600 * (end - start),)` of the 25 ms frames from `start` to `end` of a reading."""
        reading.frames = self._frames(reading, end + -(-CONTEXT_FRAMES // 2), memory)
        generator = self.decoder.generator
        return generator.stretch(reading.frames, reading.harmonics, reading.style, 2 * start, 2 * end, memory)[0]

    def _frames(self, reading: Reading, end: int, memory: NormMemory) -> Tensor:
        """The frames of a reading, up to `end` at least: few at first, then so many that there are few turns."""
        known = 0 if reading.frames is None else reading.frames.shape[-1] // 2
        end = min(end, reading.score.shape[-1])
        if reading.frames is not None and known >= end:
            return reading.frames
        start, end = max(0, known - _REACH_FRAMES), min(max(end, 4 * known), reading.score.shape[-1])
        frames = self.decoder.frames(reading.score[..., start : end + _REACH_FRAMES], reading.style, memory)
        frames = frames[..., 2 * (known - start) : 2 * (end - start)]
        return frames if reading.frames is None else torch.cat([reading.frames, frames], dim=-1)


def durations_of(logits: Tensor, *, speed: float = 1.0) -> Tensor:
    """Duration logits `(symbols, 50)` -> whole 25 ms frames of each symbol `(symbols,)`, at least one."""
    return (logits.sigmoid().sum(dim=-1) / speed).round().clamp(min=1).long()


def widened(f0: Tensor, times: float) -> Tensor:
    """Pitch `(1, frames)` in Hz with its way from the median so many times as long, in octaves.

    What lies more than half an octave off, as where voice sets in and ends, is moved no further than what lies there.
    """
    voiced = f0 > VOICED_ABOVE_HZ
    if times == 1.0 or not voiced.any():
        return f0
    octaves = f0.clamp(min=VOICED_ABOVE_HZ).log2()
    way = (octaves - octaves[voiced].median()).clamp(-_WIDENED_OCTAVES, _WIDENED_OCTAVES)
    return torch.where(voiced, f0 * ((times - 1) * way).exp2(), f0)


def lay_out(x: Tensor, durations: Tensor) -> Tensor:
    """Repeat each symbol of `(1, channels, symbols)` for its frames -> `(1, channels, sum of durations)`."""
    return x.repeat_interleave(durations, dim=-1)

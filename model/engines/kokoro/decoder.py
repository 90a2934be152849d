"""From encoded text, pitch, energy and style to a waveform: frame-rate blocks, then the iSTFT generator."""

import math
from functools import reduce

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.engines.kokoro.fast_linear import raise_rate
from model.engines.kokoro.layers import NormMemory, SnakeBlock, StyledBlock, conv_over_frames

SAMPLE_RATE = 24_000
SAMPLES_PER_F0_FRAME = 300
N_FFT = 20
HOP_LENGTH = 5
HARMONICS = 9
SINE_AMPLITUDE = 0.1
VOICED_NOISE = 0.003
VOICED_ABOVE_HZ = 10.0
# As far as a frame of 12.5 ms is heard, at the first rate and at what is left of it after that: what lies further
# changes the waveform at -75 dB.
CONTEXT_FRAMES, _LATE_CONTEXT_FRAMES = 7, 2
_RATES = (10, 6)
_SPECTRA_PER_FRAME = SAMPLES_PER_F0_FRAME // HOP_LENGTH


class _Source(nn.Module):
    """The harmonic source (hn-NSF, arXiv:1904.12088): sines at the multiples of F0 in voice, noise elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.l_linear = nn.Linear(HARMONICS, 1)

    def forward(self, f0: Tensor) -> Tensor:
        """F0 in Hz `(batch, frames)` -> waveform `(batch, 300 * frames)`."""
        turns = f0[:, None] * torch.arange(1, HARMONICS + 1, device=f0.device)[:, None] / SAMPLE_RATE
        phase = 2 * math.pi * SAMPLES_PER_F0_FRAME * turns.double().cumsum(dim=-1)
        # In float64: after half a minute the phase is so large that float32 would be out of tune.
        phase = F.interpolate(phase, scale_factor=float(SAMPLES_PER_F0_FRAME), mode="linear")
        voiced = (f0 > VOICED_ABOVE_HZ).float().repeat_interleave(SAMPLES_PER_F0_FRAME, dim=-1)[:, None]
        noise = voiced * VOICED_NOISE + (1 - voiced) * SINE_AMPLITUDE / 3
        sines = phase.sin().float() * SINE_AMPLITUDE * voiced
        sines = sines + noise * torch.randn_like(sines)
        return torch.tanh(self.l_linear(sines.transpose(1, 2))).squeeze(-1)


class Generator(nn.Module):
    """Twice up (10 and 6 times), the source added at each rate, then magnitude and phase of an inverse STFT."""

    def __init__(self, channels: int, style_size: int) -> None:
        super().__init__()
        bins = N_FFT + 2
        half, quarter = channels // 2, channels // 4
        self.m_source = _Source()
        self.noise_convs = nn.ModuleList(
            [
                nn.Conv1d(bins, half, 2 * _RATES[1], stride=_RATES[1], padding=(_RATES[1] + 1) // 2),
                nn.Conv1d(bins, quarter, 1),
            ]
        )
        self.noise_res = nn.ModuleList([SnakeBlock(half, 7, style_size), SnakeBlock(quarter, 11, style_size)])
        self.ups = nn.ModuleList(
            [
                nn.ConvTranspose1d(channels, half, 20, stride=_RATES[0], padding=5),
                nn.ConvTranspose1d(half, quarter, 12, stride=_RATES[1], padding=3),
            ]
        )
        self.resblocks = nn.ModuleList(
            SnakeBlock(size, kernel_size, style_size) for size in (half, quarter) for kernel_size in (3, 7, 11)
        )
        self.conv_post = nn.Conv1d(quarter, bins, 7, padding=3)

    def forward(self, x: Tensor, style: Tensor, f0: Tensor) -> Tensor:
        """`(batch, channels, frames)` at 80 Hz -> waveform `(batch, 300 * frames)`."""
        harmonics = self.harmonics(f0)
        for level in range(len(_RATES)):
            x = self._raised(level, x, harmonics, style)
        return self._waveform(x)

    def stretch(self, x: Tensor, harmonics: Tensor, style: Tensor, start: int, end: int, memory: NormMemory) -> Tensor:
        """The waveform `(batch, 300 * (end - start))` of some frames of `x`, with what they need around them."""
        first, rate = 0, 1
        for level, context in enumerate((CONTEXT_FRAMES, _LATE_CONTEXT_FRAMES)):
            before, after = max(0, start - context), min(harmonics.shape[-1] // _SPECTRA_PER_FRAME, end + context)
            source = harmonics[..., before * _SPECTRA_PER_FRAME : after * _SPECTRA_PER_FRAME + 1]
            x = self._raised(level, x[..., (before - first) * rate : (after - first) * rate], source, style, memory)
            first, rate = before, rate * _RATES[level]
        waveform = self._waveform(x)
        return waveform[:, (start - first) * SAMPLES_PER_F0_FRAME : (end - first) * SAMPLES_PER_F0_FRAME]

    def _raised(
        self, level: int, x: Tensor, harmonics: Tensor, style: Tensor, memory: NormMemory | None = None
    ) -> Tensor:
        """Frames at one rate -> frames at the next, with the source added. No gradient goes through the blocks of
        the source: they stay as published, which costs no likeness and makes a step of training shorter."""
        source = self.noise_res[level](_channels_last(self.noise_convs[level](harmonics)), style.detach(), memory)
        x = _channels_last(raise_rate(self.ups[level], F.leaky_relu(x, 0.1)))  # type: ignore[arg-type]
        if level == len(_RATES) - 1:
            x = torch.cat([x[..., 1:2], x], dim=-1)
        x = x + source
        blocks = self.resblocks[3 * level : 3 * level + 3]
        return reduce(Tensor.add_, (block(x, style, memory) for block in blocks)).squeeze(2).div_(len(blocks))

    def _waveform(self, x: Tensor) -> Tensor:
        x = conv_over_frames(self.conv_post, _channels_last(F.leaky_relu(x))).squeeze(2).float()
        magnitude, phase = x[:, : N_FFT // 2 + 1].exp(), x[:, N_FFT // 2 + 1 :].sin()
        with torch.autocast(x.device.type, enabled=False):
            # Not torch.polar: below 1e-38, which a magnitude is once in thousands of steps, its gradient is no number.
            spectrum = torch.complex(magnitude * phase.cos(), magnitude * phase.sin())
            return torch.istft(spectrum, N_FFT, HOP_LENGTH, window=self._window(x.device))

    def harmonics(self, f0: Tensor) -> Tensor:
        """F0 in Hz `(batch, frames)` -> magnitude and phase of the source `(batch, 22, 60 * frames + 1)`."""
        with torch.no_grad(), torch.autocast(f0.device.type, enabled=False):
            source = self.m_source(f0.float())
            spectrum = torch.stft(source, N_FFT, HOP_LENGTH, window=self._window(f0.device), return_complex=True)
            return torch.cat([spectrum.abs(), spectrum.angle()], dim=1)

    @staticmethod
    def _window(device: torch.device) -> Tensor:
        return torch.hann_window(N_FFT, device=device)


def _channels_last(x: Tensor) -> Tensor:
    """`(batch, channels, frames)` -> `(batch, channels, 1, frames)`, channels last in memory."""
    return x.unsqueeze(2).contiguous(memory_format=torch.channels_last)


class Decoder(nn.Module):
    """Blocks at 40 and 80 Hz that see text, pitch and energy again and again, then the generator."""

    def __init__(self, text_size: int, style_size: int, *, hidden_size: int = 1024) -> None:
        super().__init__()
        reminded, generator_size = hidden_size + 64 + 2, hidden_size // 2
        self.F0_conv = nn.Conv1d(1, 1, 3, stride=2, padding=1)
        self.N_conv = nn.Conv1d(1, 1, 3, stride=2, padding=1)
        self.asr_res = nn.Sequential(nn.Conv1d(text_size, 64, 1))
        self.encode = StyledBlock(text_size + 2, hidden_size, style_size)
        self.decode = nn.ModuleList(StyledBlock(reminded, hidden_size, style_size) for _ in range(3))
        self.decode.append(StyledBlock(reminded, generator_size, style_size, upsample=True))
        self.generator = Generator(generator_size, style_size)

    def forward(self, text: Tensor, f0: Tensor, energy: Tensor, style: Tensor) -> Tensor:
        """Text laid out in time `(batch, 512, frames)`, F0 and energy `(batch, 2 * frames)`, acoustic style
        `(batch, 128)` -> waveform `(batch, 600 * frames)`."""
        return self.generator(self.frames(self.score(text, f0, energy), style), style, f0)

    def score(self, text: Tensor, f0: Tensor, energy: Tensor) -> Tensor:
        """What is to be said and how, at 40 Hz: text, and pitch and energy at that rate, `(batch, 514, frames)`."""
        return torch.cat([text, self.F0_conv(f0[:, None]), self.N_conv(energy[:, None])], dim=1)

    def frames(self, score: Tensor, style: Tensor, memory: NormMemory | None = None) -> Tensor:
        """What the generator makes sound of, `(batch, 512, 2 * frames)`; with a `memory`, of a stretch of the score."""
        text, contours = score[:, :-2], score[:, -2:]
        x = self.encode(score, style, memory=memory)
        reminder = torch.cat([self.asr_res(text), contours], dim=1)
        for block in self.decode:
            x = block(torch.cat([x, reminder], dim=1), style, memory=memory)
        return x

"""Building blocks of the network: style-adaptive normalisation, residual blocks, recurrent layers over padded batches.

Attribute names follow the published checkpoint, so that its tensors load by name. Architecture: StyleTTS 2
(arXiv:2306.07691) with an iSTFTNet vocoder (arXiv:2203.02395) and Snake activations (arXiv:2006.08195).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.engines.kokoro import fast_conv, fast_snake

NORM_EPS = 1e-5
# After so many a voice's norms hardly move any more.
_ENOUGH_STRETCHES = 40
_LSTM_PARAMETERS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class AdaptiveNorm(nn.Module):
    """Instance normalisation over time whose scale and shift come from a style (AdaIN, arXiv:1703.06868)."""

    def __init__(self, style_size: int, channels: int) -> None:
        super().__init__()
        self.fc = nn.Linear(style_size, 2 * channels)

    def scale_and_shift(self, style: Tensor) -> tuple[Tensor, Tensor]:
        """Style `(batch, style_size)` -> scale and shift, each `(batch, channels, 1)`."""
        gamma, beta = self.fc(style).float().unsqueeze(-1).chunk(2, dim=1)
        return 1 + gamma, beta

    def forward(
        self, x: Tensor, style: Tensor, mask: Tensor | None = None, memory: "NormMemory | None" = None
    ) -> Tensor:
        """`(batch, channels, frames)` -> the same; `mask` `(batch, 1, frames)` is 1 on frames that count. With a
        `memory`, `x` is a stretch of what the voice says."""
        scale, shift = self.scale_and_shift(style)
        x = x.float()
        if memory is not None:
            mean, variance = memory.take_in(self, x)
        elif mask is None:
            variance, mean = torch.var_mean(x, dim=-1, correction=0, keepdim=True)
        else:
            count = mask.sum(dim=-1, keepdim=True)
            mean = (x * mask).sum(dim=-1, keepdim=True) / count
            variance = ((x - mean).square() * mask).sum(dim=-1, keepdim=True) / count
        gain = scale * torch.rsqrt(variance + NORM_EPS)
        return torch.addcmul(shift - mean * gain, x, gain)


class NormMemory:
    """What a voice's norms have seen so far, so that a stretch of a text is normalised as the whole would be.

    An instance norm over a second of speech is another than that over the sentence; that of all that the voice has
    said is nearly the same, and a stretch can be spoken before the next is known.
    """

    def __init__(self) -> None:
        self._seen: dict[AdaptiveNorm, tuple[float, Tensor, Tensor]] = {}

    def __bool__(self) -> bool:
        return bool(self._seen)

    def take_in(self, norm: AdaptiveNorm, x: Tensor) -> tuple[Tensor, Tensor]:
        """Add `(batch, channels, ..., frames)`, unless enough has come before; mean and variance over all of it."""
        frames, mean, square = self._seen.get(norm, (0.0, x.new_zeros(()), x.new_zeros(())))
        if frames > _ENOUGH_STRETCHES * x.shape[-1]:
            return mean, (square - mean.square()).clamp_(min=0)
        share = x.shape[-1] / (frames + x.shape[-1])
        new_mean, new_square = _moments(x)
        mean = mean + share * (new_mean - mean)
        square = square + share * (new_square - square)
        self._seen[norm] = (frames + x.shape[-1], mean, square)
        return mean, (square - mean.square()).clamp_(min=0)


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and mean square over time."""
    if fast_snake.serves(x):
        return fast_snake.moments(x)
    return x.mean(dim=-1, keepdim=True), x.square().mean(dim=-1, keepdim=True)


def _snake(x: Tensor, gain: Tensor, offset: Tensor, alpha: Tensor) -> Tensor:
    """Of u = gain · x + offset: u + sin²(αu)/α, which is u + (1 − cos 2αu) / 2α."""
    if fast_snake.serves(x):
        return fast_snake.snake(x, gain, offset, alpha)
    wave = (x * (2 * alpha * gain)).add_(2 * alpha * offset).cos_().mul_(-0.5 / alpha)
    return wave.add_(x * gain).add_(offset + 0.5 / alpha)


class _NormalizedSnake(torch.autograd.Function):
    """Adaptive norm, then Snake, as one operation that keeps only its input for the backward pass.

    Written out because the generator spends its time between convolutions here: the plain composition keeps seven
    tensors of the size of the input. No gradient to `alpha`: the generator's own weights stay as published.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, shift: Tensor, alpha: Tensor) -> Tensor:
        mean, square = _moments(x)
        rstd = torch.rsqrt((square - mean.square()).clamp_(min=0) + NORM_EPS)
        gain = scale * rstd
        offset = shift - mean * gain
        ctx.save_for_backward(x, mean, rstd, gain, offset, alpha)
        return _snake(x, gain, offset, alpha)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        x, mean, rstd, gain, offset, alpha = ctx.saved_tensors
        if fast_snake.serves(x):
            gradients = fast_snake.snake_backward(
                x, grads[0], mean=mean, rstd=rstd, gain=gain, offset=offset, alpha=alpha
            )
            return *gradients, None
        grad = (x * (2 * alpha * gain)).add_(2 * alpha * offset).sin_().add_(1).mul_(grads[0])
        standard = (x - mean).mul_(rstd)
        grad_shift = grad.sum(dim=-1, keepdim=True)
        grad_scale = (grad * standard).sum(dim=-1, keepdim=True)
        frames = x.shape[-1]
        grad_x = grad.sub_(grad_shift / frames).sub_(standard.mul_(grad_scale / frames)).mul_(gain)
        return grad_x, grad_scale, grad_shift, None


class SnakeBlock(nn.Module):
    """Three dilated residual steps of norm, Snake and convolution: the generator's block (AdaINResBlock1)."""

    def __init__(self, channels: int, kernel_size: int, style_size: int) -> None:
        super().__init__()

        def conv(dilation: int) -> nn.Conv1d:
            padding = (kernel_size - 1) * dilation // 2
            return nn.Conv1d(channels, channels, kernel_size, dilation=dilation, padding=padding)

        self.convs1 = nn.ModuleList(conv(dilation) for dilation in (1, 3, 5))
        self.convs2 = nn.ModuleList(conv(1) for _ in range(3))
        self.adain1 = nn.ModuleList(AdaptiveNorm(style_size, channels) for _ in range(3))
        self.adain2 = nn.ModuleList(AdaptiveNorm(style_size, channels) for _ in range(3))
        self.alpha1 = nn.ParameterList(nn.Parameter(torch.ones(1, channels, 1)) for _ in range(3))
        self.alpha2 = nn.ParameterList(nn.Parameter(torch.ones(1, channels, 1)) for _ in range(3))

    def forward(self, x: Tensor, style: Tensor, memory: NormMemory | None = None) -> Tensor:
        """`(batch, channels, 1, frames)`, best channels last in memory, -> the same; with `memory`, a stretch of it."""
        first = zip(self.adain1, self.alpha1, self.convs1, strict=True)
        second = zip(self.adain2, self.alpha2, self.convs2, strict=True)
        for dilated, plain in zip(first, second, strict=True):
            branch = self._step(x, style, memory, *dilated)
            x = self._step(branch, style, memory, *plain, onto=x)
        return x

    @staticmethod
    def _step(
        x: Tensor,
        style: Tensor,
        memory: NormMemory | None,
        norm: Any,
        alpha: Tensor,
        conv: Any,
        *,
        onto: Tensor | None = None,
    ) -> Tensor:
        scale, shift = (factor.unsqueeze(-1) for factor in norm.scale_and_shift(style))
        if memory is not None:
            mean, variance = memory.take_in(norm, x)
            gain = scale * torch.rsqrt(variance + NORM_EPS)
            active = _snake(x, gain, shift - mean * gain, alpha.unsqueeze(-1))
        else:
            active = _NormalizedSnake.apply(x.float(), scale, shift, alpha.unsqueeze(-1))
        return conv_over_frames(conv, active, onto=onto)


class StyledBlock(nn.Module):
    """Residual block at frame rate, optionally to twice the rate (AdainResBlk1d)."""

    def __init__(
        self, inputs: int, outputs: int, style_size: int, *, upsample: bool = False, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.upsample = upsample
        self.dropout = dropout
        self.norm1 = AdaptiveNorm(style_size, inputs)
        self.norm2 = AdaptiveNorm(style_size, outputs)
        self.conv1 = nn.Conv1d(inputs, outputs, 3, padding=1)
        self.conv2 = nn.Conv1d(outputs, outputs, 3, padding=1)
        if upsample:
            self.pool = nn.ConvTranspose1d(inputs, inputs, 3, stride=2, padding=1, output_padding=1, groups=inputs)
        if inputs != outputs:
            self.conv1x1 = nn.Conv1d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor, style: Tensor, mask: Tensor | None = None, memory: NormMemory | None = None) -> Tensor:
        """`(batch, inputs, frames)` -> `(batch, outputs, frames)`, or twice the frames; `mask` is at input rate."""
        branch = self._activate(self.norm1(x, style, mask, memory), mask)
        if self.upsample:
            branch, x = self.pool(branch), x.repeat_interleave(2, dim=-1)
            mask = None if mask is None else mask.repeat_interleave(2, dim=-1)
            branch = branch if mask is None else branch * mask
        branch = self.conv1(F.dropout(branch, self.dropout, self.training))
        branch = self._activate(self.norm2(branch, style, mask, memory), mask)
        branch = self.conv2(F.dropout(branch, self.dropout, self.training))
        shortcut = self.conv1x1(x) if hasattr(self, "conv1x1") else x
        return (branch + shortcut) * 0.5**0.5

    @staticmethod
    def _activate(x: Tensor, mask: Tensor | None) -> Tensor:
        x = F.leaky_relu(x, 0.2)
        return x if mask is None else x * mask


def conv_over_frames(conv: nn.Conv1d, x: Tensor, *, onto: Tensor | None = None) -> Tensor:
    """A 1-d convolution over `(batch, channels, 1, frames)`, added to `onto` where there is one.

    Said as a 2-d one because those keep channels last in memory, which on a CPU makes long dilated convolutions
    up to three times faster (their backward most); frozen ones go by `fast_conv`.
    """
    if fast_conv.serves(conv, x):
        base = None if onto is None else onto.squeeze(2).transpose(1, 2)
        return fast_conv.convolve(conv, x.squeeze(2).transpose(1, 2), onto=base).transpose(1, 2).unsqueeze(2)
    result = F.conv2d(
        x,
        conv.weight.unsqueeze(2).contiguous(memory_format=torch.channels_last),
        conv.bias,
        stride=(1, conv.stride[0]),
        padding=(0, int(conv.padding[0])),
        dilation=(1, conv.dilation[0]),
    )
    return result if onto is None else result + onto


def frame_mask(lengths: Tensor, frames: int) -> Tensor:
    """Lengths `(batch,)` -> float mask `(batch, 1, frames)`, 1 where a frame belongs to the sequence."""
    return (torch.arange(frames, device=lengths.device)[None] < lengths[:, None]).float().unsqueeze(1)


def run_lstm(lstm: nn.LSTM, x: Tensor, lengths: Tensor | None) -> Tensor:
    """`(batch, channels, frames)` -> `(batch, hidden, frames)`, each sequence read only to its own length."""
    if lengths is None:
        return lstm(x.transpose(1, 2))[0].transpose(1, 2)
    # Packed sequences would do the same two to three times slower: oneDNN's LSTM does not take them.
    x = x.transpose(1, 2)
    frame = torch.arange(x.shape[1], device=x.device)[None]
    mirrored = torch.where(frame < lengths[:, None], lengths[:, None] - 1 - frame, frame).unsqueeze(-1)
    backwards = x.gather(1, mirrored.expand_as(x))
    half = lstm.hidden_size
    ahead = _run_direction(lstm, x, "")
    behind = _run_direction(lstm, backwards, "_reverse").gather(1, mirrored.expand(-1, -1, half))
    return torch.cat([ahead, behind], dim=-1).transpose(1, 2) * frame_mask(lengths, x.shape[1])


def _run_direction(lstm: nn.LSTM, x: Tensor, suffix: str) -> Tensor:
    """One direction of a bidirectional LSTM from first to last frame: `(batch, frames, hidden)`."""
    parameters: list[Tensor] = [lstm.get_parameter(f"{kind}_l0{suffix}") for kind in _LSTM_PARAMETERS]
    start = x.new_zeros(1, len(x), lstm.hidden_size)
    return torch.lstm(x, (start, start), parameters, True, 1, 0.0, lstm.training, False, True)[0]

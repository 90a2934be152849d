"""From encoded text and style to prosody: how long each symbol lasts, and pitch and energy of each frame."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.engines.kokoro.layers import StyledBlock, frame_mask, run_lstm

MAX_FRAMES_PER_SYMBOL = 50
DROPOUT = 0.2


class _AdaptiveLayerNorm(nn.Module):
    def __init__(self, style_size: int, channels: int) -> None:
        super().__init__()
        self.fc = nn.Linear(style_size, 2 * channels)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        gamma, beta = self.fc(style).unsqueeze(-1).chunk(2, dim=1)
        normed = F.layer_norm(x.transpose(1, 2), (x.shape[1],)).transpose(1, 2)
        return torch.addcmul(beta, normed, 1 + gamma)


class DurationEncoder(nn.Module):
    """LSTMs over the symbols, each followed by a style-adaptive norm, the style appended each time."""

    def __init__(self, channels: int, style_size: int, depth: int = 3) -> None:
        super().__init__()
        self.lstms = nn.ModuleList()
        for _ in range(depth):
            self.lstms.append(nn.LSTM(channels + style_size, channels // 2, batch_first=True, bidirectional=True))
            self.lstms.append(_AdaptiveLayerNorm(style_size, channels))

    def forward(self, x: Tensor, style: Tensor, lengths: Tensor | None) -> Tensor:
        """`(batch, channels, symbols)` -> `(batch, channels + style_size, symbols)`."""
        columns = style.unsqueeze(-1).expand(-1, -1, x.shape[-1])
        mask = torch.ones(()) if lengths is None else frame_mask(lengths, x.shape[-1])
        x = torch.cat([x, columns], dim=1) * mask
        for lstm, norm in zip(self.lstms[::2], self.lstms[1::2], strict=True):
            x = torch.cat([norm(run_lstm(lstm, x, lengths), style), columns], dim=1) * mask  # type: ignore[arg-type]
        return x


class _Projection(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear_layer = nn.Linear(inputs, outputs)


class ProsodyPredictor(nn.Module):
    """Durations from symbols; then pitch (Hz) and energy (log) from the symbols laid out in time."""

    def __init__(self, channels: int, style_size: int) -> None:
        super().__init__()
        self.text_encoder = DurationEncoder(channels, style_size)
        self.lstm = nn.LSTM(channels + style_size, channels // 2, batch_first=True, bidirectional=True)
        self.duration_proj = _Projection(channels, MAX_FRAMES_PER_SYMBOL)
        self.shared = nn.LSTM(channels + style_size, channels // 2, batch_first=True, bidirectional=True)
        self.F0 = self._contour(channels, style_size)
        self.N = self._contour(channels, style_size)
        self.F0_proj = nn.Conv1d(channels // 2, 1, 1)
        self.N_proj = nn.Conv1d(channels // 2, 1, 1)

    @staticmethod
    def _contour(channels: int, style_size: int) -> nn.ModuleList:
        half = channels // 2
        return nn.ModuleList(
            [
                StyledBlock(channels, channels, style_size, dropout=DROPOUT),
                StyledBlock(channels, half, style_size, upsample=True, dropout=DROPOUT),
                StyledBlock(half, half, style_size, dropout=DROPOUT),
            ]
        )

    def duration_logits(self, text: Tensor, style: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Text `(batch, channels, symbols)` -> styled text for `contours`, and logits `(batch, symbols, 50)`.

        The sum of the logits' sigmoids is the number of 25 ms frames that the symbol lasts.
        """
        styled = self.text_encoder(text, style, lengths)
        hidden = run_lstm(self.lstm, styled, lengths).transpose(1, 2)
        return styled, self.duration_proj.linear_layer(F.dropout(hidden, 0.5, self.training))

    def contours(self, frames: Tensor, style: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Styled text laid out in time `(batch, channels, frames)` -> F0 and energy, `(batch, 2 * frames)` each."""
        shared = run_lstm(self.shared, frames, lengths)
        mask = None if lengths is None else frame_mask(lengths, frames.shape[-1])
        f0 = self._follow(self.F0, shared, style, mask)
        energy = self._follow(self.N, shared, style, mask)
        return self.F0_proj(f0).squeeze(1), self.N_proj(energy).squeeze(1)

    @staticmethod
    def _follow(blocks: nn.ModuleList, x: Tensor, style: Tensor, mask: Tensor | None) -> Tensor:
        for block in blocks:
            x = block(x, style, mask)
            if block.upsample and mask is not None:
                mask = mask.repeat_interleave(2, dim=-1)
        return x

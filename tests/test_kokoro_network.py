"""Kokoro's network: shapes, padding that changes nothing, gradients that are right."""

from pathlib import Path

import pytest
import torch

from model.engines.kokoro import phonemes, symbols, synthesis, weights
from model.engines.kokoro.layers import _NormalizedSnake, run_lstm
from model.engines.kokoro.network import Network
from model.engines.kokoro.spectral_loss import SpectralLoss
from model.engines.kokoro.styles import stock_style


@pytest.fixture(scope="module")
def network(weights_dir: Path) -> Network:
    return weights.load(weights_dir)


def test_a_padded_lstm_reads_each_sequence_to_its_own_length() -> None:
    lstm = torch.nn.LSTM(6, 4, batch_first=True, bidirectional=True)
    x, lengths = torch.randn(3, 6, 9), torch.tensor([9, 5, 2])
    together = run_lstm(lstm, x, lengths)
    for row, length in enumerate(lengths.tolist()):
        alone = run_lstm(lstm, x[row : row + 1, :, :length], None)
        torch.testing.assert_close(together[row, :, :length], alone[0])
        assert not together[row, :, length:].any()


def test_the_written_out_snake_has_the_right_gradient() -> None:
    x, scale, shift = (
        torch.randn(shape, dtype=torch.float64, requires_grad=True)
        for shape in ((2, 4, 1, 9), (2, 4, 1, 1), (2, 4, 1, 1))
    )
    alpha = torch.rand(1, 4, 1, 1, dtype=torch.float64) + 0.5
    torch.autograd.gradcheck(lambda *inputs: _NormalizedSnake.apply(*inputs, alpha), (x, scale, shift))


def test_padding_changes_no_contour(network: Network) -> None:
    style = torch.from_numpy(stock_style("af_heart"))[None, 128:]
    frames = torch.randn(2, 640, 30)
    padded = network.predictor.contours(frames, style.expand(2, -1), torch.tensor([30, 20]))
    alone = network.predictor.contours(frames[1:, :, :20], style)
    for together, single in zip(padded, alone, strict=True):
        torch.testing.assert_close(together[1:, :40], single, atol=2e-2, rtol=1e-3)


def test_a_rendering_lasts_as_long_as_its_symbols(network: Network) -> None:
    ids = torch.tensor(symbols.ids_of(phonemes.phonemes_of("Good morning.", "en")))
    rendering = network.render(ids, torch.from_numpy(stock_style("af_heart")))
    assert rendering.durations.shape == ids.shape
    assert rendering.waveform.shape == (600 * int(rendering.durations.sum()),)


def test_speech_is_heard_ends_clean_and_follows_speed(network: Network) -> None:
    def spoken(speed: float) -> torch.Tensor:
        style = stock_style("af_heart")
        parts = synthesis.speak(network, "It is nice to meet you.", style=style, language="en", speed=speed)
        return torch.cat([torch.from_numpy(part) for part in parts])

    normal, fast = spoken(1.0), spoken(1.5)
    assert -35 < 20 * normal.square().mean().sqrt().log10() < -10
    assert normal.abs().max() <= 0.971
    assert normal[:24].abs().max() < 1e-3 and normal[-24:].abs().max() < 1e-3
    assert 1.25 < len(normal) / len(fast) < 1.75


def test_the_spectral_loss_ignores_what_lies_above_the_bandwidth() -> None:
    time = torch.arange(24_000) / 24_000
    noise = 0.1 * torch.randn(1, 24_000)
    whistle = torch.hann_window(24_000) * torch.sin(2 * torch.pi * 11_000 * time)
    masked, full = (SpectralLoss(bandwidth)(noise + whistle, noise) for bandwidth in (7500.0, 12_000.0))
    assert masked < 0.05 * full

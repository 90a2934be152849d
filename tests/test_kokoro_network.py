"""Kokoro's network: shapes, padding that changes nothing, gradients that are right."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torchaudio

from model.engines.kokoro import compiled, fast_conv, fast_linear, fast_snake, phonemes, symbols, synthesis, weights
from model.engines.kokoro.decoder import Generator, _channels_last
from model.engines.kokoro.layers import NORM_EPS, NormMemory, _NormalizedSnake, run_lstm
from model.engines.kokoro.network import FINE_TUNED_LEAD_FRAMES, Network, Reading, widened
from model.engines.kokoro.spectral_loss import SpectralLoss
from model.engines.kokoro.styles import stock_style
from tests.hearing import brightness, check_times, phrases_in


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
    reading = _reading(network, "Good morning.")
    waveform = network.render(reading, 0, int(reading.durations.sum()), NormMemory())
    assert len(reading.durations) == len(phonemes.phonemes_of("Good morning.", "en")) + 2
    assert waveform.shape == (600 * int(reading.durations.sum()),)


def test_little_silence_comes_before_the_first_sound_of_a_fine_tune(network: Network) -> None:
    ids = torch.tensor(symbols.ids_of(phonemes.phonemes_of("Professional voices.", "en")))
    style = torch.from_numpy(stock_style("af_heart"))
    reading = network.read(ids, style, speed=0.5, lead_frames=FINE_TUNED_LEAD_FRAMES)
    assert reading.durations[0] == FINE_TUNED_LEAD_FRAMES


def test_stretches_sound_as_the_whole_does(network: Network) -> None:
    reading = _reading(network, "The garden behind our house is full of yellow roses.")
    frames, memory = int(reading.durations.sum()), NormMemory()

    def in_stretches(memory_of: Callable[[], NormMemory]) -> torch.Tensor:
        again = replace(reading, frames=None)
        places = range(0, frames, 30)
        return torch.cat([network.render(again, place, min(place + 30, frames), memory_of()) for place in places])

    whole = network.render(reading, 0, frames, memory)
    parts, alone = in_stretches(lambda: memory), in_stretches(NormMemory)
    assert parts.shape == whole.shape
    distance = (_log_mel(parts) - _log_mel(whole)).abs().mean()
    assert distance < 0.5 * (_log_mel(alone) - _log_mel(whole)).abs().mean()


def test_the_first_stretch_does_not_wait_for_the_rest_of_the_phrase(network: Network) -> None:
    reading = _reading(network, "The garden behind our house is full of yellow roses.")
    network.render(reading, 0, 20, NormMemory())
    assert reading.frames is not None
    assert reading.frames.shape[-1] < reading.score.shape[-1]


def _reading(network: Network, text: str) -> Reading:
    ids = torch.tensor(symbols.ids_of(phonemes.phonemes_of(text, "en")))
    return network.read(ids, torch.from_numpy(stock_style("af_heart")))


def _log_mel(waveform: torch.Tensor) -> torch.Tensor:
    return (torchaudio.transforms.MelSpectrogram(24_000, n_fft=1024, n_mels=80)(waveform) + 1e-4).log()


def test_speech_is_heard_ends_clean_and_follows_speed(network: Network) -> None:
    style, memory = stock_style("af_heart"), NormMemory()

    def spoken(speed: float) -> torch.Tensor:
        text = "It is nice to meet you."
        parts = synthesis.speak(lambda: network, text, style=style, language="en", speed=speed, memory=memory)
        return torch.cat([torch.from_numpy(part.waveform) for part in parts])

    normal, fast = spoken(1.0), spoken(1.5)
    assert -35 < 20 * normal.square().mean().sqrt().log10() < -10
    assert normal.abs().max() <= 0.971
    assert normal[:24].abs().max() < 1e-3 and normal[-24:].abs().max() < 1e-3
    assert 1.25 < len(normal) / len(fast) < 1.75


def test_once_a_voice_has_spoken_its_first_stretch_comes_soon(network: Network) -> None:
    style, memory = stock_style("af_heart"), NormMemory()
    for _ in range(2):
        speaking = synthesis.speak(
            lambda: network, "The bees love every single one of them.", style=style, language="en", memory=memory
        )
        first = next(speaking).waveform
        speaking.close()
    assert len(first) < 0.6 * 24_000


def test_written_words_have_the_times_of_their_sounds(network: Network) -> None:
    text = "She says it costs €5 or 7.50, Dr. Moss — he sees less. Six ships sail on the seas, please!"
    style, memory = stock_style("af_heart"), NormMemory()
    spoken = list(synthesis.speak(lambda: network, text, style=style, language="en", memory=memory))
    assert " ".join(word.text for part in spoken for word in part.words) == text
    phrases = phrases_in(spoken)
    assert len(phrases) == 3
    for phrase in phrases:
        check_times(phrase)
    hiss, voiced = brightness(phrases, {"s", "z", "ʃ"}), brightness(phrases, {"i", "ɔ", "ɛ", "ɪ"})
    assert hiss > 2 * voiced


def test_magnitudes_too_small_for_a_plain_float_have_a_gradient_that_is_a_number() -> None:
    """A logarithm of -88.7 came once in some thousand steps, and the training ended there."""
    generator = Generator(channels=64, style_size=8)
    generator.conv_post.weight.data[:11] = 0
    generator.conv_post.bias.data[:11] = -89.0
    x = torch.randn(1, 64, 8, requires_grad=True)
    generator(x, torch.randn(1, 8), torch.full((1, 8), 120.0)).sum().backward()
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()


def test_loud_peaks_are_pressed_and_the_rest_is_left() -> None:
    waveform = np.array([0.5, -0.79, 0.9, -3.0], dtype=np.float32)
    limited = synthesis.limited(waveform)
    assert limited[:2].tolist() == waveform[:2].tolist()
    assert 0.8 < limited[2] < 0.9
    assert limited[3] == pytest.approx(-0.97)


def test_a_hum_before_the_closure_of_a_plosive_is_silenced() -> None:
    hum, closure, vowel = (np.full(600, level, np.float32) for level in (0.03, 0.001, 0.2))
    waveform = synthesis.begun(np.concatenate([hum, hum, closure, vowel]), closure=range(2, 3))
    assert not waveform[:1200].any()
    assert waveform[1200:1800].max() <= closure.max()
    assert (waveform[1800:] == vowel).all()


def test_a_hum_that_begins_in_silence_is_silenced_too() -> None:
    silence, hum, closure, vowel = (np.full(600, level, np.float32) for level in (0, 0.03, 0.001, 0.2))
    waveform = synthesis.begun(np.concatenate([silence, hum, closure, vowel]), closure=range(2, 3))
    assert not waveform[:1200].any()


def test_a_burst_right_after_the_quietest_moment_keeps_its_force() -> None:
    hum, closure, burst = (np.full(size, level, np.float32) for size, level in ((600, 0.03), (240, 0.001), (960, 0.2)))
    waveform = synthesis.begun(np.concatenate([hum, closure, burst]), closure=range(3))
    assert (waveform[840:] == burst).all()


def test_speech_that_begins_with_no_plosive_is_only_faded_in() -> None:
    rising = np.linspace(0.01, 0.3, 3000, dtype=np.float32)
    waveform = synthesis.begun(rising.copy())
    assert (waveform[480:] == rising[480:]).all()
    assert waveform[0] == 0 and waveform[1:480].all()


@pytest.mark.parametrize(
    ("phrase", "frames"),
    [("kˈat", range(2, 5)), ("ˈkat", range(8, 11)), ("“kˈat", range(8, 11)), ("əkˈat", range(0)), ("", range(0))],
)
def test_a_closure_is_looked_for_in_a_plosive_at_the_beginning_alone(phrase: str, frames: range) -> None:
    """Seven frames of padding, of which three are not spoken, then symbols of six and five."""
    durations = [7, *([6, 5, 5, 5, 5][: len(phrase)]), 4]
    assert synthesis.closure_of(durations, phrase, 3) == frames


def test_a_melody_is_widened_about_its_median_and_unvoiced_frames_stay() -> None:
    f0 = torch.tensor([[0.0, 100.0, 200.0, 400.0, 200.0, 210.0, 190.0, 0.0]])
    wider = widened(f0, 1.2)
    assert wider[0, [0, 7]].tolist() == [0.0, 0.0]
    assert wider[0, 2] == pytest.approx(200.0)
    assert float((wider[0, 5] / 200).log2() / (f0[0, 5] / 200).log2()) == pytest.approx(1.2, rel=1e-3)
    assert float((wider[0, 3] / f0[0, 3]).log2()) == pytest.approx(0.2 * 0.5, rel=1e-3)
    assert (widened(f0, 1.0) == f0).all()
    assert (widened(torch.zeros(1, 4), 1.2) == 0).all()


@pytest.mark.parametrize(("taps", "dilation"), [(3, 1), (3, 5), (7, 1), (7, 5), (11, 1), (11, 3), (13, 5)])
def test_the_fast_convolution_and_its_gradient_are_those_of_the_plain_one(taps: int, dilation: int) -> None:
    conv = torch.nn.Conv1d(70, 150, taps, dilation=dilation, padding=(taps - 1) // 2 * dilation).requires_grad_(False)
    x, base = torch.randn(2, 101, 70, requires_grad=True), torch.randn(2, 101, 150, requires_grad=True)
    assert fast_conv.serves(conv, x)
    plain = conv(x.transpose(1, 2)).transpose(1, 2)
    torch.testing.assert_close(fast_conv.convolve(conv, x), plain, atol=1e-4, rtol=1e-4)
    fast, plain = fast_conv.convolve(conv, x, onto=base), plain + base
    torch.testing.assert_close(fast, plain, atol=1e-4, rtol=1e-4)
    weights = torch.randn_like(plain)
    for gradients in zip(*(torch.autograd.grad(result, (x, base), weights) for result in (fast, plain)), strict=True):
        torch.testing.assert_close(*gradients, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("frames", [1, 5, 433, 1000])
@pytest.mark.parametrize("taps", [3, 7, 11])
def test_the_fast_convolution_takes_clips_and_channels_of_any_size(taps: int, frames: int) -> None:
    conv = torch.nn.Conv1d(12, 20, taps, padding=taps // 2).requires_grad_(False)
    x = torch.randn(1, frames, 12)
    plain = conv(x.transpose(1, 2)).transpose(1, 2)
    torch.testing.assert_close(fast_conv.convolve(conv, x), plain, atol=1e-4, rtol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize(("rows", "inputs", "outputs"), [(1, 8, 5), (12, 7, 16), (53, 30, 150)])
def test_the_fast_projection_is_the_plain_one(rows: int, inputs: int, outputs: int) -> None:
    linear, x = torch.nn.Linear(inputs, outputs), torch.randn(1, rows, inputs)
    assert fast_linear.serves(linear, x)
    torch.testing.assert_close(fast_linear.project(linear, x), linear(x), atol=1e-5, rtol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize(("stride", "padding", "frames"), [(10, 5, 7), (6, 3, 1), (2, 1, 40)])
def test_the_fast_rise_of_rate_is_the_plain_one(stride: int, padding: int, frames: int) -> None:
    conv = torch.nn.ConvTranspose1d(12, 15, 2 * stride, stride=stride, padding=padding)
    x = torch.randn(1, 12, frames)
    assert fast_linear.serves(conv, x)
    torch.testing.assert_close(fast_linear.raise_rate(conv, x), conv(x), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_the_fast_activation_serves_what_the_fast_rise_of_rate_has_written() -> None:
    conv = torch.nn.ConvTranspose1d(12, 5, 12, stride=6, padding=3)
    risen = _channels_last(fast_linear.raise_rate(conv, torch.randn(1, 12, 4)))
    assert fast_snake.serves(torch.cat([risen[..., 1:2], risen], dim=-1))


def test_where_a_gradient_is_asked_for_the_plain_layers_serve() -> None:
    linear = torch.nn.Linear(4, 4)
    assert not fast_linear.serves(linear, torch.zeros(1, 2, 4))
    linear.requires_grad_(False)
    assert not fast_linear.serves(linear, torch.zeros(1, 2, 4, requires_grad=True))
    assert fast_linear.serves(linear, torch.zeros(1, 2, 4))
    assert not fast_linear.serves(linear, torch.zeros(2, 2, 4))


def test_the_fast_activation_and_its_gradients_are_those_of_the_plain_one() -> None:
    frames = 300
    x = (3 * torch.randn(2, frames, 1, 16) + 1).permute(0, 3, 2, 1).requires_grad_(True)
    scale, shift = torch.rand(2, 16, 1, 1) + 0.5, torch.randn(2, 16, 1, 1)
    alpha, direction = 4 * torch.rand(1, 16, 1, 1) + 0.2, torch.randn(2, 16, 1, frames)
    scale, shift = scale.requires_grad_(True), shift.requires_grad_(True)
    assert fast_snake.serves(x)

    norm = (x - x.mean(dim=-1, keepdim=True)) / (x.var(dim=-1, correction=0, keepdim=True) + NORM_EPS).sqrt()
    u = scale * norm + shift
    plain = u + (alpha * u).sin().square() / alpha
    fast = _NormalizedSnake.apply(x, scale, shift, alpha)

    torch.testing.assert_close(fast, plain, atol=1e-5, rtol=1e-5)
    for ours, theirs in zip(
        torch.autograd.grad(fast, (x, scale, shift), direction),
        torch.autograd.grad(plain, (x, scale, shift), direction),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_the_fast_convolution_notices_new_weights() -> None:
    conv = torch.nn.Conv1d(4, 4, 7, padding=3).requires_grad_(False)
    x = torch.randn(1, 20, 4)
    fast_conv.convolve(conv, x)
    conv.weight.data = torch.randn_like(conv.weight)
    plain = conv(x.transpose(1, 2)).transpose(1, 2)
    torch.testing.assert_close(fast_conv.convolve(conv, x), plain, atol=1e-4, rtol=1e-4)


def test_a_change_of_any_compiled_source_compiles_all_anew(tmp_path: Path) -> None:
    sources = [tmp_path / name for name in ("loops.py", "products.py")]
    for source in sources:
        source.write_text("before")
    before = compiled.folder_for(sources)
    assert compiled.folder_for(reversed(sources)) == before
    sources[1].write_text("after")
    assert compiled.folder_for(sources) != before


def test_the_spectral_loss_ignores_what_lies_above_the_bandwidth() -> None:
    time = torch.arange(24_000) / 24_000
    noise = 0.1 * torch.randn(1, 24_000)
    whistle = torch.hann_window(24_000) * torch.sin(2 * torch.pi * 11_000 * time)
    masked, full = (SpectralLoss(bandwidth)(noise + whistle, noise) for bandwidth in (7500.0, 12_000.0))
    assert masked < 0.05 * full

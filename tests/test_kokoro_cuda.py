"""The network on a GPU, without one: fake tensors have a device and a shape, and fail where devices are mixed."""

from collections.abc import Iterator

import pytest
import torch
import torchaudio
from torch._subclasses.fake_tensor import FakeTensorMode

from model import devices
from model.engines.kokoro.layers import NormMemory
from model.engines.kokoro.network import Network, Reading
from model.engines.kokoro.spectral_loss import SpectralLoss
from model.errors import DeviceUnavailable

SYMBOLS, FRAMES = 12, 72
NAMES: tuple[devices.Device, ...] = ("auto", "cpu", "cuda")


@pytest.fixture
def network() -> Iterator[Network]:
    # cuDNN's LSTM would ask the driver, which fake tensors do without.
    with FakeTensorMode(), torch.device("cuda:0"), torch.backends.cudnn.flags(enabled=False):
        yield Network().eval()


def test_a_training_step_computes_on_the_gpu(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    # These two look at values, which fake tensors have not.
    monkeypatch.setattr(
        torchaudio.functional, "melscale_fbanks", lambda bins, low, high, mels, rate: torch.rand(bins, mels)
    )
    monkeypatch.setattr(torch, "istft", lambda x, _, hop, window: x.real.sum(1)[:, 1:].repeat_interleave(hop, 1))
    text, f0 = torch.randn(2, 512, FRAMES), torch.rand(2, 2 * FRAMES) * 200
    style = torch.randn(2, 128, requires_grad=True)
    spoken = network.decoder(text, f0, torch.randn(2, 2 * FRAMES), style)
    loss = SpectralLoss(7000.0)(spoken, torch.randn(2, 600 * FRAMES))
    assert spoken.shape == (2, 600 * FRAMES)
    assert (loss.device.type, loss.shape, loss.requires_grad) == ("cuda", (), True)


def test_prosody_computes_on_the_gpu(network: Network) -> None:
    lengths = torch.tensor([SYMBOLS, SYMBOLS])
    style = torch.randn(2, 128)
    styled, logits = network.predictor.duration_logits(torch.randn(2, 512, SYMBOLS), style, lengths)
    f0, energy = network.predictor.contours(torch.randn(2, styled.shape[1], FRAMES), style, lengths)
    assert {logits.device.type, f0.device.type, energy.device.type} == {"cuda"}


def test_speech_is_computed_on_the_gpu(network: Network) -> None:
    assert network.prosody_text(torch.ones(1, SYMBOLS, dtype=torch.long)).device.type == "cuda"
    f0, style = torch.rand(1, 2 * FRAMES), torch.randn(1, 128)
    reading = Reading(
        durations=torch.ones(SYMBOLS),
        score=network.decoder.score(torch.randn(1, 512, FRAMES), f0, torch.randn(1, 2 * FRAMES)),
        harmonics=network.decoder.generator.harmonics(f0),
        style=style,
    )
    memory = NormMemory()
    stretches = [network.render(reading, start, start + 24, memory) for start in (0, 24)]
    assert [(part.device.type, part.shape) for part in stretches] == [("cuda", (600 * 24,))] * 2


def test_the_gpu_is_taken_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert [devices.find(name).type for name in NAMES] == ["cuda", "cpu", "cuda"]


def test_a_gpu_that_is_asked_for_and_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert devices.find("auto").type == devices.find("cpu").type == "cpu"
    with pytest.raises(DeviceUnavailable, match="GPU"):
        devices.find("cuda")

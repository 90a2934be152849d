"""The network on a GPU, without one: fake tensors have a device and a shape, and fail where devices are mixed."""

from collections.abc import Iterator

import pytest
import torch
import torchaudio
from torch._subclasses.fake_tensor import FakeTensorMode

from model import devices
from model.engines.kokoro.acoustic import Segments, trained_parameters, voice_loss
from model.engines.kokoro.layers import NormMemory
from model.engines.kokoro.network import Network, Reading
from model.engines.kokoro.spectral_loss import SpectralLoss
from model.engines.kokoro.styles import SpeakerStyle
from model.errors import DeviceUnavailable

SYMBOLS, FRAMES = 12, 72
NAMES: tuple[devices.Device, ...] = ("auto", "cpu", "cuda")
GPU = torch.device("cuda:0")


@pytest.fixture
def network() -> Iterator[Network]:
    """On a GPU; what is made afterwards without a device is not."""
    # cuDNN's LSTM would ask the driver, which fake tensors do without.
    with FakeTensorMode(), torch.backends.cudnn.flags(enabled=False):
        with GPU:
            made = Network().eval()
        yield made


@pytest.fixture
def speaker(network: Network) -> SpeakerStyle:
    with GPU:
        return SpeakerStyle(torch.randn(256), torch.randn(5, 4))


def test_a_training_step_computes_on_the_gpu(
    network: Network, speaker: SpeakerStyle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for its gradient: that asks the driver, so one for each parameter is made up."""
    # These two look at values, which fake tensors have not.
    monkeypatch.setattr(
        torchaudio.functional, "melscale_fbanks", lambda bins, low, high, mels, rate: torch.rand(bins, mels)
    )
    monkeypatch.setattr(torch, "istft", lambda x, _, hop, window: x.real.sum(1)[:, 1:].repeat_interleave(hop, 1))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: True)
    segments = Segments(
        text=torch.randn(2, 512, FRAMES).to(GPU),
        f0=(torch.rand(2, 2 * FRAMES) * 200).to(GPU),
        energy=torch.randn(2, 2 * FRAMES).to(GPU),
        traits=torch.randn(2, 4).to(GPU),
        waveform=torch.randn(2, 600 * FRAMES).to(GPU),
    )
    learning = [parameter.requires_grad_(True) for group in trained_parameters(network) for parameter in group]
    precisions = set()
    network.decoder.encode.register_forward_hook(lambda module, inputs, output: precisions.add(output.dtype))
    loss = voice_loss(network, speaker, segments, SpectralLoss(7000.0).to(GPU))
    assert (loss.device, loss.shape, loss.dtype, loss.requires_grad) == (GPU, (), torch.float32, True)
    assert precisions == {torch.bfloat16}
    for parameter in learning:
        parameter.grad = torch.randn_like(parameter)
    assert torch.nn.utils.clip_grad_norm_(learning, 10.0).device == GPU
    optimizer = torch.optim.AdamW(learning, fused=True)
    optimizer.step()
    assert {value.device for state in optimizer.state.values() for value in state.values()} == {GPU}


def test_prosody_computes_on_the_gpu(network: Network, speaker: SpeakerStyle) -> None:
    lengths = torch.tensor([SYMBOLS, SYMBOLS], device=GPU)
    style = speaker.prosodic(torch.randn(2, 4).to(GPU))
    styled, logits = network.predictor.duration_logits(torch.randn(2, 512, SYMBOLS).to(GPU), style, lengths)
    f0, energy = network.predictor.contours(torch.randn(2, styled.shape[1], FRAMES).to(GPU), style, lengths)
    assert {logits.device, f0.device, energy.device} == {GPU}


def test_speech_is_computed_on_the_gpu(network: Network) -> None:
    assert network.prosody_text(torch.ones(1, SYMBOLS, dtype=torch.long).to(GPU)).device == GPU
    f0, style = torch.rand(1, 2 * FRAMES).to(GPU), torch.randn(1, 128).to(GPU)
    energy = torch.randn(1, 2 * FRAMES).to(GPU)
    reading = Reading(
        durations=torch.ones(SYMBOLS).to(GPU),
        score=network.decoder.score(torch.randn(1, 512, FRAMES).to(GPU), f0, energy),
        harmonics=network.decoder.generator.harmonics(f0),
        style=style,
    )
    memory = NormMemory()
    stretches = [network.render(reading, start, start + 24, memory) for start in (0, 24)]
    assert [(part.device, part.shape) for part in stretches] == [(GPU, (600 * 24,))] * 2


def test_the_gpu_is_taken_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert [devices.find(name).type for name in NAMES] == ["cuda", "cpu", "cuda"]


def test_a_gpu_that_is_asked_for_and_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert devices.find("auto").type == devices.find("cpu").type == "cpu"
    with pytest.raises(DeviceUnavailable, match="GPU"):
        devices.find("cuda")

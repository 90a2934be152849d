"""Kokoro's clips: alignment, pitch, energy, bandwidth and traits of real speech."""

import numpy as np
import pytest
import soxr
import torch

from model.engines.kokoro import examples, features, phonemes, stock, styles
from model.engines.kokoro.alignment import Aligner
from model.engines.kokoro.examples import Measured
from tests.kokoro_speech import write_clip


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    clip = write_clip("ss-noservice", tmp_path_factory.mktemp("clips"))
    result = examples.measure(clip, Aligner(), "en")
    assert result is not None
    return result


def test_durations_fill_the_clip_frame_by_frame(measured: Measured) -> None:
    assert len(measured.durations) == len(measured.phonemes) + 2
    assert int(measured.durations.sum()) == measured.frames == len(measured.waveform) // 600
    assert int(measured.durations.min()) >= 1 and int(measured.durations[1:-1].max()) <= 50


def test_vowels_are_voiced_where_they_are_aligned(measured: Measured) -> None:
    ends = 2 * measured.durations.cumsum(0) - 4
    stressed = [place + 1 for place, symbol in enumerate(measured.phonemes) if symbol in "ɪiʌɛAIu"]
    voiced = [bool((measured.f0[ends[place - 1] : ends[place]] > 0).any()) for place in stressed]
    assert np.mean(voiced) > 0.8


def test_a_wrong_transcript_scores_worse(measured: Measured) -> None:
    other = phonemes.phonemes_of("Seven purple elephants danced across the frozen river at midnight.", "en")
    waveform = soxr.resample(measured.waveform, 24_000, 16_000)
    wrong = Aligner().align(waveform, other, measured.frames)
    assert wrong is None or wrong.score < measured.score - 5


def test_a_transcript_longer_than_its_clip_does_not_align() -> None:
    assert Aligner().align(np.zeros(16_000, dtype=np.float32), "a" * 60, 40) is None


@pytest.mark.parametrize("hertz", [90.0, 200.0, 350.0])
def test_pitch_of_a_buzz_is_its_frequency(hertz: float) -> None:
    time = np.arange(24_000) / 24_000
    buzz = sum(np.sin(2 * np.pi * hertz * k * time) / k for k in range(1, 8)).astype(np.float32) / 4
    f0 = features.pitch_of(buzz)
    assert f0.shape == (80,)
    np.testing.assert_allclose(f0[5:-5], hertz, rtol=0.01)


def test_noise_and_silence_have_no_pitch() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 24_000).astype(np.float32)
    assert (features.pitch_of(noise) > 0).mean() < 0.1
    assert not features.pitch_of(np.zeros(24_000, dtype=np.float32)).any()


def test_energy_rises_with_loudness(measured: Measured) -> None:
    louder = features.energy_of(2 * torch.from_numpy(measured.waveform))
    assert louder.shape == measured.energy.shape == (2 * measured.frames,)
    loud = measured.energy > 0
    torch.testing.assert_close((louder - measured.energy)[loud].mean(), torch.tensor(4.0).log(), atol=0.02, rtol=0)


def test_recordings_of_16_khz_end_below_8_khz(measured: Measured) -> None:
    assert 6500 < features.bandwidth_of([measured.waveform]) < 8200


def test_traits_are_those_of_the_speaker(measured: Measured) -> None:
    pitch, spread, pace, _ = measured.traits.tolist()
    assert 150 < 2**pitch < 260
    assert 0.05 < spread < 1.5
    assert 6 < np.exp(pace) < 22


@pytest.mark.parametrize("language", ["en", "it"])
def test_a_style_like_a_womans_is_nearer_to_women(measured: Measured, language: str) -> None:
    style = styles.style_like(measured.waveform, language)
    distances = {"feminine": 0.0, "masculine": 0.0}
    for gender in distances:
        voices = [voice for voice in stock.STOCK_VOICES if (voice.gender, voice.language) == (gender, "en")]
        mean = np.mean([styles.stock_style(voice.name) for voice in voices], axis=0)
        distances[gender] = float(np.linalg.norm(style[:128] - mean[:128]))
    assert style.shape == (256,)
    assert distances["feminine"] < distances["masculine"]


def test_a_stock_voice_alone_is_like_itself(measured: Measured) -> None:
    """With one voice to choose from, its prosody is taken as it is."""
    style = styles.style_like(measured.waveform, "fr")
    np.testing.assert_allclose(style[128:], styles.stock_style("ff_siwis")[128:], atol=1e-5)

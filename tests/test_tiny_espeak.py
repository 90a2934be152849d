"""The parts that the tiny engine stands on: espeak-ng by ctypes, and what is measured in speech."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import espeakng_loader
import numpy as np
import pytest
from phonemizer.backend import EspeakBackend
from phonemizer.backend.espeak.wrapper import EspeakWrapper

from model.engines.tiny.calibration import calibrate
from model.engines.tiny.espeak import MAN, SAMPLE_RATE, WOMAN, Espeak, Knobs
from model.engines.tiny.traits import Traits
from model.errors import AudioError, WeightsUnavailable
from model.measuring import active_seconds, loudness_db, pitch_hz, tilt_db_per_octave
from tests.tiny_speech import tone

TEXT = "The train to the city leaves in the morning."


@pytest.fixture(scope="module")
def espeak() -> Espeak:
    return Espeak()


def median_hz(waveform: np.ndarray) -> float:
    return float(np.median(pitch_hz(waveform)))


def test_speech_is_a_waveform_at_24_khz(espeak: Espeak) -> None:
    waveform = espeak.speak(TEXT, voice=WOMAN)
    assert waveform.dtype == np.float32
    assert waveform.ndim == 1
    assert 1.5 < len(waveform) / SAMPLE_RATE < 4
    assert 0.1 < np.abs(waveform).max() <= 1


@pytest.mark.parametrize("text", ["", "...", "\0"])
def test_nothing_to_say_is_silence(espeak: Espeak, text: str) -> None:
    assert not espeak.speak(text, voice=WOMAN).any()


def test_a_higher_rate_is_shorter(espeak: Espeak) -> None:
    slow, fast = (espeak.speak(TEXT, voice=WOMAN, knobs=Knobs(rate=rate)) for rate in (100, 300))
    assert len(fast) < 0.5 * len(slow)


def test_the_pitch_knob_raises_the_pitch(espeak: Espeak) -> None:
    low, high = (espeak.speak(TEXT, voice=WOMAN, knobs=Knobs(pitch=pitch)) for pitch in (20, 80))
    assert median_hz(high) > 1.4 * median_hz(low)


@pytest.mark.parametrize("knobs", [{"rate": 79}, {"pitch": 101}, {"range": -1}])
def test_knobs_beyond_their_limits_are_refused(knobs: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be from"):
        Knobs(**knobs)


def test_an_unknown_voice_is_named(espeak: Espeak) -> None:
    with pytest.raises(WeightsUnavailable, match="no-such-voice"):
        espeak.speak(TEXT, voice="no-such-voice")


def test_a_broken_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "libespeak-ng.so"
    broken.write_text("no library")
    monkeypatch.setattr(espeakng_loader, "get_library_path", lambda: str(broken))
    with pytest.raises(WeightsUnavailable, match="espeakng-loader"):
        Espeak()


def test_threads_that_share_it_do_not_mix_their_voices(espeak: Espeak) -> None:
    voices = [WOMAN, MAN] * 6
    with ThreadPoolExecutor(4) as threads:
        waveforms = threads.map(lambda voice: espeak.speak(TEXT, voice=voice), voices)
        pitches = [median_hz(waveform) for waveform in waveforms]
    assert all(pitch > 170 for pitch in pitches[::2])
    assert all(pitch < 130 for pitch in pitches[1::2])


def test_phonemizer_in_the_same_process_is_not_disturbed(espeak: Espeak, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EspeakWrapper, "_ESPEAK_LIBRARY", espeakng_loader.get_library_path())
    monkeypatch.setattr(EspeakWrapper, "_ESPEAK_DATA_PATH", espeakng_loader.get_data_path())
    spanish = EspeakBackend("es")
    before = spanish.phonemize(["buenos días"])
    english = espeak.speak(TEXT, voice=MAN, knobs=Knobs(rate=300))
    assert spanish.phonemize(["buenos días"]) == before
    again = espeak.speak(TEXT, voice=MAN, knobs=Knobs(rate=300))
    assert len(again) == pytest.approx(len(english), rel=0.02)


@pytest.mark.parametrize("frequency_hz", [80.0, 118.0, 205.0, 390.0])
def test_the_pitch_of_a_tone_is_found(frequency_hz: float) -> None:
    assert median_hz(tone(frequency_hz)) == pytest.approx(frequency_hz, rel=0.01)


def test_noise_has_hardly_any_pitch() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, SAMPLE_RATE).astype(np.float32)
    assert len(pitch_hz(noise)) < 5


def test_silence_is_named() -> None:
    with pytest.raises(AudioError, match="silent"):
        pitch_hz(np.zeros(SAMPLE_RATE, np.float32))


def test_pauses_count_neither_as_time_nor_as_loudness() -> None:
    speech = tone(150, seconds=2)
    padded = np.concatenate([np.zeros(SAMPLE_RATE, np.float32), speech, np.zeros(SAMPLE_RATE, np.float32)])
    assert active_seconds(padded) == pytest.approx(2.0, abs=0.1)
    assert loudness_db(padded) == pytest.approx(20 * np.log10(np.sqrt(np.mean(speech**2))), abs=0.5)


def test_the_tilt_of_a_spectrum_is_found() -> None:
    harmonics = tone(110, seconds=2, harmonics=60)
    assert tilt_db_per_octave(harmonics) == pytest.approx(-6, abs=1)


@pytest.mark.parametrize(("voice", "hz"), [(WOMAN, 190), (WOMAN, 240), (MAN, 95), (MAN, 130)])
def test_calibrated_knobs_give_the_pitch_that_is_wanted(espeak: Espeak, voice: str, hz: float) -> None:
    traits = Traits(pitch=float(np.log2(hz)), spread=-2.0, pace=0.0, loudness_db=-20, tilt=-6)
    knobs = calibrate(espeak, voice).knobs_for(traits)
    assert median_hz(espeak.speak(TEXT, voice=voice, knobs=knobs)) == pytest.approx(hz, rel=0.08)


def test_calibrated_knobs_give_the_pace_that_is_wanted(espeak: Espeak) -> None:
    traits = Traits(pitch=7.6, spread=-2.0, pace=0.3, loudness_db=-20, tilt=-6)
    knobs = calibrate(espeak, WOMAN).knobs_for(traits)
    seconds = [active_seconds(espeak.speak(TEXT, voice=WOMAN, knobs=each)) for each in (Knobs(), knobs)]
    assert seconds[0] / seconds[1] == pytest.approx(2**0.3, rel=0.08)

"""The same sound is known again in another format, and other sound is not."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from model import audio
from model.fingerprint import Fingerprint, fingerprint_of, is_same
from tests.conftest import SPEECH

NAMES = ("vm-newuser", "queue-youarenext", "demo-enterkeywords", "vm-sorry")


def speech(*names: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    read = [soundfile.read(SPEECH / f"{name}.flac", dtype="float32")[0] for name in names]
    return audio.resample(np.concatenate(read), source_rate=16_000, target_rate=audio.SAMPLE_RATE)


def heard(waveform: np.ndarray[tuple[int], np.dtype[np.float32]], folder: Path) -> Fingerprint:
    audio.write_wav(folder / "a.wav", waveform, audio.SAMPLE_RATE)
    return fingerprint_of(folder / "a.wav")


@pytest.mark.parametrize(("container", "bit_rate"), [("mp3", 32_000), ("opus", 32_000), ("aac", 48_000)])
def test_a_copy_through_a_lossy_format_is_the_same(container: str, bit_rate: int, tmp_path: Path) -> None:
    original = speech(*NAMES)
    form = audio.EncodedFormat(container=container, sample_rate=24_000, bit_rate=bit_rate)
    (tmp_path / "copy").write_bytes(audio.encode(original * np.float32(0.5), audio.SAMPLE_RATE, form))
    audio.decode_to_wav(tmp_path / "copy", tmp_path / "copy.wav")
    assert is_same(heard(original, tmp_path), fingerprint_of(tmp_path / "copy.wav"))


def test_other_speech_of_the_same_speaker_and_length_is_not(tmp_path: Path) -> None:
    one, other = speech(*NAMES), speech(*reversed(NAMES))
    assert not is_same(heard(one, tmp_path), heard(other, tmp_path))


def test_silence_and_what_is_very_short_are_like_nothing(tmp_path: Path) -> None:
    for waveform in (np.zeros(5 * audio.SAMPLE_RATE, np.float32), speech("vm-sorry")[:6_000]):
        fingerprint = heard(waveform, tmp_path)
        assert not is_same(fingerprint, fingerprint)

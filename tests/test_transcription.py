"""What is heard in real speech, and the weights behind it."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

from model import audio, whisper_weights
from model.errors import WeightsUnavailable
from model.evaluation import word_error_rate
from model.sentences import TEST_SENTENCES
from model.transcript_files import read_text_file
from model.transcription import WHISPER_RATE, Transcriber, _is_loop
from model.whisper_weights import prepare_whisper

SPEECH = Path(__file__).parent / "data" / "speech"


@pytest.fixture(scope="module")
def transcriber(weights_dir: Path) -> Transcriber:
    return Transcriber(prepare_whisper(weights_dir))


@pytest.fixture(scope="module")
def spoken() -> dict[str, str]:
    return {given.stem: given.text for given in read_text_file(SPEECH / "metadata.csv")}


def test_many_clips_are_heard_in_order(transcriber: Transcriber, spoken: dict[str, str], tmp_path: Path) -> None:
    stems = sorted(spoken)[:8]
    paths = []
    for stem in stems:
        audio.write_wav(tmp_path / f"{stem}.wav", soundfile.read(SPEECH / f"{stem}.flac", dtype="float32")[0], 16_000)
        paths.append(tmp_path / f"{stem}.wav")
    heard = list(transcriber.transcribe_many(paths, "en"))
    rates = [word_error_rate(spoken[stem], one.text, "en") for stem, one in zip(stems, heard, strict=True)]
    assert np.mean(rates) < 0.12
    assert rates.count(0) >= 3
    assert all(0.5 < one.confidence <= 1 for one in heard)


def test_a_waveform_alone_is_heard_and_silence_has_no_confidence(
    transcriber: Transcriber, spoken: dict[str, str]
) -> None:
    waveform, sample_rate = soundfile.read(SPEECH / "ss-noservice.flac", dtype="float32")
    heard = transcriber.transcribe(waveform, "en-US", sample_rate=sample_rate)
    assert word_error_rate(spoken["ss-noservice"], heard.text, "en") == 0
    assert heard.language == "en"
    silent = transcriber.transcribe(np.zeros(0, np.float32), "en")
    assert (silent.text, silent.confidence) == ("", 0)


class Looping:
    """Says one word over and over when it hears clips together, or one without chance; else it hears a word."""

    def __init__(self) -> None:
        self.asked: list[tuple[float, float]] = []

    def transcribe(self, waveform: np.ndarray, *, temperature: float, **options: Any) -> tuple[list[Any], None]:
        seconds = len(waveform) / WHISPER_RATE
        self.asked.append((seconds, temperature))
        count = 100 if seconds > 3 or not temperature else 1
        words = [SimpleNamespace(word=" again", start=0.1, end=0.2, probability=0.99)] * count
        text = " again" * count
        return [SimpleNamespace(words=words, text=text, compression_ratio=20.0 if count > 1 else 0.8)], None


def test_what_is_said_over_and_over_is_heard_again_clip_by_clip(tmp_path: Path) -> None:
    transcriber, looping = Transcriber(tmp_path), Looping()
    transcriber.__dict__["_model"] = looping
    clips = [np.zeros(2 * audio.SAMPLE_RATE, np.float32)] * 2
    heard = list(transcriber.transcribe_many(clips, "en"))
    assert [one.text for one in heard] == ["again", "again"]
    together, *alone = looping.asked
    assert together[0] > 4 and together[1] == 0
    assert alone == [(2.0, 0.0), (2.0, 0.2)] * 2


def test_what_is_said_over_and_over_by_chance_too_is_kept_as_heard_at_first(tmp_path: Path) -> None:
    transcriber, looping = Transcriber(tmp_path), Looping()
    transcriber.__dict__["_model"] = looping
    heard = transcriber.transcribe(np.zeros(4 * audio.SAMPLE_RATE, np.float32), "en")
    assert heard.text.split() == ["again"] * 100


def test_a_script_of_three_bytes_a_letter_is_no_loop() -> None:
    text = " ".join(TEST_SENTENCES["hi"] * 2)
    assert not _is_loop([SimpleNamespace(text=text, compression_ratio=4.0)])
    assert _is_loop([SimpleNamespace(text="so " * 100, compression_ratio=4.0)])


def test_weights_are_made_once_and_mended_when_cut(weights_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "whisper-base"
    shutil.copytree(prepare_whisper(weights_dir), folder)
    model = folder / "model.bin"
    with model.open("r+b") as file:
        file.truncate(1_000_000)
    assert prepare_whisper(tmp_path) == folder
    assert model.stat().st_size == whisper_weights.MODEL_SIZE
    made = model.stat().st_mtime_ns
    prepare_whisper(tmp_path)
    assert model.stat().st_mtime_ns == made
    assert not list(folder.glob(".*"))


def test_weights_that_changed_unseen_are_found_by_their_hash(weights_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "whisper-base"
    shutil.copytree(prepare_whisper(weights_dir), folder)
    with (folder / "model.bin").open("r+b") as file:
        file.seek(100_000_000)
        file.write(bytes(4096))
    prepare_whisper(tmp_path)
    with (folder / "model.bin").open("rb") as file:
        file.seek(100_000_000)
        assert any(file.read(4096))


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whisper_weights, "PACKAGES", ("no_such_whisper_part1", "no_such_whisper_part2"))
    with pytest.raises(WeightsUnavailable, match="needs the package no-such-whisper-part1"):
        prepare_whisper(tmp_path)


def test_a_broken_model_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"cut")
    with pytest.raises(WeightsUnavailable, match="cannot be loaded"):
        Transcriber(tmp_path).transcribe(np.zeros(16_000, np.float32), "en")

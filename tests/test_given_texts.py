"""Texts find their recordings, whichever comes first, and their places in them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from model.audio import write_wav
from model.transcription import Transcript as HeardText
from playground.inspector import Inspector
from playground.parts import Parts
from playground.services import given_texts, transcripts
from playground.services.given_texts import TakenTexts
from playground.services.transcripts import Undone, change_clips
from playground.transcriber import BackgroundTranscriber
from storage.database import Tables
from storage.records import Clip, Dataset, DatasetFile
from tests.conftest import SPEECH
from tests.making import checked_dataset

RATE = 16_000


def _add(parts: Parts, dataset: Dataset, tmp_path: Path, name: str, content: bytes) -> Any:
    upload = tmp_path / "upload"
    upload.write_bytes(content)
    return parts.datasets.add_file(dataset.id, name, upload)


def _inspect(parts: Parts) -> None:
    inspector = Inspector(parts)
    while inspector.inspect_next():
        pass


def _clips(parts: Parts, dataset: Dataset) -> list[Clip]:
    with parts.storage.read() as tables:
        return tables.clips.of_dataset(dataset.id)


@pytest.mark.parametrize("is_text_first", [True, False])
def test_a_text_finds_its_recording_in_either_order(parts: Parts, tmp_path: Path, is_text_first: bool) -> None:
    dataset = parts.datasets.create("Ada")
    uploads = [("Éa.flac", (SPEECH / "vm-sorry.flac").read_bytes()), ("E\u0301a.txt", b"I'm sorry.")]
    for name, content in reversed(uploads) if is_text_first else uploads:
        _add(parts, dataset, tmp_path, name, content)
        _inspect(parts)
    (clip,) = _clips(parts, dataset)
    assert (clip.transcript, clip.transcript_source, clip.confidence) == ("I'm sorry.", "given", None)


def test_a_table_says_how_many_of_its_recordings_are_there(parts: Parts, tmp_path: Path) -> None:
    dataset = checked_dataset(parts, clips=1)
    taken = _add(parts, dataset, tmp_path, "metadata.csv", b"a|Hello.\nwavs/b.wav|Not here yet.\n")
    assert taken == TakenTexts(filename="metadata.csv", texts=2, recordings=1)
    assert _clips(parts, dataset)[0].transcript == "Hello."


def test_a_long_table_lets_others_write_between_and_is_one_step(
    parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once: list[int] = []

    def change(tables: Tables, changes: Sequence[Any], **step: str) -> None:
        at_once.append(len(changes))
        change_clips(tables, changes, **step)

    monkeypatch.setattr(given_texts, "TEXTS_AT_ONCE", 2)
    monkeypatch.setattr(transcripts, "EDITS_AT_ONCE", 2)
    monkeypatch.setattr(given_texts, "change_clips", change)
    dataset = checked_dataset(parts, clips=0)
    with parts.storage.write() as tables:
        for name in "bcdef":
            row = tables.files.insert(
                DatasetFile(dataset_id=dataset.id, filename=f"{name}.wav", size=1, sha256=name, path="")
            )
            tables.clips.insert(
                Clip(dataset_id=dataset.id, file_id=row.id, path="", start_seconds=0, duration_seconds=5)
            )
    _add(parts, dataset, tmp_path, "metadata.csv", "".join(f"{name}|Said in {name}.\n" for name in "bcdef").encode())
    assert [clip.transcript for clip in _clips(parts, dataset)] == [f"Said in {name}." for name in "bcdef"]
    assert at_once == [2, 2, 1]
    assert parts.transcripts.undo(dataset.id) == Undone(kind="import", clips=5)
    assert not any(clip.transcript for clip in _clips(parts, dataset))
    assert parts.transcripts.undo(dataset.id) is None


def test_a_text_uploaded_again_replaces_the_first(parts: Parts, tmp_path: Path) -> None:
    dataset = checked_dataset(parts, clips=1)
    for text in (b"First.", b"Second."):
        _add(parts, dataset, tmp_path, "a.txt", text)
    assert _clips(parts, dataset)[0].transcript == "Second."


def test_a_clip_that_says_something_else_keeps_what_was_heard_and_is_doubtful(parts: Parts, tmp_path: Path) -> None:
    dataset = checked_dataset(parts, clips=3)
    heard = ["the quick brown fox jumps", "over all that lazy dogs do", "while nobody looks at him"]
    for clip, text in zip(_clips(parts, dataset), heard, strict=True):
        parts.hearing.keep(clip.id, HeardText(text=text, confidence=0.9, language="en"))
    text = b"The quick brown fox jumps. Elephants never forget green umbrellas. While nobody looks at him."
    _add(parts, dataset, tmp_path, "a.txt", text)
    clips = _clips(parts, dataset)
    assert [clip.transcript for clip in clips] == ["The quick brown fox jumps.", heard[1], "While nobody looks at him."]
    assert [clip.transcript_source for clip in clips] == ["given", "heard", "given"]
    assert [clip.is_doubtful for clip in clips] == [False, True, False]


@pytest.mark.parametrize("suffix", ["txt", "srt"])
def test_the_text_of_a_long_recording_is_placed_once_all_is_heard(parts: Parts, tmp_path: Path, suffix: str) -> None:
    """Three real sentences in one recording, with pauses; the text writes them as nobody could have heard them."""
    stems = ("ss-noservice", "conf-onlyone", "queue-youarenext")
    texts = [
        "The number you have dialed is not in service; please check the number, and try again!",
        "There is currently ONE other participant in the conference…",
        "Your call is now first-in-line, and will be answered by the next available representative.",
    ]
    silence = np.zeros(int(1.5 * RATE), np.float32)
    sounds = [part for stem in stems for part in (soundfile.read(SPEECH / f"{stem}.flac", dtype="float32")[0], silence)]
    write_wav(tmp_path / "talk.wav", np.concatenate(sounds), RATE)
    ends = np.cumsum([len(sound) for sound in sounds])[1::2] / RATE
    starts = [0.0, *ends[:-1]]
    times = [f"00:00:{second:06.3f}".replace(".", ",") for pair in zip(starts, ends, strict=True) for second in pair]
    cues = [f"{n + 1}\n{times[2 * n]} --> {times[2 * n + 1]}\n{text}\n" for n, text in enumerate(texts)]
    dataset = parts.datasets.create("Ada")
    _add(parts, dataset, tmp_path, f"talk.{suffix}", ("\n".join(cues) if suffix == "srt" else " ".join(texts)).encode())
    _add(parts, dataset, tmp_path, "talk.wav", (tmp_path / "talk.wav").read_bytes())
    _inspect(parts)
    assert all(not clip.transcript for clip in _clips(parts, dataset))
    transcriber = BackgroundTranscriber(parts)
    while transcriber.hear_next():
        pass
    clips = _clips(parts, dataset)
    assert len(clips) >= 3
    assert {clip.transcript_source for clip in clips} == {"given"}
    assert " ".join(clip.transcript for clip in clips) == " ".join(texts)
    assert parts.datasets.files(dataset.id)[0].language == "en"

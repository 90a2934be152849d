"""What people read into the microphone: the scripts, and how recordings of them are known again."""

import errno
import json

import pytest

from bench.scripts import ordered
from model.sentences import TEST_SENTENCES
from playground.pages.recorder import read_script, recorder_state
from playground.parts import Parts
from playground.services.errors import DiskFull, Refused, full_disk_in_words
from playground.services.scripts import languages, script_language, script_of, spoken_sentences
from tests.conftest import SPEECH
from tests.serving import api_of
from tests.test_formatting import make_file


@pytest.mark.parametrize("language", ["en", "es", "fr", "it", "pt", "hi"])
def test_each_language_has_sentences_enough_that_can_be_told_apart(language: str) -> None:
    script = script_of(language)
    assert len(script) >= (100 if language == "en" else 40)
    assert len({sentence.name for sentence in script}) == len(script)
    assert not {sentence.text for sentence in script} & set(TEST_SENTENCES[language])


def test_a_recording_is_named_after_its_sentence_in_whole_words() -> None:
    names = [sentence.name for language in languages() for sentence in script_of(language)]
    assert "¿Queda bastante queso para los seis?".strip("¿?") in names
    assert max(map(len, names)) <= 60
    assert not [name for name in names if set(name) & set('./\\"?:')]


def test_a_variant_has_the_script_of_its_language() -> None:
    assert (script_language("en-GB"), script_language("de")) == ("en", None)


@pytest.mark.parametrize("language", ["de", "../../README"])
def test_only_languages_with_a_script_are_read(language: str) -> None:
    with pytest.raises(Refused, match="There is no script in"):
        read_script(language)


def test_what_is_recorded_is_known_from_the_rows() -> None:
    first, second, third = (f"{sentence.name}.wav" for sentence in script_of("en")[:3])
    files = [
        make_file(filename=first, duration_seconds=4.0, verdict="good"),
        make_file(filename=second),
        make_file(filename=third, verdict="rejected"),
        make_file(filename="interview.wav", verdict="good"),
    ]
    spoken = spoken_sentences(files)
    assert [(f"{name}.wav", one.file_id, one.duration_seconds) for name, one in spoken.items()] == [
        (first, files[0].id, 4.0),
        (second, files[1].id, 0.0),
    ]


def test_the_recorder_offers_one_language_where_it_is_known_else_all() -> None:
    known = json.loads(recorder_state("d", [], language="en-GB"))
    assert (known["language"], known["languages"]) == ("en", [["en", "English"]])
    assert len(json.loads(recorder_state("d", [], language=None))["languages"]) == 6
    assert recorder_state("d", [], language="de") == ""


def test_each_sentence_of_a_script_adds_most_to_those_before_it() -> None:
    sounds = [frozenset("ab"), frozenset("abcd"), frozenset("ef"), frozenset("a"), frozenset()]
    assert ordered(sounds, 5) == [1, 2, 0, 3, 4]
    assert ordered(sounds, 2) == [1, 2]


def test_a_full_disk_is_told_in_words_and_other_faults_pass() -> None:
    with pytest.raises(DiskFull, match="Make room, then try again"), full_disk_in_words():
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(PermissionError), full_disk_in_words():
        raise PermissionError(errno.EACCES, "Permission denied")


def test_a_recording_and_its_sentence_arrive_in_one_form(parts: Parts) -> None:
    dataset = parts.datasets.create("Ada")
    sentence = script_of("hi")[0]
    form = [
        ("file", (f"{sentence.name}.txt", sentence.text.encode())),
        ("file", (f"{sentence.name}.wav", (SPEECH / "vm-sorry.flac").read_bytes())),
    ]
    assert api_of(parts).post(f"/datasets/{dataset.id}/files", files=form).status_code == 204
    assert list(spoken_sentences(parts.datasets.files(dataset.id))) == [sentence.name]
    with parts.storage.read() as tables:
        (given,) = tables.transcripts.where("dataset_id = ?", [dataset.id])
    assert (given.stem, given.text) == (sentence.name, sentence.text)

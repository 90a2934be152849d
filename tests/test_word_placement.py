"""A whole recording's text comes to the clips in which it is said."""

import random
from pathlib import Path

import pytest

from model.transcript_files import Cue, read_text_file
from model.word_placement import HeardClip, place_text

SPEECH = Path(__file__).parent / "data" / "speech"
SENTENCES = [given.text.strip(". ") + "." for given in read_text_file(SPEECH / "metadata.csv")]


def _clips(heard: list[str]) -> list[HeardClip]:
    return [
        HeardClip(id=str(number), start_seconds=number * 5.0, end_seconds=number * 5.0 + 4.5, heard=text)
        for number, text in enumerate(heard)
    ]


def _texts(text: str, heard: list[str], **options: object) -> dict[str, str]:
    placed = place_text(text, _clips(heard), language="en", **options)  # type: ignore[arg-type]
    return {id: one.text for id, one in placed.items() if one.fits}


def test_each_clip_gets_its_sentence_as_it_was_written() -> None:
    heard = [sentence.lower().replace(",", "") for sentence in SENTENCES]
    assert _texts(" ".join(SENTENCES), heard) == {str(n): " ".join(s.split()) for n, s in enumerate(SENTENCES)}


@pytest.mark.parametrize("seed", range(3))
def test_words_that_were_misheard_or_missed_come_back(seed: int) -> None:
    chance = random.Random(seed)
    heard = [
        " ".join(word if chance.random() > 0.15 else chance.choice(["", "hm", "a"]) for word in sentence.split())
        for sentence in SENTENCES
    ]
    placed = _texts(" ".join(SENTENCES), heard)
    right = sum(placed.get(str(n)) == " ".join(s.split()) for n, s in enumerate(SENTENCES))
    assert right >= len(SENTENCES) - 2


def test_numbers_are_compared_as_they_are_said() -> None:
    assert _texts("We paid twenty dollars. Then we left.", ["We paid $20.", "Then we left."]) == {
        "0": "We paid twenty dollars.",
        "1": "Then we left.",
    }


def test_an_unheard_word_goes_to_the_sentence_that_it_belongs_to() -> None:
    assert _texts(
        "Green leaves fell down. So birds came from there.", ["green leaves fell", "birds came from there"]
    ) == {
        "0": "Green leaves fell down.",
        "1": "So birds came from there.",
    }


def test_what_is_in_no_clip_is_left_out() -> None:
    preface = "Chapter one of a book that has a long preface which nobody reads aloud. "
    text = preface + "It was a bright cold day. The clocks were striking thirteen."
    assert _texts(text, ["It was a bright cold day.", "The clocks were striking thirteen."]) == {
        "0": "It was a bright cold day.",
        "1": "The clocks were striking thirteen.",
    }


def test_another_text_does_not_fit() -> None:
    text = "Completely different words about gardens and rivers in the summer rain."
    assert _texts(text, SENTENCES[:3]) == {}


def test_a_part_that_was_not_heard_keeps_no_other_part_from_its_words() -> None:
    heard = [SENTENCES[0], "mumble", SENTENCES[2]]
    placed = _texts(" ".join(SENTENCES[:3]), heard)
    assert placed["0"] == " ".join(SENTENCES[0].split())
    assert placed["2"] == " ".join(SENTENCES[2].split())


def test_times_help_where_recognition_heard_the_same_twice() -> None:
    cues = [
        Cue(start_seconds=0.1, end_seconds=4.4, text="Yes, of course."),
        Cue(start_seconds=5.1, end_seconds=9.4, text="Yes, of course!"),
    ]
    placed = place_text("Yes, of course. Yes, of course!", _clips(["", "yes of course"])[1:], language="en", cues=cues)
    assert (placed["1"].text, placed["1"].agreement) == ("Yes, of course!", 1)


def test_subtitles_that_are_cut_elsewhere_than_clips_are_split_at_the_word() -> None:
    cues = [Cue(start_seconds=0.0, end_seconds=9.5, text="green leaves fell birds came there")]
    assert _texts("green leaves fell birds came there", ["green leaves fell", "birds came there"], cues=cues) == {
        "0": "green leaves fell",
        "1": "birds came there",
    }


def test_subtitles_of_another_recording_do_not_fit() -> None:
    cues = [Cue(start_seconds=0.0, end_seconds=4.0, text="Gardens and rivers.")]
    assert _texts("Gardens and rivers.", [SENTENCES[0]], cues=cues) == {}

"""Text that comes bit by bit is parted where it can be spoken well."""

import pytest

from playground.services.phrasing import PhraseBuffer


def buffer_of(*pieces: str) -> PhraseBuffer:
    buffer = PhraseBuffer()
    for piece in pieces:
        buffer.add(piece)
    return buffer


@pytest.mark.parametrize(
    ("text", "ready"),
    [
        ("Good morn", ""),
        ("Good morning.", ""),
        ("Good morning. ", "Good morning. "),
        ("One. Two! Thr", "One. Two! "),
        ("He said “no.” Then", "He said “no.” "),
        ("It costs 3.50 and", ""),
        ("I met Dr. Moss and", ""),
        ("By A. Moss, and", ""),
        ("A list\nof", "A list\n"),
        ("नमस्ते। आप", "नमस्ते। "),
        ("." * 50_000, ""),
        ("word, " * 60 + "and", "word, " * 60),
    ],
)
def test_only_sentences_that_are_complete_are_ready(text: str, ready: str) -> None:
    buffer = buffer_of(*text)
    assert buffer.take_sentences() == ready
    assert buffer.take_all() == text[len(ready) :]


@pytest.mark.parametrize(
    ("text", "words"),
    [("one two thr", "one two "), ("one two ", "one two "), ("single", "single"), (" single", " single"), ("", "")],
)
def test_in_haste_whole_words_are_taken(text: str, words: str) -> None:
    buffer = buffer_of(text)
    assert buffer.take_words() == words
    assert buffer.take_all() == text[len(words) :]

"""Kokoro's reading of text: phonemes, sentences, limits."""

import pytest

from model.engines.kokoro import phonemes, symbols
from model.engines.kokoro.timing import WordFinder, written_words
from model.errors import LanguageNotSupported


def test_words_become_the_base_models_symbols() -> None:
    assert phonemes.phonemes_of("Hello there.", "en") == "həlˈO ðˈɛɹ."


def test_numbers_and_money_are_read_in_full() -> None:
    assert phonemes.phonemes_of("$3.50", "en") == phonemes.phonemes_of("three dollars fifty cents", "en")


@pytest.mark.parametrize(
    ("language", "text", "spoken"),
    [
        ("en-GB", "Where is the water?", "wˈɛː ɪz ðə wˈɔːtə?"),
        ("es", "¿Qué niño?", "kˈe nˈiɲo?"),
        ("fr", "« Bonjour »", "“bɔ̃ʒˈuʁ”"),
        ("it", "Ciao, pizza!", "ʧˈao, pˈiʦːa!"),
        ("pt", "irmão", "iɾəmˈɐ̃ʊ̃"),
        ("hi", "नमस्ते।", "nəmˈʌsteː."),
    ],
)
def test_other_languages_have_their_own_sounds(language: str, text: str, spoken: str) -> None:
    assert phonemes.phonemes_of(text, language) == spoken


def test_a_title_does_not_end_a_sentence() -> None:
    sentences = phonemes.split_sentences("Dr. Smith came home late. He was very tired after the trip.")
    assert sentences == ["Dr Smith came home late.", "He was very tired after the trip."]


def test_short_fragments_join_their_neighbour() -> None:
    assert phonemes.split_sentences("Yes! No! I am not at all sure about that.") == [
        "Yes! No! I am not at all sure about that."
    ]


def test_symbols_that_the_model_does_not_know_are_dropped() -> None:
    assert all(phonemes.phonemes_of("naïve 東京 ☃ café", "en"))
    assert symbols.known("a☃b") == "ab"


def test_text_without_words_gives_no_phrase() -> None:
    assert list(phonemes.phrases_of("?! ... ", "en")) == []


def test_very_long_sentences_are_cut_at_commas_below_the_limit() -> None:
    pieces = list(phonemes.phrases_of("one word and another, " * 60 + "the end.", "en"))
    assert len(pieces) > 1
    assert len(pieces[0]) <= phonemes.MAX_FIRST_PHONEMES
    assert all(len(piece) <= phonemes.MAX_PHONEMES for piece in pieces)
    assert any(len(piece) > phonemes.MAX_FIRST_PHONEMES for piece in pieces)
    assert all(piece.endswith((",", ".")) for piece in pieces)


def test_the_first_phrase_ends_at_an_early_pause_and_no_other_one_does() -> None:
    long = "When the rain had stopped at last, they walked down to the harbour and looked for the boat of their uncle."
    first, rest, second = phonemes.phrases_of(f"{long} {long}", "en")
    assert first.endswith(",")
    assert len(first) <= phonemes.SOON_PHONEMES
    assert f"{first} {rest}" == second


def test_a_short_first_sentence_stays_whole() -> None:
    assert len(list(phonemes.phrases_of("Good morning, everybody, and welcome.", "en"))) == 1


def test_a_text_without_any_pause_is_cut_between_words() -> None:
    pieces = list(phonemes.split_phonemes("abcd " * 300, limit=100))
    assert all(len(piece) <= 100 and set(piece.split()) == {"abcd"} for piece in pieces)
    assert sum(len(piece.split()) for piece in pieces) == 300


def test_another_language_is_refused_in_words() -> None:
    with pytest.raises(LanguageNotSupported, match="xx"):
        phonemes.phonemes_of("hello", "xx")


@pytest.mark.parametrize(
    ("language", "text", "word", "said"),
    [
        ("en", "It costs €5, no more.", "€5,", "five euros"),
        ("en", "The well-known Dr. Moss — a vet — came.", "Moss —", "Moss"),
        ("en", "See you on 01/05/2024 in the park at noon.", "01/05/2024", "January fifth twenty twenty four"),
        ("en", "Then the end of the road.", "of", "of"),
        ("fr", "L'homme a 25 ans aujourd'hui.", "25", "vingt-cinq"),
        ("pt", "Comprei 12 maçãs no mercado.", "12", "doze"),
    ],
)
def test_a_written_word_is_found_where_it_is_said(language: str, text: str, word: str, said: str) -> None:
    (phrase,) = phonemes.phrases_of(text, language)
    places = WordFinder(text, language).find(phrase)
    assert " ".join(place.word for place in places) == text
    (place,) = (place for place in places if place.word == word)
    assert _sounds(phrase[place.start : place.end]) == _sounds(phonemes.phonemes_of(said, language))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("— Yes,  no …\n¿Qué?", ["— Yes,", "no …", "¿Qué?"]),
        ("मेरे पास।", ["मेरे", "पास।"]),
        ("?! ...", []),
        ("!" * 50_000, []),
    ],
)
def test_signs_that_stand_alone_go_with_a_word(text: str, words: list[str]) -> None:
    assert written_words(text) == words


def test_words_are_found_phrase_after_phrase_through_a_long_text() -> None:
    text = "The 3 old ships left at 10:30 with 1,250 boxes, and nobody saw Dr. Moss again. " * 8
    finder = WordFinder(text, "en")
    words = []
    for phrase in phonemes.phrases_of(text, "en"):
        places = finder.find(phrase)
        words += [place.word for place in places]
        assert _sounds(phrase).endswith(_sounds(phonemes.phonemes_of(words[-1], "en")))
    assert " ".join(words) == text.strip()


def test_a_word_that_is_longer_than_a_phrase_hides_no_other_word() -> None:
    text = f"Look: {'banana' * 160}! And nobody saw Dr. Moss again, who had left the park at noon."
    finder = WordFinder(text, "en")
    phrases = [*phonemes.phrases_of(text, "en")]
    words = [[place.word for place in finder.find(phrase)] for phrase in phrases]
    assert len(phrases) > 3
    assert " ".join(word for found in words for word in found) == text
    assert words[-1][-1] == "noon."


def _sounds(phrase: str) -> str:
    return "".join(symbol for symbol in phrase if symbol not in symbols.PAUSES | symbols.STRESS_MARKS)

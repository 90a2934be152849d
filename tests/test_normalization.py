"""Written text as it is read aloud."""

import pytest

from model import normalization
from model.normalization import spoken_form


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("It costs $3.50, or £1,200.75.", ("three dollars fifty cents", "one thousand two hundred pounds")),
        ("The meeting is on 03/04/2025 at 10:30.", ("March fourth twenty twenty five", "ten thirty")),
        ("In 1998 there were 1,234,567 users.", ("nineteen ninety eight", "one million two hundred")),
        ("Call 555-1234 now.", ("five five five, one two three four",)),
        ("Dr. Smith weighs 80 kg.", ("doctor Smith", "eighty kilograms")),
        ("Henry VIII, e.g., and the 21st of May.", ("the eighth", "for example", "twenty first")),
        ("It was -5°C.", ("minus five degrees Celsius",)),
        ("See https://www.example.com/docs?id=5.", ("example dot com slash docs",)),
    ],
)
def test_english_is_read_as_people_say_it(written: str, spoken: tuple[str, ...]) -> None:
    for words in spoken:
        assert words in spoken_form(written, "en")


def test_the_british_put_the_day_first() -> None:
    assert "third of April" in spoken_form("It is on 03/04/2025.", "en-GB")


@pytest.mark.parametrize(
    ("language", "written", "spoken"),
    [
        ("es", "Cuesta 3,50 €.", "tres euros con cincuenta"),
        ("fr", "Elle a 71 ans.", "soixante et onze"),
        ("it", "Nel 1998.", "millenovecentonovantotto"),
    ],
)
def test_other_languages_have_their_own_numbers(language: str, written: str, spoken: str) -> None:
    assert spoken in spoken_form(written, language)


def test_sentences_end_where_they_ended() -> None:
    assert spoken_form("We left at 5 p.m. Then we slept.", "en") == "We left at five p m. Then we slept."
    assert spoken_form("One line.\nAnother line, etc.\n", "en").count("\n") == 2
    assert spoken_form("Bring pens, etc.", "en").endswith("et cetera.")


def test_text_without_anything_to_change_stays_as_it_is() -> None:
    for text in ('He said "hello…" — twice!', "", "  ", "?! ...", "日本語"):
        assert spoken_form(text, "en") == text


def test_long_texts_are_read_to_their_end() -> None:
    text = "There were 12 of them. " * 100 + "The end."
    assert spoken_form(text, "en").count("twelve") == 100
    assert spoken_form(text, "en").endswith("The end.")


def test_text_is_read_as_it_stands_when_the_package_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(language: str) -> None:
        raise RuntimeError("no data")

    monkeypatch.setattr(normalization, "_normalizer", broken)
    assert spoken_form("It costs $3.", "en") == "It costs $3."

"""Text -> the phonemes that the base model was trained on, one string a phrase, through espeak-ng."""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from model.engines.kokoro import symbols
from model.errors import LanguageNotSupported
from model.normalization import spoken_form

if TYPE_CHECKING:
    from phonemizer.backend import EspeakBackend

MAX_PHONEMES, MAX_FIRST_PHONEMES = 240, 120
"""Longest phrases, some 16 and 8 s: the base model takes 510 symbols, but the first is waited for."""
SOON_PHONEMES = 70
"""The first phrase ends at a pause within so many, some 5 s, where it has one: it is read before it is heard."""
_MIN_SENTENCE_CHARACTERS = 20

ESPEAK_VOICES = {
    "en": "en-us",
    "en-GB": "en-gb",
    "es": "es",
    "fr": "fr-fr",
    "it": "it",
    "pt": "pt-br",
    "hi": "hi",
}

# espeak-ng's phonemes (diphthongs tied by ^) as the base model's; longer ones first.
_AMERICAN = (
    ("e", "A"),
    ("o^ʊ", "O"),
    ("ɜːɹ", "ɜɹ"),
    ("ɜː", "ɜɹ"),
    ("ɪə", "iə"),
    ("ɾ", "T"),
    ("o", "ɔ"),
    ("ː", ""),
)
_BRITISH = (
    ("e", "A"),
    ("i^ə", "ɪə"),
    ("iə", "ɪə"),
    ("ə^ʊ", "Q"),
    ("ɾ", "T"),
    ("o", "ɔ"),
)
_ENGLISH = (
    ("ʔˌn\u0329", "tᵊn"),
    ("a^ɪ", "I"),
    ("a^ʊ", "W"),
    ("d^ʒ", "ʤ"),
    ("e^ɪ", "A"),
    ("t^ʃ", "ʧ"),
    ("ɔ^ɪ", "Y"),
    ("ə^l", "ᵊl"),
    ("ʲo", "jo"),
    ("ʲə", "jə"),
    ("ʔn", "tᵊn"),
    ("ɚ", "əɹ"),
    ("ɐ", "ə"),
    ("r", "ɹ"),
    ("ʔ", "t"),
    ("x", "k"),
    ("ç", "k"),
    ("ɬ", "l"),
    ("ʲ", ""),
    ("\u0303", ""),
)
_SYMBOLS = {"en": (*_ENGLISH, *_AMERICAN), "en-GB": (("e^ə", "ɛː"), *_ENGLISH, *_BRITISH)}
_OTHER = (
    ("a^ɪ", "I"),
    ("a^ʊ", "W"),
    ("d^z", "ʣ"),
    ("d^ʒ", "ʤ"),
    ("e^ɪ", "A"),
    ("o^ʊ", "O"),
    ("ə^ʊ", "Q"),
    ("s^s", "S"),
    ("t^s", "ʦ"),
    ("t^ʃ", "ʧ"),
    ("ɔ^ɪ", "Y"),
    ("r.", "ɽ"),
    ("-", ""),
)
# Signs that espeak-ng would name or lose, as those that the base model knows.
_SIGNS = str.maketrans({"’": "'", "‘": "'", "«": "“", "»": "”", "„": "“", "¿": "", "¡": "", "।": "."})
_SPACE_AT_SIGN = re.compile(r" (?=[;:!?,.”])|(?<=“) ")
_TITLES = re.compile(r"\b(Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|vs)\.(?=\s)")
# Punctuation only where it is no part of a number or an abbreviation: "3.50" and "10:30" are read by espeak-ng.
_PUNCTUATION = re.compile(r'\s*(?:[;:,.!?…]+(?=[\s"”)]|$)|[—“”"()…])+\s*')
_SENTENCE_END = re.compile(r"(?:(?<=[.!?…])|(?<=[.!?…][\"”’')]))\s+(?=\S)|\n+")
# Phonemes that stand in a text themselves, as <<ˈ|æ|k|m|i>>.
_GIVEN = re.compile(r"<<([^<>\s]+)>>")
_TIED = {theirs.replace("^", ""): theirs for theirs, _ in (*_AMERICAN, *_BRITISH, *_ENGLISH, *_OTHER) if "^" in theirs}
_INITIAL_AT_END = re.compile(r"\b(?:[A-Z]|e\.g|i\.e)\.$")


def phonemes_of(text: str, language: str) -> str:
    """The base model's symbols for `text`, without length limit; empty when nothing in it can be spoken.

    Raises LanguageNotSupported.
    """
    return _phonemes_of_words(_read_aloud(text, language), language)


def _read_aloud(text: str, language: str) -> str:
    return _around_given(text, lambda words: spoken_form(words, language), lambda phonemes: f"<<{phonemes}>>")


def _phonemes_of_words(words: str, language: str) -> str:
    if _GIVEN.search(words):
        spell, given = partial(_phonemes_of_words, language=language), partial(_given_phonemes, language=language)
        return _around_given(words, spell, given).strip()
    plain = _without_signs(words)
    if not plain:
        return ""
    spoken = _backend(_espeak_voice(language)).phonemize([plain])
    return symbols.known(_to_base_model(spoken[0].strip(), language)) if spoken else ""


@lru_cache(maxsize=8192)
def phonemes_of_word(word: str, language: str) -> str:
    """Of one written word by itself: much as it sounds within a text, where it may be shorter or run into the next."""
    is_plain = word.strip("".join(symbols.PAUSES)).replace("'", "").isalpha()
    return _phonemes_of_words(word, language) if is_plain else phonemes_of(word, language)


def _without_signs(text: str) -> str:
    """Text without what espeak-ng stumbles over: foreign signs, dots after titles, spaces before punctuation."""
    plain = re.sub(r"\s+", " ", text.translate(_SIGNS)).strip()
    return _TITLES.sub(r"\1", _SPACE_AT_SIGN.sub("", plain))


def phrases_of(text: str, language: str) -> Iterator[str]:
    """Phonemes phrase by phrase: one a sentence, short sentences joined, none above the limits."""
    _espeak_voice(language)
    is_first = True
    for sentence in split_sentences(_read_aloud(text, language)):
        phonemes = _phonemes_of_words(sentence, language)
        if all(symbol in symbols.PAUSES for symbol in phonemes):
            continue
        if is_first:
            first = _first_phrase(phonemes)
            yield first
            phonemes = phonemes[len(first) :].strip()
            is_first = False
        yield from split_phonemes(phonemes, MAX_PHONEMES)


def split_sentences(text: str) -> list[str]:
    """Sentences of a text; a piece below 20 characters joins the next, as the model speaks fragments badly."""
    sentences: list[str] = []
    pending = ""
    for piece in _SENTENCE_END.split(_TITLES.sub(r"\1", text.strip())):
        pending = f"{pending} {piece.strip()}".strip()
        if len(pending) >= _MIN_SENTENCE_CHARACTERS and not _INITIAL_AT_END.search(pending):
            sentences.append(pending)
            pending = ""
    if pending and sentences and len(pending) < _MIN_SENTENCE_CHARACTERS:
        sentences[-1] = f"{sentences[-1]} {pending}"
    elif pending:
        sentences.append(pending)
    return sentences


def split_phonemes(phonemes: str, limit: int) -> Iterator[str]:
    """Pieces of at most `limit` symbols, cut after punctuation where there is any, else between words."""
    while len(phonemes) > limit:
        cut = _last_pause(phonemes, limit) or max(phonemes[:limit].rfind(" "), 0) or limit
        yield phonemes[:cut].strip()
        phonemes = phonemes[cut:].strip()
    if phonemes:
        yield phonemes


def _first_phrase(phonemes: str) -> str:
    cut = _last_pause(phonemes, SOON_PHONEMES) if len(phonemes) > SOON_PHONEMES else 0
    return phonemes[:cut] or next(split_phonemes(phonemes, MAX_FIRST_PHONEMES))


def _last_pause(phonemes: str, limit: int) -> int:
    """Where the last pause within `limit` symbols begins; 0 when there is none but soon after the beginning."""
    end = max(phonemes[:limit].rfind(f"{mark} ") for mark in ",;:—.!?…") + 1
    return end if end >= limit // 4 else 0


def _espeak_voice(language: str) -> str:
    if language not in ESPEAK_VOICES:
        spoken = ", ".join(sorted(ESPEAK_VOICES))
        raise LanguageNotSupported(f'Kokoro does not speak "{language}" here; it speaks: {spoken}.')
    return ESPEAK_VOICES[language]


def _to_base_model(espeak: str, language: str) -> str:
    for theirs, ours in _SYMBOLS.get(language, _OTHER):
        espeak = espeak.replace(theirs, ours)
    # The mark of a syllabic consonant becomes a short schwa before it.
    return re.sub("(\\S)\u0329", r"ᵊ\1", espeak.replace("^", ""))


def _around_given(text: str, change: Callable[[str], str], given: Callable[[str], str]) -> str:
    """`change` made of the words and `given` of the phonemes that stand between them; spaces stay."""
    parts = _GIVEN.split(text)
    if len(parts) == 1:
        return change(text)
    return "".join(
        given(part) if number % 2 else re.sub(r"\S(?:.*\S)?", lambda match: change(match[0]), part, flags=re.DOTALL)
        for number, part in enumerate(parts)
    )


def _given_phonemes(ipa: str, language: str) -> str:
    """The base model's symbols of phonemes between bars."""
    return symbols.known(_to_base_model("".join(_TIED.get(one, one) for one in ipa.split("|")), language))


@lru_cache(maxsize=len(ESPEAK_VOICES))
def _backend(voice: str) -> "EspeakBackend":
    """One espeak-ng a language and process: it takes a moment to start."""
    import logging

    import espeakng_loader
    from phonemizer.backend import EspeakBackend
    from phonemizer.backend.espeak.wrapper import EspeakWrapper

    quiet = logging.getLogger("phonemizer")
    quiet.setLevel(logging.ERROR)
    EspeakWrapper.set_library(espeakng_loader.get_library_path())
    EspeakWrapper.set_data_path(espeakng_loader.get_data_path())
    return EspeakBackend(
        voice,
        punctuation_marks=_PUNCTUATION,
        preserve_punctuation=True,
        with_stress=True,
        tie="^",
        language_switch="remove-flags",
        logger=quiet,
    )

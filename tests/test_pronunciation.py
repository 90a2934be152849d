"""Pronunciation dictionaries: texts said another way, kept and changed over HTTP, and heard in speech."""

import cartesia
import numpy as np
import pytest
from cartesia import Cartesia

from model.engines.kokoro.phonemes import phonemes_of, phrases_of
from model.engines.protocol import Stretch, Timing
from playground.parts import Parts
from playground.services.pronunciation import Entry, replacements_in, said_as
from playground.services.speech_plan import SpeechRequest
from playground.services.spoken_words import WrittenWords
from tests.hearing import order, stock_of
from tests.serving import api_of


def _said_as(text: str, entries: list[Entry]) -> str:
    return said_as(text, replacements_in(text, entries))


def _said(text: str, **aliases: str) -> str:
    return _said_as(text, [Entry(text=word, alias=alias) for word, alias in aliases.items()])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Acme is here.", "ack me is here."),
        ("ACME, acme; (Acme)!", "ack me, ack me; (ack me)!"),
        ("Acmes and pacme stay.", "Acmes and pacme stay."),
        ("acme-acme", "ack me-ack me"),
        ("", ""),
    ],
)
def test_whole_words_are_said_as_their_alias(text: str, said: str) -> None:
    assert _said(text, acme="ack me") == said


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("By ACME, Dr. Moss.", ["By 0-1", "ACME, 1-3", "Dr. 3-4", "Moss. 4-5"]),
        ("New  York is acme-acme!", ["New York 0-1", "is 1-2", "acme-acme! 2-5"]),
        ("Pre-ACME — (New York)", ["Pre-ACME 0-2", "— 2-3", "(New York) 3-4"]),
        ("acme", ["acme 0-2"]),
    ],
)
def test_words_keep_their_times_as_they_were_written(text: str, written: list[str]) -> None:
    aliases = {"acme": "ack me", "new york": "NYC", "new  york": "NYC"}
    replacements = replacements_in(text, [Entry(text=word, alias=alias) for word, alias in aliases.items()])
    said = [Timing(text=word, start=n, end=n + 1) for n, word in enumerate(said_as(text, replacements).split())]
    words = WrittenWords(text, replacements).of(Stretch(waveform=np.zeros(1, np.float32), words=tuple(said))).words
    assert [f"{word.text} {word.start}-{word.end}" for word in words] == written


def test_an_alias_is_not_replaced_again_and_the_longest_text_counts() -> None:
    assert _said("a b", a="b", b="c") == "b c"
    entries = [Entry(text="new", alias="nu"), Entry(text="New York", alias="the city")]
    assert _said_as("New York is new", entries) == "the city is nu"
    assert _said_as("x x", [Entry(text="x", alias="first"), Entry(text="x", alias="second")]) == "first first"


def test_signs_that_mean_something_in_patterns_are_only_signs() -> None:
    assert _said_as("C++ and a.b and aXb", [Entry(text="C++", alias=r"\1"), Entry(text="a.b", alias="ab")]) == (
        r"\1 and ab and aXb"
    )


@pytest.mark.parametrize(
    ("word", "text", "said"),
    [
        ("US", "us in the US", "us in the America"),
        ("lead", "Lead and lead. Lead! LEAD the Lead", "America and America. America! LEAD the Lead"),
    ],
)
def test_case_counts_where_asked_but_for_the_start_of_a_sentence(word: str, text: str, said: str) -> None:
    assert _said_as(text, [Entry(text=word, alias="America", case_sensitive=True)]) == said


def test_words_of_hindi_go_on_with_vowel_signs() -> None:
    assert _said("कमल कमला", कमल="x") == "x कमला"


def test_phonemes_stand_in_a_text_as_they_are() -> None:
    plain = phonemes_of("I like it, truly, in 3 ways.", "en")
    given = phonemes_of("I like <<ˈ|æ|k|m|aɪ>>, truly, in 3 ways.", "en")
    assert "ˈækmI, " in given
    assert given.split("ˈækmI")[1] == plain[plain.index(", ") :]
    assert [*phrases_of("I like <<ˈ|æ|k|m|aɪ>>, truly, in 3 ways.", "en")] == [given]


def test_a_dictionary_is_made_read_changed_listed_and_deleted(sdk: Cartesia) -> None:
    made = sdk.pronunciation_dicts.create(name="Names", items=[{"text": "Acme", "alias": "ack me"}])
    assert [(item.text, item.alias, item.case_sensitive) for item in made.items] == [("Acme", "ack me", False)]
    assert (made.owner_id, made.pinned) == ("local", False)
    assert sdk.pronunciation_dicts.retrieve(made.id) == made
    renamed = sdk.pronunciation_dicts.update(made.id, name="Firms")
    assert (renamed.name, renamed.items) == ("Firms", made.items)
    emptied = sdk.pronunciation_dicts.update(made.id, items=[])
    assert (emptied.name, emptied.items) == ("Firms", [])
    others = [sdk.pronunciation_dicts.create(name=str(number)).id for number in range(3)]
    assert [found.id for found in sdk.pronunciation_dicts.list(limit=2)] == [*others[::-1], made.id]
    sdk.pronunciation_dicts.delete(made.id)
    with pytest.raises(cartesia.NotFoundError, match="pronunciation_dictionary_not_found"):
        sdk.pronunciation_dicts.retrieve(made.id)
    with pytest.raises(cartesia.NotFoundError):
        sdk.pronunciation_dicts.delete(made.id)


def test_newer_clients_call_the_alias_pronunciation(parts: Parts) -> None:
    item = {"text": "Acme", "pronunciation": "<<ˈ|æ|k|m|i>>", "case_sensitive": True}
    made = api_of(parts).post("/pronunciation-dicts", json={"name": "Names", "items": [item]}).json()
    assert made["items"] == [item | {"alias": "<<ˈ|æ|k|m|i>>"}]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"name": " "}, "a name"),
        ({"name": "a", "items": [{"text": "", "alias": "x"}]}, "items.0.text"),
        ({"name": "a", "items": [{"text": "x", "alias": "y" * 501}]}, "items.0.alias"),
        ({"name": "a", "items": [{"text": "x"}]}, "items.0.alias"),
        ({"name": "a", "items": [{"text": "x", "alias": "y"}] * 1001}, "1,000 items"),
    ],
)
def test_dictionaries_that_make_no_sense_are_refused(parts: Parts, body: dict[str, object], named: str) -> None:
    refused = api_of(parts).post("/pronunciation-dicts", json=body)
    assert refused.status_code == 400
    assert named in refused.json()["message"]


def test_speech_is_planned_with_the_words_of_a_dictionary_at_the_price_of_the_text(parts: Parts) -> None:
    words = parts.pronunciation.create("Names", [Entry(text="Acme", alias="ack me incorporated")])
    request = SpeechRequest(voice_id=stock_of(parts).id, text="By Acme.", pronunciation_dict_id=words.id)
    plan = parts.speech.plan(request)
    assert (plan.request.text, plan.credits) == ("By ack me incorporated.", 8.0)


def test_times_are_those_of_the_written_words(parts: Parts) -> None:
    words = parts.pronunciation.create("Names", [Entry(text="Acme", alias="ack me. Incorporated")])
    text = "We are Acme, Dr. Moss."
    request = SpeechRequest(voice_id=stock_of(parts).id, text=text, pronunciation_dict_id=words.id)
    stretches = [*parts.speech.stretches(parts.speech.plan(request))]
    assert " ".join(word.text for stretch in stretches for word in stretch.words) == text


def test_a_text_may_not_grow_over_the_limit(parts: Parts) -> None:
    words = parts.pronunciation.create("Long", [Entry(text="a", alias="b" * 500)])
    refused = api_of(parts).post(
        "/tts/bytes", json=order(stock_of(parts)) | {"transcript": "a " * 100, "pronunciation_dict_id": words.id}
    )
    assert refused.status_code == 400
    assert "20,000 are allowed" in refused.json()["message"]


def test_speech_with_an_unknown_dictionary_is_404(parts: Parts) -> None:
    refused = api_of(parts).post("/tts/bytes", json=order(stock_of(parts)) | {"pronunciation_dict_id": "pdict_x"})
    assert (refused.status_code, refused.json()["error_code"]) == (404, "pronunciation_dictionary_not_found")


def test_aliases_are_heard(parts: Parts) -> None:
    api, plain = api_of(parts), order(stock_of(parts)) | {"transcript": "Say Acme."}
    words = parts.pronunciation.create("Names", [Entry(text="Acme", alias="something else entirely")])
    short = api.post("/tts/bytes", json=plain).content
    long = api.post("/tts/bytes", json=plain | {"pronunciation_dict_id": words.id}).content
    assert len(long) > 1.5 * len(short)

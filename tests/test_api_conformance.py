"""The official SDK, checking every answer strictly, over every call that is not speech: sync elsewhere, async here."""

import asyncio
from collections.abc import Callable
from typing import Any

import cartesia
import pytest
from cartesia import AsyncCartesia, Cartesia

from playground.api.app import create_api
from playground.parts import Parts
from playground.services.voices import SDK_EXAMPLE_VOICE
from storage.records import Voice
from tests.conftest import SPEECH
from tests.making import TINY, checked_dataset, queued
from tests.serving import served

LISTS: dict[str, Callable[..., Any]] = {
    "datasets": lambda sdk, dataset, run, **page: sdk.datasets.list(**page),
    "files": lambda sdk, dataset, run, **page: sdk.datasets.files.list(dataset, **page),
    "fine-tunes": lambda sdk, dataset, run, **page: sdk.fine_tunes.list(**page),
    "voices of a fine-tune": lambda sdk, dataset, run, **page: sdk.fine_tunes.list_voices(run, **page),
    "voices": lambda sdk, dataset, run, **page: sdk.voices.list(**page),
    "dictionaries": lambda sdk, dataset, run, **page: sdk.pronunciation_dicts.list(**page),
}


def _with_three_of_each(parts: Parts) -> tuple[str, str]:
    """Rows enough for pages; gives a dataset and a fine-tune of it."""
    runs = [queued(parts, name=f"C{number}") for number in range(3)]
    dataset_id = str(runs[0].dataset_id)
    for number in range(3):
        parts.pronunciation.create(str(number), [])
    with parts.storage.write() as tables:
        (file,) = tables.files.of_dataset(dataset_id)
        for number in range(2):
            tables.files.insert(type(file)(**{**vars(file), "id": f"file_{number}"}))
        for number in range(3):
            tables.voices.insert(
                Voice(name=f"V{number}", language="en", model_id=TINY, fine_tune_id=runs[0].id, position=number)
            )
    return dataset_id, runs[0].id


def test_every_list_ends_and_refuses_cursors_that_it_does_not_know(sdk: Cartesia, parts: Parts) -> None:
    dataset, run = _with_three_of_each(parts)
    for name, ask in LISTS.items():
        ids = [row.id for row in ask(sdk, dataset, run, limit=2)]
        assert len(ids) == len(set(ids)) >= 3, name
        backwards = [row.id for row in ask(sdk, dataset, run, limit=2, ending_before=ids[-1])]
        assert sorted(backwards) == sorted(ids[:-1]), name
        for cursor in ("starting_after", "ending_before"):
            with pytest.raises(cartesia.BadRequestError, match="unknown_cursor"):
                ask(sdk, dataset, run, **{cursor: "x"})


async def _walk(sdk: AsyncCartesia, parts: Parts) -> None:
    assert (await sdk.get_status()).ok
    dataset = await sdk.datasets.create(name="Ada", description="")
    await sdk.datasets.update(dataset.id, name="Bea", description="Interviews")
    assert (await sdk.datasets.retrieve(dataset.id)).name == "Bea"
    await sdk.datasets.files.upload(dataset.id, file=SPEECH / "tt-weasels.flac", purpose="fine_tune")
    (file,) = [found async for found in sdk.datasets.files.list(dataset.id)]
    assert (file.filename, file.model_extra["verdict"]) == ("tt-weasels.flac", None)
    await sdk.datasets.files.delete(file.id, id=dataset.id)
    await sdk.datasets.delete(dataset.id)

    run = await sdk.fine_tunes.create(
        name="Ada", description="", language="en", model_id=TINY, dataset=checked_dataset(parts).id
    )
    assert (await sdk.fine_tunes.retrieve(run.id)).status == "created"
    assert [found.id async for found in sdk.fine_tunes.list()] == [run.id]
    assert [found async for found in sdk.fine_tunes.list_voices(run.id)] == []
    await sdk.fine_tunes.delete(run.id)

    assert (await sdk.voices.list_accents()).accents
    made = await sdk.voices.localize(voice_id=SDK_EXAMPLE_VOICE, accent="british", name="Heart")
    assert (await sdk.voices.get(made.id, expand=["preview_file_url"])).preview_file_url
    assert (await sdk.voices.update(made.id, description="Warm")).description == "Warm"
    assert [found.id async for found in sdk.voices.list(is_owner=True, gender="feminine", q="heart")] == [made.id]
    await sdk.voices.delete(made.id)

    assert (await sdk.access_token.create(grants={"tts": True})).token
    words = await sdk.pronunciation_dicts.create(name="Names", items=[{"text": "Acme", "alias": "ack me"}])
    assert (await sdk.pronunciation_dicts.update(words.id, name="Firms")).items == words.items
    assert [found.name async for found in sdk.pronunciation_dicts.list()] == ["Firms"]
    await sdk.pronunciation_dicts.delete(words.id)


def test_the_async_client_walks_the_same_way(parts: Parts) -> None:
    async def walk(url: str) -> None:
        async with AsyncCartesia(api_key="any", base_url=url, _strict_response_validation=True) as sdk:
            await _walk(sdk, parts)

    with served(create_api(parts)) as url:
        asyncio.run(walk(url))

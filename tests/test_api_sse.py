"""`POST /tts/sse` with the official SDK: audio and times in events."""

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import cartesia
import httpx
import numpy as np
import pytest
from cartesia import AsyncCartesia, Cartesia

from playground.api.app import create_api
from playground.parts import Parts
from playground.settings import Settings
from storage.records import Voice
from tests.hearing import charges, level_of, order, stock_of, waveform_of
from tests.making import TINY
from tests.serving import api_of, opened, sdk_of, served

TEXT = "It costs €5, Dr. Moss. Is that too much for a good book?"
RAW = {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 24000}


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    with opened(Settings(data_dir=tmp_path_factory.mktemp("data"))) as made:
        yield made


@pytest.fixture(scope="module")
def sdk(parts: Parts) -> Iterator[Cartesia]:
    with sdk_of(parts) as client:
        yield client


@pytest.fixture(scope="module")
def stock(parts: Parts) -> Voice:
    return stock_of(parts)


def asked(stock: Voice, **changes: Any) -> dict[str, Any]:
    return {"model_id": TINY, "transcript": TEXT, "voice": stock.id, "output_format": RAW} | changes


def test_events_carry_the_audio_and_when_each_written_word_is_heard(sdk: Cartesia, parts: Parts, stock: Voice) -> None:
    before = charges(parts)
    events = [*sdk.tts.generate_sse(**asked(stock), add_timestamps=True, add_phoneme_timestamps=True, context_id="c1")]
    assert [event.type for event in events[-1:]] == ["done"]
    assert {event.context_id for event in events} == {"c1"}
    sound = b"".join(event.audio for event in events if event.type == "chunk")
    whole = api_of(parts).post("/tts/bytes", json=order(stock, transcript=TEXT, output_format=RAW)).content
    assert len(sound) == pytest.approx(len(whole), rel=0.05)
    assert level_of(waveform_of(sound, RAW)[0]) == pytest.approx(level_of(waveform_of(whole, RAW)[0]), abs=0.5)
    assert charges(parts) == [len(TEXT), len(TEXT), *before]
    words = [one for event in events if event.type == "timestamps" for one in _rows(event.word_timestamps, "words")]
    phonemes = [
        one
        for event in events
        if event.type == "phoneme_timestamps"
        for one in _rows(event.phoneme_timestamps, "phonemes")
    ]
    assert " ".join(word for word, _, _ in words) == TEXT
    for rows in (words, phonemes):
        times = [time for _, start, end in rows for time in (start, end)]
        assert times == sorted(times)
        assert times[-1] <= len(sound) / 2 / 24_000
    after_the_pause = next(start for word, start, _ in words if word == "Is")
    assert phonemes[-1][2] > after_the_pause > next(end for word, _, end in words if word == "Moss.") + 0.2


def _rows(times: Any, kind: str) -> list[tuple[str, float, float]]:
    return [*zip(getattr(times, kind), times.start, times.end, strict=True)]


def test_times_are_told_on_demand_only(sdk: Cartesia, stock: Voice) -> None:
    assert {event.type for event in sdk.tts.generate_sse(**asked(stock))} == {"chunk", "done"}


def test_the_async_sdk_hears_the_same(parts: Parts, stock: Voice) -> None:
    form = RAW | {"encoding": "pcm_mulaw", "sample_rate": 8000}

    async def listen(url: str) -> bytes:
        async with AsyncCartesia(api_key="any", base_url=url, _strict_response_validation=True) as sdk:
            stream = await sdk.tts.generate_sse(**asked(stock, output_format=form))
            return b"".join([event.audio async for event in stream if event.type == "chunk"])

    with served(create_api(parts)) as url:
        waveform, _ = waveform_of(asyncio.run(listen(url)), form)
    assert len(waveform) > 8000
    assert np.abs(waveform).max() > 0.1


@pytest.mark.parametrize(
    "changes", [{"transcript": "…"}, {"output_format": {"container": "wav"}}, {"extra_body": {"accent": "british"}}]
)
def test_what_is_wrong_from_the_start_is_an_answer_of_its_own(
    sdk: Cartesia, stock: Voice, changes: dict[str, Any]
) -> None:
    with pytest.raises(cartesia.APIStatusError) as refused:
        sdk.with_options(max_retries=0).tts.generate_sse(**asked(stock, **changes))
    assert refused.value.status_code in (400, 501)


def _broken_off(parts: Parts, path: str, body: dict[str, Any]) -> tuple[httpx.Response, dict[str, Any]]:
    """The answer of which the speech process did not see the end, and its last event."""
    with served(create_api(parts)) as url, httpx.stream("POST", f"{url}{path}", json=body, timeout=60) as answer:
        lines = answer.iter_lines()
        next(lines)
        os.kill(parts.speech_process.pid or 0, signal.SIGKILL)
        return answer, json.loads([line for line in lines if line][-1].removeprefix("data: "))


def test_speech_that_breaks_off_ends_with_an_error_event(parts: Parts, stock: Voice) -> None:
    answer, last = _broken_off(parts, "/tts/sse", asked(stock, transcript=TEXT * 60, context_id="c2"))
    assert (last["type"], last["done"], last["error_code"]) == ("error", True, "speech_unavailable")
    assert (last["status_code"], last["context_id"]) == (503, "c2")
    assert last["request_id"] == answer.headers["x-request-id"]


def test_openais_clients_are_told_too_when_speech_breaks_off(parts: Parts, stock: Voice) -> None:
    body = {"model": TINY, "voice": stock.id, "input": TEXT * 60, "stream_format": "sse", "response_format": "pcm"}
    _, last = _broken_off(parts, "/v1/audio/speech", body)
    assert last["type"] == "error"
    assert (last["error"]["type"], last["error"]["code"]) == ("server_error", "speech_unavailable")

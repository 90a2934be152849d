"""`/tts/websocket` with the official SDK and with the messages of other clients."""

import asyncio
import json
import logging
from base64 import b64decode
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
import pytest
from cartesia import AsyncCartesia, Cartesia
from websockets.exceptions import ConnectionClosedOK, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from playground.api.app import create_api
from playground.api.speech_socket import MOST_CONTEXTS
from playground.parts import Parts, make_parts
from playground.services.speech_plan import SpeechRequest
from playground.settings import Settings
from storage.records import Voice
from tests.hearing import charges, level_of, stock_of, waveform_of
from tests.making import TINY
from tests.running import wait_until
from tests.serving import opened, served, socket_url

TEXT = "It's nice to meet you, Dr. Moss. Would you like a cup of tea?"
RAW = {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 16000}
LONG_TEXT = "The quick brown fox jumps over the lazy dog near the river. " * 60
PATIENCE = 60
"""Seconds until a message that does not come fails a test."""

Messages = list[dict[str, Any]]


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    with opened(Settings(data_dir=tmp_path_factory.mktemp("data"))) as made:
        yield made


@pytest.fixture(scope="module")
def url(parts: Parts) -> Iterator[str]:
    with served(create_api(parts)) as url:
        yield url


@pytest.fixture(scope="module")
def sdk(url: str) -> Iterator[Cartesia]:
    options = {"base_url": url, "websocket_base_url": socket_url(url), "_strict_response_validation": True}
    with Cartesia(api_key="any", **options) as client:
        yield client


@pytest.fixture(scope="module")
def stock(parts: Parts) -> Voice:
    return stock_of(parts)


@pytest.fixture
def socket(url: str) -> Iterator[ClientConnection]:
    with connect(f"{socket_url(url)}/tts/websocket?api_key=any&cartesia_version=2026-03-01") as socket:
        yield socket


def message(stock: Voice, text: str, context_id: str = "c", **changes: Any) -> str:
    content = {"context_id": context_id, "model_id": TINY, "transcript": text, "voice": {"mode": "id", "id": stock.id}}
    return json.dumps(content | {"output_format": RAW, "continue": False} | changes)


def received(socket: ClientConnection, *, until: str = "done") -> Messages:
    """What comes until a message of this type, or an error."""
    messages: Messages = []
    while not messages or messages[-1]["type"] not in (until, "error"):
        messages.append(json.loads(socket.recv(PATIENCE)))
    return messages


def sound_of(messages: Messages, form: dict[str, Any] = RAW) -> np.ndarray:
    sound = b"".join(b64decode(one["data"]) for one in messages if one["type"] == "chunk")
    return waveform_of(sound, form)[0]


def words_of(messages: Messages) -> list[str]:
    return [word for one in messages if one["type"] == "timestamps" for word in one["word_timestamps"]["words"]]


@pytest.mark.parametrize(
    ("encoding", "rate"), [("pcm_f32le", 44100), ("pcm_s16le", 24000), ("pcm_mulaw", 8000), ("pcm_alaw", 16000)]
)
def test_a_text_that_comes_word_by_word_is_one_speech(sdk: Cartesia, stock: Voice, encoding: str, rate: int) -> None:
    form = {"container": "raw", "encoding": encoding, "sample_rate": rate}
    with sdk.tts.websocket_connect() as connection:
        context = connection.context(model_id=TINY, voice=stock.id, output_format=form, add_timestamps=True)
        for word in TEXT.split():
            context.push(f"{word} ")
        context.no_more_inputs()
        events = [*context.receive()]
    assert events[-1].type == "done"
    times = [event.word_timestamps for event in events if event.type == "timestamps"]
    assert " ".join(word for one in times for word in one.words) == TEXT
    starts = [start for one in times for start in one.start]
    assert starts == sorted(starts)
    sound = waveform_of(b"".join(event.audio for event in events if event.type == "chunk"), form)[0]
    assert times[-1].end[-1] <= len(sound) / rate
    assert level_of(sound) > -40


def test_the_older_way_of_the_sdk_works(sdk: Cartesia, stock: Voice) -> None:
    socket = sdk.tts.websocket()
    spoken = socket.send(
        model_id=TINY,
        transcript=TEXT,
        voice={"mode": "id", "id": stock.id},
        output_format=RAW,
        stream=False,
        add_timestamps=True,
        add_phoneme_timestamps=True,
    )
    socket.close()
    assert level_of(waveform_of(spoken.audio, RAW)[0]) > -40
    assert " ".join(spoken.word_timestamps["words"]) == TEXT
    assert len(spoken.phoneme_timestamps["phonemes"]) > 20


def test_a_context_without_defaults_is_ended_by_the_sdks_own_message(sdk: Cartesia, stock: Voice) -> None:
    """`no_more_inputs` then names another voice, model and format, beside an empty transcript."""
    with sdk.tts.websocket_connect() as connection:
        context = connection.context()
        context.send(transcript=TEXT, voice=stock.id, model_id=TINY, output_format=RAW)
        context.no_more_inputs()
        kinds = [event.type for event in context.receive()]
        never_begun = connection.context()
        never_begun.no_more_inputs()
        assert [event.type for event in never_begun.receive()] == ["done"]
    assert kinds[-1] == "done"
    assert "chunk" in kinds


def test_contexts_of_one_connection_speak_at_the_same_time(url: str, stock: Voice) -> None:
    async def speak() -> list[list[Any]]:
        options = {"base_url": url, "websocket_base_url": socket_url(url), "_strict_response_validation": True}
        async with AsyncCartesia(api_key="any", **options) as sdk, sdk.tts.websocket_connect() as connection:
            contexts = [connection.context(model_id=TINY, voice=stock.id, output_format=RAW) for _ in range(2)]
            for context in contexts:
                await context.push(LONG_TEXT[:240])
                await context.no_more_inputs()

            async def receive(context: Any) -> list[Any]:
                return [event async for event in context.receive()]

            return await asyncio.gather(*(receive(context) for context in contexts))

    one, other = asyncio.run(speak())
    assert [events[-1].type for events in (one, other)] == ["done", "done"]
    assert {event.context_id for event in one} != {event.context_id for event in other}
    sounds = [b"".join(event.audio for event in events if event.type == "chunk") for events in (one, other)]
    assert len(sounds[0]) == pytest.approx(len(sounds[1]), rel=0.05)


def test_a_flush_speaks_what_is_there_and_is_counted(socket: ClientConnection, stock: Voice) -> None:
    for text in ("One and", "two and"):
        socket.send(message(stock, text, **{"continue": True, "flush": True}))
        spoken = received(socket, until="flush_done")
        assert level_of(sound_of(spoken)) > -40
        assert spoken[-1]["flush_done"] is True
        assert spoken[-1]["done"] is False
        assert {one["flush_id"] for one in spoken} == {1 if text == "One and" else 2}
    socket.send(message(stock, ""))
    assert received(socket)[-1]["type"] == "done"


def test_text_without_an_end_is_spoken_after_the_delay(socket: ClientConnection, stock: Voice) -> None:
    changes = {"continue": True, "max_buffer_delay_ms": 20, "add_timestamps": True}
    socket.send(message(stock, "Let me see whether", **changes))
    assert words_of(received(socket, until="timestamps")) == ["Let", "me", "see"]
    socket.send(message(stock, ""))
    assert words_of(received(socket)) == ["whether"]


def test_a_cancelled_context_is_silent_and_costs_what_was_spoken(
    parts: Parts, socket: ClientConnection, stock: Voice
) -> None:
    before = charges(parts)
    socket.send(message(stock, LONG_TEXT, "long"))
    assert json.loads(socket.recv(PATIENCE))["context_id"] == "long"
    socket.send(json.dumps({"cancel": True, "context_id": "long"}, indent=2))
    wait_until(lambda: len(charges(parts)) > len(before), seconds=PATIENCE, what="the charge of the cancelled one")
    socket.send(message(stock, TEXT, "short"))
    later = received(socket)
    assert later[-1] == {"type": "done", "done": True, "status_code": 200, "context_id": "short"}
    assert not [one for one in later if one["context_id"] == "long" and one["type"] != "chunk"]
    assert 0 < charges(parts)[1] < len(LONG_TEXT)


def test_a_connection_that_is_closed_ends_its_speech(parts: Parts, url: str, stock: Voice) -> None:
    before = charges(parts)
    with connect(f"{socket_url(url)}/tts/websocket") as socket:
        socket.send(message(stock, LONG_TEXT))
        socket.recv(PATIENCE)
    wait_until(lambda: len(charges(parts)) > len(before), seconds=PATIENCE, what="the charge of what was spoken")
    assert 0 < charges(parts)[0] < len(LONG_TEXT)


@pytest.mark.parametrize(
    ("text", "changes", "status", "code"),
    [
        (TEXT, {"voice": "nobody"}, 404, "voice_not_found"),
        (TEXT, {"voice": "nobody", "continue": True}, 404, "voice_not_found"),
        (TEXT, {"model_id": "nope-1"}, 404, "model_not_found"),
        (TEXT, {"output_format": {"container": "wav"}}, 400, "invalid_request"),
        (TEXT, {"max_buffer_delay_ms": 5001}, 400, "invalid_request"),
        (TEXT, {"accent": "british"}, 501, "not_implemented"),
        ("a" * 20_001, {}, 400, "invalid_request"),
    ],
)
def test_errors_name_their_context_and_leave_the_others(
    socket: ClientConnection, stock: Voice, text: str, changes: dict[str, Any], status: int, code: str
) -> None:
    socket.send(message(stock, text, "wrong", **changes))
    (told,) = received(socket)
    assert (told["type"], told["done"], told["context_id"]) == ("error", True, "wrong")
    assert (told["status_code"], told["error_code"]) == (status, code)
    assert told["title"] and told["message"] and told["request_id"]
    socket.send(message(stock, TEXT, "right"))
    assert {one["context_id"] for one in received(socket)} == {"right"}


def test_a_context_keeps_its_voice(parts: Parts, socket: ClientConnection, stock: Voice) -> None:
    other = next(voice for voice in parts.voices.search() if voice.id != stock.id)
    socket.send(message(stock, "One and", **{"continue": True}))
    socket.send(message(other, "two."))
    assert received(socket)[-1]["message"].startswith("A context keeps its voice")


def test_text_after_the_end_of_a_context_is_not_lost_in_silence(socket: ClientConnection, stock: Voice) -> None:
    for text in (LONG_TEXT, "", "And another one."):
        socket.send(message(stock, text))
    assert received(socket)[-1]["message"].startswith("The context has been ended")


@pytest.mark.parametrize("content", ["{", "[]", "[" * 100_000, b"\x00\x01"])
def test_what_is_no_json_is_answered(socket: ClientConnection, stock: Voice, content: str | bytes) -> None:
    socket.send(content)
    assert received(socket)[-1]["error_code"] == "invalid_request"
    socket.send(message(stock, " … "))
    assert [one["type"] for one in received(socket)] == ["done"]


def test_a_connection_has_so_many_contexts(socket: ClientConnection, stock: Voice) -> None:
    for number in range(MOST_CONTEXTS + 1):
        socket.send(message(stock, "and", str(number), **{"continue": True}))
    told = received(socket)[-1]
    assert (told["status_code"], told["error_code"]) == (429, "concurrency_limited")
    assert told["context_id"] == str(MOST_CONTEXTS)


def test_the_text_of_a_context_that_waits_is_bounded(socket: ClientConnection, stock: Voice) -> None:
    for _ in range(2):
        socket.send(message(stock, "a" * 15_000, **{"continue": True, "max_buffer_delay_ms": 5000}))
    told = received(socket)[-1]
    assert (told["type"], told["error_code"]) == ("error", "invalid_request")
    assert "20,000 may wait" in told["message"]


def test_a_busy_moment_in_the_middle_of_a_context_is_waited_for(
    parts: Parts, stock: Voice, caplog: pytest.LogCaptureFixture
) -> None:
    busy = make_parts(parts.settings.model_copy(update={"speeches_at_once": 1, "speeches_waiting": 0}))
    other = busy.speech.plan(SpeechRequest(voice_id=stock.id, text=LONG_TEXT))
    with (
        caplog.at_level(logging.INFO, logger="playground.api.speech_context"),
        served(create_api(busy)) as url,
        connect(f"{socket_url(url)}/tts/websocket") as socket,
        closing(busy.speech.stretches(other)) as spoken,
    ):
        socket.send(message(stock, "One and", **{"continue": True, "flush": True}))
        received(socket, until="flush_done")
        next(spoken)
        socket.send(message(stock, "two.", add_timestamps=True))
        wait_until(lambda: "waits for a turn" in caplog.text, seconds=PATIENCE, what="a try to get a turn")
        spoken.close()
        assert level_of(sound_of(received(socket))) > -40
    busy.speech_process.close()


def test_a_silent_connection_is_closed(parts: Parts, stock: Voice) -> None:
    impatient = make_parts(parts.settings.model_copy(update={"socket_idle_seconds": 0.1}))
    with (
        served(create_api(impatient)) as url,
        connect(f"{socket_url(url)}/tts/websocket") as socket,
        pytest.raises(ConnectionClosedOK),
    ):
        socket.recv(PATIENCE)
    impatient.speech_process.close()


def test_the_messages_of_livekit(url: str, stock: Voice) -> None:
    """As livekit-plugins-cartesia 1.8.9 sends them: sentences at once, then a space that ends the context."""
    base = {
        "model_id": TINY,
        "voice": {"mode": "id", "id": stock.id},
        "output_format": {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 24000},
        "language": None,
        "add_timestamps": True,
        "max_buffer_delay_ms": 0,
        "context_id": "a1b2c3",
    }
    address = f"{socket_url(url)}/tts/websocket?cartesia_version=2025-04-16"
    with connect(address, additional_headers={"X-API-Key": "any"}) as socket:
        for sentence in ("It's nice to meet you,", "Dr. Moss."):
            socket.send(json.dumps(base | {"transcript": f"{sentence} ", "continue": True}))
        socket.send(json.dumps(base | {"transcript": " ", "continue": False}))
        answers = received(socket)
    assert " ".join(words_of(answers)) == "It's nice to meet you, Dr. Moss."
    assert all(one["context_id"] == "a1b2c3" for one in answers)
    assert [one["done"] for one in answers] == [False] * (len(answers) - 1) + [True]


def test_the_messages_of_pipecat(url: str, stock: Voice) -> None:
    """As pipecat-ai 1.14 sends them; its flush is an empty transcript that ends the context."""

    def built(text: str, *, goes_on: bool) -> str:
        content = {"transcript": text, "continue": goes_on, "context_id": "p1", "model_id": TINY}
        content |= {"voice": {"mode": "id", "id": stock.id}, "output_format": RAW}
        return json.dumps(content | {"add_timestamps": True, "use_normalized_timestamps": False, "language": "en"})

    headers = {"X-API-Key": "any", "Cartesia-Version": "2026-03-01"}
    with connect(f"{socket_url(url)}/tts/websocket", additional_headers=headers) as socket:
        socket.send(built("Hello there. ", goes_on=True))
        socket.send(built("How are you?", goes_on=True))
        socket.send(built("", goes_on=False))
        answers = received(socket)
    assert all(one["context_id"] == "p1" for one in answers)
    assert " ".join(words_of(answers)) == "Hello there. How are you?"


@pytest.mark.parametrize("path", ["/stt/websocket?model=ink-whisper", "/stt/turns/websocket"])
def test_recognition_while_one_speaks_is_refused_at_the_handshake(url: str, path: str) -> None:
    with pytest.raises(InvalidStatus) as refused, connect(f"{socket_url(url)}{path}"):
        pass
    response = refused.value.response
    assert response.status_code == 501
    assert json.loads(response.body)["error_code"] == "not_implemented"

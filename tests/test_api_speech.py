"""`POST /tts/bytes` with the official SDK and with plain requests: real speech of the tiny engine."""

import io
import json
import os
import signal
import socket
import wave
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from itertools import product
from pathlib import Path
from typing import Any, get_args

import cartesia
import httpx
import numpy as np
import pytest
from cartesia import Cartesia
from starlette.testclient import TestClient

from playground.api.app import create_api
from playground.api.speech_schemas import MEDIA_TYPES, BitRate, Encoding, SampleRate, Speech
from playground.parts import Parts, make_parts
from playground.services.speech_plan import SpeechRequest
from playground.settings import Settings
from storage.records import Voice
from tests.hearing import TEXT, WAV, charges, level_of, order, stock_of, waveform_of
from tests.making import TINY
from tests.running import wait_until
from tests.serving import api_of, opened, sdk_of, served

LONG_TEXT = "The quick brown fox jumps over the lazy dog near the river. " * 12


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    """One for all, so that the speech process starts once."""
    with opened(Settings(data_dir=tmp_path_factory.mktemp("data"))) as made:
        yield made


@pytest.fixture(scope="module")
def sdk(parts: Parts) -> Iterator[Cartesia]:
    with sdk_of(parts) as client:
        yield client


@pytest.fixture(scope="module")
def api(parts: Parts) -> TestClient:
    return api_of(parts)


@pytest.fixture(scope="module")
def stock(parts: Parts) -> Voice:
    return stock_of(parts)


@pytest.fixture(scope="module")
def plain(api: TestClient, stock: Voice) -> np.ndarray:
    """What the text sounds like in the plainest format: 24 kHz."""
    return waveform_of(api.post("/tts/bytes", json=order(stock)).content)[0]


@pytest.mark.parametrize(
    "form",
    [
        WAV,
        {"container": "wav", "encoding": "pcm_f32le", "sample_rate": 48000},
        {"container": "wav", "encoding": "pcm_mulaw", "sample_rate": 8000},
        {"container": "wav", "encoding": "pcm_alaw", "sample_rate": 16000},
        {"container": "raw", "encoding": "pcm_f32le", "sample_rate": 44100},
        {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 22050},
        {"container": "raw", "encoding": "pcm_mulaw", "sample_rate": 8000},
        {"container": "raw", "encoding": "pcm_alaw", "sample_rate": 16000},
        {"container": "mp3", "sample_rate": 44100, "bit_rate": 128000},
        {"container": "mp3", "sample_rate": 22050, "bit_rate": 32000},
    ],
    ids=lambda form: "-".join(map(str, form.values())),
)
def test_the_sdk_gets_the_same_speech_in_every_format(
    sdk: Cartesia, stock: Voice, plain: np.ndarray, form: dict[str, Any]
) -> None:
    answer = sdk.tts.generate(model_id=TINY, transcript=TEXT, voice=stock.id, output_format=form)
    waveform, rate = waveform_of(answer.read(), form)
    assert answer.headers["content-type"] == MEDIA_TYPES[form["container"]]
    assert rate == form["sample_rate"]
    assert len(waveform) / rate == pytest.approx(len(plain) / 24000, abs=0.12)
    assert level_of(waveform) == pytest.approx(level_of(plain), abs=1.5)
    assert level_of(waveform) > -40


@pytest.mark.parametrize("container", ["wav", "raw"])
@pytest.mark.parametrize(("encoding", "rate"), product(get_args(Encoding), get_args(SampleRate)))
def test_every_encoding_is_made_at_every_rate(container: str, encoding: str, rate: int) -> None:
    assert _encoded_seconds({"container": container, "encoding": encoding, "sample_rate": rate}) == pytest.approx(1)


@pytest.mark.parametrize(("rate", "bit_rate"), product(get_args(SampleRate), get_args(BitRate)))
def test_mp3_is_made_at_every_rate(rate: int, bit_rate: int) -> None:
    form = {"container": "mp3", "sample_rate": rate, "bit_rate": bit_rate}
    assert _encoded_seconds(form) == pytest.approx(1, abs=0.25)


def _encoded_seconds(form: dict[str, Any]) -> float:
    asked = Speech.model_validate({"model_id": TINY, "transcript": TEXT, "voice": "x", "output_format": form})
    encoder = asked.output_format.encoder()
    tone = np.sin(np.arange(24000, dtype=np.float32) / 10) / 2
    waveform, rate = waveform_of(encoder.feed(tone) + encoder.finish(), form)
    assert rate == form["sample_rate"]
    return len(waveform) / rate


def test_a_wav_stream_is_read_by_the_standard_library(api: TestClient, stock: Voice) -> None:
    sound = api.post("/tts/bytes", json=order(stock)).content
    with wave.open(io.BytesIO(sound)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24000, 1, 2)
        assert len(file.readframes(10**9)) == 2 * len(waveform_of(sound)[0])


@pytest.mark.parametrize("as_object", [lambda id: {"id": id}, lambda id: {"mode": "id", "id": id}])
def test_the_voice_may_be_an_object_and_the_language_null(api: TestClient, stock: Voice, as_object: Any) -> None:
    spoken = api.post("/tts/bytes", json=order(stock, voice=as_object(stock.id), language=None))
    assert spoken.status_code == 200
    assert spoken.headers["x-model-id"] == TINY
    assert "x-fine-tune" not in spoken.headers


def test_a_locale_stands_for_its_language(api: TestClient, stock: Voice) -> None:
    assert api.post("/tts/bytes", json=order(stock, locale="en-GB")).status_code == 200


def test_formats_have_the_documented_defaults(api: TestClient, stock: Voice) -> None:
    wav = api.post("/tts/bytes", json=order(stock, output_format={"container": "wav"}))
    assert waveform_of(wav.content)[1] == 44100


@pytest.mark.parametrize(
    ("slower", "faster"),
    [
        ({"generation_config": {"speed": 0.6}}, {"generation_config": {"speed": 1.5}}),
        ({"speed": "slow"}, {"speed": "fast"}),
        ({"speed": "normal"}, {"speed": "slow", "generation_config": {"speed": 1.5}}),
    ],
)
def test_speed_changes_the_length(api: TestClient, stock: Voice, slower: Any, faster: Any) -> None:
    long, short = (
        len(waveform_of(api.post("/tts/bytes", json=order(stock, **change)).content)[0]) for change in (slower, faster)
    )
    assert long > 1.2 * short


def test_volume_scales_the_samples(api: TestClient, stock: Voice, plain: np.ndarray) -> None:
    quiet = api.post("/tts/bytes", json=order(stock, generation_config={"volume": 0.5, "emotion": "calm"})).content
    assert level_of(waveform_of(quiet)[0]) == pytest.approx(level_of(plain) - 6.02, abs=0.3)


@pytest.mark.parametrize(
    ("changes", "status", "code", "named"),
    [
        ({"transcript": ""}, 400, "empty_transcript", "no text"),
        ({"transcript": " … "}, 400, "empty_transcript", "no text"),
        ({"voice": "x"}, 404, "voice_not_found", "'x'"),
        ({"voice": {"mode": "embedding", "id": "x"}}, 400, "invalid_request", "voice"),
        ({"model_id": "nope-1"}, 404, "model_not_found", "nope-1"),
        ({"language": "ja"}, 400, "language_not_supported", "Japanese"),
        ({"language": "en", "locale": "en-GB"}, 400, "invalid_request", "not both"),
        ({"generation_config": {"speed": 1.6}}, 400, "invalid_request", "generation_config.speed"),
        ({"generation_config": {"volume": 0.4}}, 400, "invalid_request", "generation_config.volume"),
        ({"speed": "hasty"}, 400, "invalid_request", "speed"),
        ({"output_format": {"container": "flac"}}, 400, "invalid_request", "output_format"),
        ({"output_format": {"container": "raw"}}, 400, "invalid_request", "output_format.raw.encoding"),
        ({"output_format": WAV | {"sample_rate": 11025}}, 400, "invalid_request", "output_format.wav.sample_rate"),
        ({"output_format": None}, 400, "invalid_request", "output_format"),
        ({"save": True}, 501, "not_implemented", "save"),
        ({"pronunciation_dict_id": "pdict_x"}, 404, "pronunciation_dictionary_not_found", "pronunciation dictionary"),
    ],
)
def test_refusals_say_why_and_cost_nothing(
    api: TestClient, parts: Parts, stock: Voice, changes: dict[str, Any], status: int, code: str, named: str
) -> None:
    before = charges(parts)
    refused = api.post("/tts/bytes", json=order(stock, **changes))
    assert (refused.status_code, refused.json()["error_code"]) == (status, code)
    assert named in refused.json()["message"]
    assert charges(parts) == before


def test_speech_beyond_the_balance_is_402(tmp_path: Path) -> None:
    poor = make_parts(Settings(data_dir=tmp_path, credits=5))
    refused = api_of(poor).post("/tts/bytes", json=order(stock_of(poor)))
    assert (refused.status_code, refused.json()["error_code"]) == (402, "quota_exceeded")


def test_the_sdk_sees_our_errors_as_its_own(sdk: Cartesia, stock: Voice) -> None:
    with pytest.raises(cartesia.BadRequestError) as refused:
        sdk.tts.generate(model_id=TINY, transcript="", voice=stock.id, output_format=WAV)
    assert refused.value.body["error_code"] == "empty_transcript"


def test_speech_that_breaks_off_is_seen_as_broken_and_costs_nothing(parts: Parts, stock: Voice) -> None:
    before = charges(parts)
    with served(create_api(parts)) as url, httpx.Client(base_url=url, timeout=60) as client:
        with client.stream("POST", "/tts/bytes", json=order(stock, transcript=LONG_TEXT)) as answer:
            parts_of_it = answer.iter_raw()
            next(parts_of_it)
            os.kill(parts.speech_process.pid or 0, signal.SIGKILL)
            with pytest.raises(httpx.RemoteProtocolError):
                list(parts_of_it)
        assert charges(parts) == before
        assert client.post("/tts/bytes", json=order(stock)).status_code == 200


def test_a_client_that_goes_away_ends_its_speech_and_pays_for_what_was_spoken(parts: Parts, stock: Voice) -> None:
    before = charges(parts)
    with served(create_api(parts)) as url, httpx.Client(base_url=url, timeout=60) as client:
        with client.stream("POST", "/tts/bytes", json=order(stock, transcript=LONG_TEXT * 5)) as answer:
            next(answer.iter_raw())
        assert client.post("/tts/bytes", json=order(stock)).status_code == 200
        wait_until(lambda: len(charges(parts)) == len(before) + 2, seconds=30, what="both charges")
    whole, spoken = sorted([*charges(parts)][:2], key=lambda credits: credits != len(TEXT))
    assert whole == len(TEXT)
    assert 0 < spoken < len(LONG_TEXT * 5)


def test_a_text_too_many_is_told_when_to_come_again(tmp_path: Path) -> None:
    parts = make_parts(Settings(data_dir=tmp_path, speeches_at_once=1, speeches_waiting=0))
    stock, api = stock_of(parts), api_of(parts)
    plan = parts.speech.plan(SpeechRequest(voice_id=stock.id, text=LONG_TEXT))
    with closing(parts.speech.stretches(plan)) as spoken:
        next(spoken)
        refused = api.post("/tts/bytes", json=order(stock))
    assert (refused.status_code, refused.json()["error_code"]) == (429, "concurrency_limited")
    assert int(refused.headers["retry-after"]) > 0
    assert api.post("/tts/bytes", json=order(stock)).status_code == 200
    parts.speech_process.close()


@pytest.mark.parametrize("path", ["/tts/bytes", "/tts/sse", "/v1/audio/speech"])
def test_a_client_that_goes_away_while_it_waits_leaves_the_queue_and_pays_nothing(tmp_path: Path, path: str) -> None:
    parts = make_parts(Settings(data_dir=tmp_path, speeches_at_once=1, speeches_waiting=1))
    stock = stock_of(parts)
    raw = {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 24000}
    theirs = {"model": TINY, "input": TEXT, "voice": stock.id}
    asked = theirs if path.startswith("/v1") else order(stock, output_format=raw)
    queue = parts.speech._turns._queue
    plan = parts.speech.plan(SpeechRequest(voice_id=stock.id, text=LONG_TEXT))
    with served(create_api(parts)) as url, closing(parts.speech.stretches(plan)) as spoken:
        next(spoken)
        leaving = HTTPConnection(url.removeprefix("http://"))
        leaving.request("POST", path, json.dumps(asked), {"Content-Type": "application/json"})
        wait_until(lambda: len(queue) == 1, seconds=30, what="its place in the queue")
        leaving.close()
        wait_until(lambda: not queue, seconds=10, what="an empty queue")
    assert len(charges(parts)) == 1
    parts.speech_process.close()


def test_a_client_that_reads_slowly_keeps_nobody_waiting(parts: Parts, stock: Voice) -> None:
    """It stops after the first bytes of 8 MB, more than the buffers between it and the server hold."""
    large = {"container": "raw", "encoding": "pcm_f32le", "sample_rate": 48000}
    narrow = httpx.HTTPTransport(socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)])
    with served(create_api(parts)) as url, httpx.Client(base_url=url, timeout=60, transport=narrow) as slow:
        asked = order(stock, transcript=LONG_TEXT, output_format=large)
        with slow.stream("POST", "/tts/bytes", json=asked) as held:
            next(held.iter_raw())
            assert httpx.post(f"{url}/tts/bytes", json=order(stock), timeout=60).status_code == 200

"""`/stt`, `/models` and `/v1` with the official SDKs: what is said in a recording, and speech for OpenAI's clients."""

import asyncio
import io
import json
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import cartesia
import numpy as np
import openai
import pytest
import soundfile
from cartesia import AsyncCartesia, Cartesia
from openai import AsyncOpenAI, OpenAI

from model.encoding import EncodedFormat, encode
from model.errors import AudioError
from model.evaluation import word_error_rate
from model.transcription import HeardSegment
from playground.api.app import create_api
from playground.api.openai import _voice_of
from playground.api.openai_schemas import MEDIA_TYPES, THEIR_VOICES, OpenAISpeech, SpeechFormat, srt, vtt
from playground.parts import Parts
from playground.recognition_process import Hearing
from playground.services.recognition import HeardRecording
from playground.settings import Settings
from storage.records import Voice
from tests.conftest import SPEECH
from tests.hearing import TEXT, level_of, stock_of, waveform_of
from tests.kokoro_speech import transcripts
from tests.making import TINY
from tests.serving import api_of, opened, served

NAME = "tt-weasels"


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory, weights_dir: Path) -> Iterator[Parts]:
    with opened(Settings(data_dir=tmp_path_factory.mktemp("data"), weights_dir=weights_dir)) as made:
        yield made


@pytest.fixture(scope="module")
def url(parts: Parts) -> Iterator[str]:
    with served(create_api(parts)) as url:
        yield url


@pytest.fixture(scope="module")
def sdk(url: str) -> Iterator[Cartesia]:
    with Cartesia(api_key="any", base_url=url, max_retries=0, _strict_response_validation=True) as client:
        yield client


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[OpenAI]:
    with OpenAI(api_key="any", base_url=f"{url}/v1", max_retries=0, _strict_response_validation=True) as client:
        yield client


@pytest.fixture(scope="module")
def recording() -> tuple[np.ndarray, int]:
    return soundfile.read(SPEECH / f"{NAME}.flac", dtype="float32")


def check_heard(text: str) -> None:
    assert word_error_rate(transcripts()[NAME], text, "en") <= 0.25, text


def test_a_recording_is_written_down_with_the_times_of_its_words(sdk: Cartesia, recording: tuple[Any, int]) -> None:
    waveform, rate = recording
    heard = sdk.stt.transcribe(
        file=SPEECH / f"{NAME}.flac", model="ink-whisper", language="en", timestamp_granularities=["word"]
    )
    check_heard(heard.text)
    assert heard.duration == pytest.approx(len(waveform) / rate, abs=0.01)
    assert heard.language == "en"
    assert " ".join(word.word for word in heard.words or []) == heard.text
    times = [time for word in heard.words or [] for time in (word.start, word.end)]
    assert times == sorted(times)
    assert 0 < times[-1] <= heard.duration + 0.1


@pytest.mark.parametrize("encoding", ["pcm_s16le", "pcm_f16le", "pcm_mulaw"])
def test_samples_without_a_header_are_heard_as_they_are_said_to_be(
    sdk: Cartesia, recording: tuple[Any, int], encoding: str
) -> None:
    waveform, rate = recording
    if encoding == "pcm_f16le":
        sound = waveform.astype("<f2").tobytes()
    else:
        sound = encode(waveform, rate, EncodedFormat(container="raw", encoding=encoding, sample_rate=16_000))
        rate = 16_000
    heard = sdk.stt.transcribe(file=sound, model="ink-whisper", encoding=encoding, sample_rate=rate)
    check_heard(heard.text)
    assert heard.words is None


def test_what_cannot_be_heard_is_told(sdk: Cartesia, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(cartesia.BadRequestError) as refused:
        sdk.stt.transcribe(file=("a.wav", b"no sound at all"), model="ink-whisper")
    assert refused.value.body["error_code"] == "unsupported_audio_format"
    with pytest.raises(cartesia.NotFoundError) as refused:
        sdk.stt.transcribe(file=b"", model="ink-9")
    assert refused.value.body["error_code"] == "model_not_found"
    monkeypatch.setattr("playground.api.recognition.LARGEST_HEARD", 10)
    with pytest.raises(cartesia.APIStatusError) as refused:
        sdk.stt.transcribe(file=("a.wav", b"more than ten bytes"), model="ink-whisper")
    assert (refused.value.status_code, refused.value.body["error_code"]) == (413, "file_too_large")


@pytest.mark.parametrize("path", ["/stt", "/v1/audio/transcriptions/"])
def test_what_is_too_large_to_hear_is_refused_before_it_is_sent(parts: Parts, path: str) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b", "Content-Length": str(101 * 1024**2)}
    refused = api_of(parts).post(path, headers=headers, content=b"")
    assert refused.status_code == 413
    assert "100.1 MB" in refused.text


def test_what_is_too_long_to_hear_is_refused(parts: Parts, tmp_path: Path) -> None:
    long, whole = tmp_path / "long", tmp_path / "whole.flac"
    long.write_bytes(bytes(8000 * 3601))
    soundfile.write(whole, np.zeros(8000 * 3601, np.float32), 8000)
    raw = Hearing(path=long, name="it", encoding="pcm_mulaw", sample_rate=8000)
    for hearing in (raw, Hearing(path=whole, name="it")):
        with pytest.raises(AudioError, match="it is longer than 60 minutes"):
            next(parts.recognition_process.hear(hearing))


def test_the_async_sdk_hears_the_same(url: str) -> None:
    async def transcribe() -> str:
        async with AsyncCartesia(api_key="any", base_url=url, _strict_response_validation=True) as sdk:
            return (await sdk.stt.transcribe(file=SPEECH / f"{NAME}.flac", model="ink-whisper")).text

    check_heard(asyncio.run(transcribe()))


def test_models_are_listed_by_what_they_do(parts: Parts) -> None:
    api = api_of(parts)
    assert {model["capability"] for model in api.get("/models").json()["data"]} == {"tts", "stt"}
    speaking = api.get("/models?capability=tts").json()["data"]
    assert [model["id"] for model in speaking if model["is_production"]] == ["kokoro-82m-2025-01-27"]
    assert api.get("/models?capability=nothing").status_code == 400


@pytest.mark.parametrize("form", get_args(SpeechFormat))
def test_openais_client_gets_speech_in_every_format(client: OpenAI, form: SpeechFormat) -> None:
    answer = client.audio.speech.create(model=TINY, voice="alloy", input=TEXT, response_format=form)
    raw = {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 24000} if form == "pcm" else None
    waveform, rate = waveform_of(answer.read(), raw)
    assert answer.response.headers["content-type"] == MEDIA_TYPES[form]
    assert answer.response.headers["x-model-id"] == TINY
    assert 1 < len(waveform) / rate < 3
    assert level_of(waveform) > -40


@pytest.mark.parametrize("name", [*THEIR_VOICES, "alloy", "echo", "fable", "onyx", "nova", "HEART"])
def test_openais_voices_have_stand_ins(parts: Parts, client: OpenAI, name: str) -> None:
    answer = client.audio.speech.create(model=TINY, voice=name, input="Hi.", response_format="pcm", speed=2.0)
    assert len(answer.read()) > 4800


def test_the_voice_may_be_an_id_and_their_model_means_the_voices_own(parts: Parts, client: OpenAI) -> None:
    answer = client.audio.speech.create(
        model="gpt-4o-mini-tts", voice={"id": stock_of(parts).id}, input="Hi.", instructions="Be kind."
    )
    assert answer.response.headers["x-model-id"] == TINY


def test_a_voice_of_ones_own_comes_before_the_stand_in_of_its_name(parts: Parts) -> None:
    asked = OpenAISpeech(model="tts-1", input="Hi.", voice="coral")
    assert _voice_of(asked, parts).name == "Bella"
    with parts.storage.write() as tables:
        own = tables.voices.insert(Voice(name="Coral", language="en", model_id=TINY, style_path="coral.safetensors"))
    assert _voice_of(asked, parts).id == own.id
    parts.voices.delete(own.id)


def test_speech_streams_in_bytes_and_in_events(client: OpenAI) -> None:
    speech = client.audio.speech.with_streaming_response
    asked = {"model": TINY, "voice": "nova", "input": TEXT, "response_format": "pcm"}
    with speech.create(**asked) as answer:
        sound = b"".join(answer.iter_bytes())
    with speech.create(**asked, stream_format="sse") as answer:
        events = [json.loads(line.removeprefix("data: ")) for line in answer.iter_lines() if line]
    told = b"".join(b64decode(one["audio"]) for one in events[:-1])
    assert len(told) == pytest.approx(len(sound), rel=0.05)
    assert level_of(np.frombuffer(told, "<i2") / 2**15) > -40
    assert (events[-1]["type"], events[-1]["usage"]["total_tokens"]) == ("speech.audio.done", len(TEXT))


@pytest.mark.parametrize(
    ("changes", "kind", "code"),
    [
        ({"voice": "nobody"}, openai.NotFoundError, "voice_not_found"),
        ({"model": "nope-1"}, openai.NotFoundError, "model_not_found"),
        ({"input": ""}, openai.BadRequestError, "empty_transcript"),
        ({"response_format": "ogg"}, openai.BadRequestError, "invalid_request"),
        ({"speed": 4.0}, openai.BadRequestError, "invalid_request"),
    ],
)
def test_errors_have_openais_shape(client: OpenAI, changes: dict[str, Any], kind: type, code: str) -> None:
    with pytest.raises(kind) as refused:
        client.audio.speech.create(**({"model": TINY, "voice": "alloy", "input": TEXT} | changes))
    body = refused.value.response.json()["error"]
    assert set(body) == {"message", "type", "param", "code"}
    assert (body["code"], body["type"]) == (code, "invalid_request_error")


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/nothing", "/v1/models/nope"])
def test_whatever_is_not_there_has_openais_shape(parts: Parts, path: str) -> None:
    assert set(api_of(parts).get(path).json()) == {"error"}


def test_openais_list_of_models_is_ours(client: OpenAI) -> None:
    models = {model.id: model for model in client.models.list()}
    assert {TINY, "kokoro-82m-2025-01-27", "whisper-base"} == set(models)
    assert client.models.retrieve(TINY) == models[TINY]
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nope")


def test_openais_client_gets_transcripts_in_every_form(client: OpenAI) -> None:
    sound = io.BytesIO((SPEECH / f"{NAME}.flac").read_bytes())

    def heard(**options: Any) -> Any:
        sound.seek(0)
        return client.audio.transcriptions.create(file=("a.bin", sound), model="whisper-1", **options)

    verbose = heard(response_format="verbose_json", timestamp_granularities=["word", "segment"])
    check_heard(verbose.text)
    assert verbose.language == "english"
    assert "".join(segment.text for segment in verbose.segments).strip() == verbose.text
    assert " ".join(word.word for word in verbose.words) == verbose.text
    assert verbose.text in heard(response_format="srt", language="en")
    with pytest.raises(openai.APIStatusError) as refused:
        heard(stream=True)
    assert refused.value.status_code == 501


def test_subtitles_have_their_times() -> None:
    figures = {"tokens": (), "temperature": 0.0, "avg_logprob": 0.0, "compression_ratio": 1.0, "no_speech_prob": 0.0}
    segments = (
        HeardSegment(text=" One.", start=0.0, end=1.5, words=(), **figures),
        HeardSegment(text=" Two.", start=61.25, end=3723.004, words=(), **figures),
    )
    heard = HeardRecording(language="en", duration_seconds=3724.0, segments=segments)
    assert srt(heard) == ("1\n00:00:00,000 --> 00:00:01,500\nOne.\n\n2\n00:01:01,250 --> 01:02:03,004\nTwo.\n")
    assert vtt(heard) == ("WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nOne.\n\n00:01:01.250 --> 01:02:03.004\nTwo.\n")


def test_openais_async_client_works(url: str) -> None:
    async def speak() -> bytes:
        async with AsyncOpenAI(api_key="any", base_url=f"{url}/v1", _strict_response_validation=True) as client:
            answer = await client.audio.speech.create(model=TINY, voice="echo", input=TEXT, response_format="wav")
            return answer.read()

    assert level_of(waveform_of(asyncio.run(speak()))[0]) > -40

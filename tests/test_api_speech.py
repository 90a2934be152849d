"""`POST /tts/bytes` with the official SDK and with plain requests: real speech of the tiny engine."""

import io
import os
import signal
import socket
import wave
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, get_args

import av
import cartesia
import httpx
import numpy as np
import pytest
from cartesia import Cartesia
from pydantic import TypeAdapter
from starlette.testclient import TestClient

from model.audio import decode_to_wav
from model.engines.protocol import FineTuneConfig, TrainingClip
from model.engines.tiny.engine import TinyEngine
from playground.api.app import create_api
from playground.api.speech_schemas import MEDIA_TYPES, BitRate, Encoding, SampleRate, Speech
from playground.parts import Parts, make_parts
from playground.settings import Settings
from playground.speech_process import write_style
from storage.records import FineTune, LedgerKind, Status, Voice
from tests.conftest import SPEECH
from tests.making import TINY
from tests.serving import api_of, sdk_of, served

KOKORO = "kokoro-82m-2025-01-27"
TEXT = "It's nice to meet you."
LONG_TEXT = "The quick brown fox jumps over the lazy dog near the river. " * 12
WAV = {"container": "wav", "encoding": "pcm_s16le", "sample_rate": 24000}
FFMPEG_NAMES = {"pcm_f32le": "f32le", "pcm_s16le": "s16le", "pcm_mulaw": "mulaw", "pcm_alaw": "alaw"}
CLIPS = ("vm-newuser", "confbridge-lock-extended", "dir-usingkeypad", "agent-alreadyon", "confbridge-pin-bad")


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    """One for all, so that the speech process starts once."""
    made = make_parts(Settings(data_dir=tmp_path_factory.mktemp("data")))
    yield made
    made.speech_process.close()


@pytest.fixture(scope="module")
def sdk(parts: Parts) -> Iterator[Cartesia]:
    with sdk_of(parts) as client:
        yield client


@pytest.fixture(scope="module")
def api(parts: Parts) -> TestClient:
    return api_of(parts)


@pytest.fixture(scope="module")
def stock(parts: Parts) -> Voice:
    return next(voice for voice in parts.voices.search() if voice.model_id == TINY)


@pytest.fixture(scope="module")
def clips(parts: Parts) -> list[TrainingClip]:
    """Real speech as clips."""
    transcripts = dict(line.split("|")[:2] for line in (SPEECH / "metadata.csv").read_text("utf-8").splitlines())
    made = []
    for name in CLIPS:
        path = parts.storage.media.data_dir / "clips" / f"{name}.wav"
        seconds = decode_to_wav(SPEECH / f"{name}.flac", path).duration_seconds
        made.append(TrainingClip(id=name, path=path, transcript=transcripts[name], duration_seconds=seconds))
    return made


@pytest.fixture(scope="module")
def clone(parts: Parts, clips: list[TrainingClip]) -> Voice:
    """A voice of a clone that was really trained, for a second."""
    fine_tune = FineTune(name="Ada", model_id=TINY, status=Status.COMPLETED)
    folder = parts.storage.media.fine_tune_folder(fine_tune.id)
    engine = TinyEngine()
    losses = [at.loss for at in engine.fine_tune(clips, FineTuneConfig(language="en", seconds=1.5), folder / "model")]
    assert losses[-1] is not None
    style_path = folder / "styles" / "V0.safetensors"
    write_style(style_path, engine.load(folder / "model").style_of(clips[0], language="en"))
    return _insert(parts, fine_tune, reference=clips[0], style_path=style_path)


def _insert(parts: Parts, fine_tune: FineTune, *, reference: TrainingClip, style_path: Path) -> Voice:
    media = parts.storage.media
    voice = Voice(
        name=f"{fine_tune.name} - V0",
        language="en",
        model_id=fine_tune.model_id,
        fine_tune_id=fine_tune.id,
        reference_path=media.relative(reference.path),
        reference_text=reference.transcript,
        style_path=media.relative(style_path),
    )
    with parts.storage.write() as tables:
        tables.fine_tunes.insert(fine_tune)
        return tables.voices.insert(voice)


def _order(speaker: Voice, **changes: Any) -> dict[str, Any]:
    return {"model_id": TINY, "transcript": TEXT, "voice": speaker.id, "output_format": WAV} | changes


def _waveform(sound: bytes, form: dict[str, Any] | None = None) -> tuple[np.ndarray, int]:
    """Any answer as float samples, shape (samples,), and their rate."""
    raw = form is not None and form["container"] == "raw"
    options = {"sample_rate": str(form["sample_rate"]), "ch_layout": "mono"} if raw else {}
    container = av.open(io.BytesIO(sound), format=FFMPEG_NAMES[form["encoding"]] if raw else None, options=options)
    frames = av.AudioResampler(format="flt", layout="mono")
    blocks = [out.to_ndarray()[0] for frame in container.decode(audio=0) for out in frames.resample(frame)]
    return np.concatenate(blocks), container.streams.audio[0].rate


def _level(waveform: np.ndarray) -> float:
    """dBFS."""
    return float(20 * np.log10(np.sqrt(np.mean(waveform**2))))


def _speeches(parts: Parts) -> list[float]:
    return [-entry.amount for entry in parts.accounts.ledger() if entry.kind == LedgerKind.SPEECH]


@pytest.fixture(scope="module")
def plain(api: TestClient, stock: Voice) -> np.ndarray:
    """What the text sounds like in the plainest format: 24 kHz."""
    return _waveform(api.post("/tts/bytes", json=_order(stock)).content)[0]


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
    waveform, rate = _waveform(answer.read(), form)
    assert answer.headers["content-type"] == MEDIA_TYPES[form["container"]]
    assert rate == form["sample_rate"]
    assert len(waveform) / rate == pytest.approx(len(plain) / 24000, abs=0.12)
    assert _level(waveform) == pytest.approx(_level(plain), abs=1.5)
    assert _level(waveform) > -40


@pytest.mark.parametrize("container", ["wav", "raw"])
@pytest.mark.parametrize(("encoding", "rate"), product(get_args(Encoding), get_args(SampleRate)))
def test_every_encoding_is_made_at_every_rate(container: str, encoding: str, rate: int) -> None:
    assert _encoded_seconds({"container": container, "encoding": encoding, "sample_rate": rate}) == pytest.approx(1)


@pytest.mark.parametrize(("rate", "bit_rate"), product(get_args(SampleRate), get_args(BitRate)))
def test_mp3_is_made_at_every_rate(rate: int, bit_rate: int) -> None:
    form = {"container": "mp3", "sample_rate": rate, "bit_rate": bit_rate}
    assert _encoded_seconds(form) == pytest.approx(1, abs=0.25)


def _encoded_seconds(form: dict[str, Any]) -> float:
    order = {"model_id": TINY, "transcript": TEXT, "voice": "x", "output_format": form}
    encoder = TypeAdapter(Speech).validate_python(order).output_format.encoder()
    tone = np.sin(np.arange(24000, dtype=np.float32) / 10) / 2
    waveform, rate = _waveform(encoder.feed(tone) + encoder.finish(), form)
    assert rate == form["sample_rate"]
    return len(waveform) / rate


def test_a_wav_stream_is_read_by_the_standard_library(api: TestClient, stock: Voice) -> None:
    sound = api.post("/tts/bytes", json=_order(stock)).content
    with wave.open(io.BytesIO(sound)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24000, 1, 2)
        assert len(file.readframes(10**9)) == 2 * len(_waveform(sound)[0])


@pytest.mark.parametrize("as_object", [lambda id: {"id": id}, lambda id: {"mode": "id", "id": id}])
def test_the_voice_may_be_an_object_and_the_language_null(api: TestClient, stock: Voice, as_object: Any) -> None:
    spoken = api.post("/tts/bytes", json=_order(stock, voice=as_object(stock.id), language=None))
    assert spoken.status_code == 200
    assert spoken.headers["x-model-id"] == TINY
    assert "x-fine-tune" not in spoken.headers


def test_a_locale_stands_for_its_language(api: TestClient, stock: Voice) -> None:
    assert api.post("/tts/bytes", json=_order(stock, locale="en-GB")).status_code == 200


def test_formats_have_the_documented_defaults(api: TestClient, stock: Voice) -> None:
    wav = api.post("/tts/bytes", json=_order(stock, output_format={"container": "wav"}))
    assert _waveform(wav.content)[1] == 44100


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
        len(_waveform(api.post("/tts/bytes", json=_order(stock, **change)).content)[0]) for change in (slower, faster)
    )
    assert long > 1.2 * short


def test_volume_scales_the_samples(api: TestClient, stock: Voice, plain: np.ndarray) -> None:
    quiet = api.post("/tts/bytes", json=_order(stock, generation_config={"volume": 0.5, "emotion": "calm"})).content
    assert _level(_waveform(quiet)[0]) == pytest.approx(_level(plain) - 6.02, abs=0.1)


def test_a_clone_on_its_own_model_is_active_and_costs_half_as_much_again(
    api: TestClient, parts: Parts, stock: Voice, clone: Voice, plain: np.ndarray
) -> None:
    spoken = api.post("/tts/bytes", json=_order(clone))
    assert (spoken.headers["x-model-id"], spoken.headers["x-fine-tune"]) == (TINY, "active")
    assert _level(_waveform(spoken.content)[0]) > -40
    assert len(_waveform(spoken.content)[0]) != len(plain)
    assert _speeches(parts)[0] == 1.5 * len(TEXT)


def test_a_clone_on_another_model_is_inactive_and_still_speaks(
    api: TestClient, parts: Parts, clips: list[TrainingClip]
) -> None:
    fine_tune = FineTune(name="Zoë", model_id=KOKORO, status=Status.COMPLETED)
    voice = _insert(parts, fine_tune, reference=clips[1], style_path=parts.storage.media.path("none"))
    spoken = api.post("/tts/bytes", json=_order(voice))
    assert (spoken.headers["x-model-id"], spoken.headers["x-fine-tune"]) == (TINY, "inactive")
    assert _level(_waveform(spoken.content)[0]) > -40
    assert _speeches(parts)[0] == len(TEXT)


@pytest.mark.parametrize("alias", ["sonic-3", "sonic-latest", "latest", "kokoro-82m"])
def test_aliases_mean_the_production_model(api: TestClient, stock: Voice, alias: str) -> None:
    refused = api.post("/tts/bytes", json=_order(stock, model_id=alias, language="xx")).json()
    assert refused["error_code"] == "language_not_supported"
    assert "Kokoro" in refused["message"]


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
        ({"pronunciation_dict_id": "pdict_x"}, 501, "not_implemented", "pronunciation_dict_id"),
    ],
)
def test_refusals_say_why_and_cost_nothing(
    api: TestClient, parts: Parts, stock: Voice, changes: dict[str, Any], status: int, code: str, named: str
) -> None:
    before = _speeches(parts)
    refused = api.post("/tts/bytes", json=_order(stock, **changes))
    assert (refused.status_code, refused.json()["error_code"]) == (status, code)
    assert named in refused.json()["message"]
    assert _speeches(parts) == before


def test_speech_beyond_the_balance_is_402(tmp_path: Path) -> None:
    poor = make_parts(Settings(data_dir=tmp_path, credits=5))
    stock = next(voice for voice in poor.voices.search() if voice.model_id == TINY)
    refused = api_of(poor).post("/tts/bytes", json=_order(stock))
    assert (refused.status_code, refused.json()["error_code"]) == (402, "quota_exceeded")


def test_the_sdk_sees_our_errors_as_its_own(sdk: Cartesia, stock: Voice) -> None:
    with pytest.raises(cartesia.BadRequestError) as refused:
        sdk.tts.generate(model_id=TINY, transcript="", voice=stock.id, output_format=WAV)
    assert refused.value.body["error_code"] == "empty_transcript"


def test_a_model_that_is_broken_is_said_before_the_first_byte(
    api: TestClient, parts: Parts, clips: list[TrainingClip]
) -> None:
    fine_tune = FineTune(name="Broken", model_id=TINY, status=Status.COMPLETED)
    media = parts.storage.media
    voice = _insert(parts, fine_tune, reference=clips[0], style_path=media.path("none"))
    refused = api.post("/tts/bytes", json=_order(voice))
    assert (refused.status_code, refused.json()["error_code"]) == (503, "weights_unavailable")


def test_speech_that_breaks_off_is_seen_as_broken_and_costs_nothing(parts: Parts, stock: Voice) -> None:
    before = _speeches(parts)
    with served(create_api(parts)) as url, httpx.Client(base_url=url, timeout=60) as client:
        with client.stream("POST", "/tts/bytes", json=_order(stock, transcript=LONG_TEXT)) as answer:
            parts_of_it = answer.iter_raw()
            next(parts_of_it)
            os.kill(parts.speech_process.pid or 0, signal.SIGKILL)
            with pytest.raises(httpx.RemoteProtocolError):
                list(parts_of_it)
        assert _speeches(parts) == before
        assert client.post("/tts/bytes", json=_order(stock)).status_code == 200


def test_a_client_that_goes_away_ends_its_speech_and_pays_nothing(parts: Parts, stock: Voice) -> None:
    before = _speeches(parts)
    with served(create_api(parts)) as url, httpx.Client(base_url=url, timeout=60) as client:
        with client.stream("POST", "/tts/bytes", json=_order(stock, transcript=LONG_TEXT * 5)) as answer:
            next(answer.iter_raw())
        assert client.post("/tts/bytes", json=_order(stock)).status_code == 200
    assert _speeches(parts) == [len(TEXT), *before]


def test_a_client_that_reads_slowly_keeps_nobody_waiting(parts: Parts, stock: Voice) -> None:
    """It stops after the first bytes of 8 MB, more than the buffers between it and the server hold."""
    large = {"container": "raw", "encoding": "pcm_f32le", "sample_rate": 48000}
    narrow = httpx.HTTPTransport(socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)])
    with served(create_api(parts)) as url, httpx.Client(base_url=url, timeout=60, transport=narrow) as slow:
        order = _order(stock, transcript=LONG_TEXT, output_format=large)
        with slow.stream("POST", "/tts/bytes", json=order) as held:
            next(held.iter_raw())
            assert httpx.post(f"{url}/tts/bytes", json=_order(stock), timeout=60).status_code == 200

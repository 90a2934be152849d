"""What players fetch: previews, reference clips, recordings, results; in ranges, under the type of their content."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from model.audio import decode_to_wav, make_preview
from playground.parts import Parts
from playground.services.speech_plan import SpeechRequest
from playground.settings import Settings
from storage.records import DatasetFile, Voice
from tests.conftest import SPEECH
from tests.making import TINY, queued
from tests.serving import api_of, opened

RECORDING = SPEECH / "vm-sorry.flac"


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    """One for all, so that the speech process starts once."""
    with opened(Settings(data_dir=tmp_path_factory.mktemp("data"))) as made:
        yield made


@pytest.fixture(scope="module")
def api(parts: Parts) -> TestClient:
    return api_of(parts)


@pytest.fixture(scope="module")
def stock(parts: Parts) -> Voice:
    return next(voice for voice in parts.voices.search() if voice.model_id == TINY)


def _uploaded(parts: Parts, api: TestClient, name: str, content: bytes) -> DatasetFile:
    dataset = parts.datasets.create("Ada")
    api.post(f"/datasets/{dataset.id}/files", files={"file": (name, content)})
    return parts.datasets.files(dataset.id)[0]


def _address(file: DatasetFile) -> str:
    return f"/datasets/{file.dataset_id}/files/{file.id}/audio"


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"RIFF\x00\x01\x02\nWAVEfmt ", "audio/wav"),
        (b"ID3\x04", "audio/mpeg"),
        (b"\xff\xfb\x90\x00", "audio/mpeg"),
        (b"\xff\xf1\x50\x80", "audio/aac"),
        (RECORDING.read_bytes(), "audio/flac"),
        (b"OggS\x00\x02", "audio/ogg"),
        (b"\x00\x00\x00\x1cftypM4A ", "audio/mp4"),
        (b"\x1aE\xdf\xa3\x01", "audio/webm"),
        (b"FORM\x00\x00\x01\x00AIFFCOMM", "audio/aiff"),
        (b"<html><script>alert(1)</script>", "application/octet-stream"),
        (b"", "application/octet-stream"),
    ],
)
def test_the_content_tells_the_type_whatever_the_name(api: TestClient, parts: Parts, start: bytes, kind: str) -> None:
    answer = api.get(_address(_uploaded(parts, api, "page.html", start)))
    assert answer.content == start
    assert answer.headers["content-type"] == kind
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_players_may_ask_for_ranges(api: TestClient, parts: Parts) -> None:
    content = RECORDING.read_bytes()
    address = _address(_uploaded(parts, api, "a.flac", content))
    middle = api.get(address, headers={"range": "bytes=100-199"})
    assert (middle.status_code, middle.content) == (206, content[100:200])
    assert middle.headers["content-range"] == f"bytes 100-199/{len(content)}"
    assert api.get(address, headers={"range": f"bytes={len(content)}-"}).status_code == 416


def test_a_checked_recording_is_given_in_a_form_that_browsers_play(
    api: TestClient, parts: Parts, tmp_path: Path
) -> None:
    file = _uploaded(parts, api, "a.flac", RECORDING.read_bytes())
    preview = parts.storage.media.file_folder(file.dataset_id, file.id) / "preview.mp3"
    decode_to_wav(RECORDING, tmp_path / "a.wav")
    make_preview(tmp_path / "a.wav", preview)
    with parts.storage.write() as tables:
        tables.files.update(file.id, preview_path=parts.storage.media.relative(preview))
    answer = api.get(_address(file))
    assert (answer.headers["content-type"], answer.content) == ("audio/mpeg", preview.read_bytes())


def test_a_recording_is_found_in_its_own_dataset_only(api: TestClient, parts: Parts) -> None:
    file = _uploaded(parts, api, "a.flac", b"fLaC")
    missing = api.get(f"/datasets/{parts.datasets.create('Other').id}/files/{file.id}/audio")
    assert (missing.status_code, missing.json()["error_code"]) == (404, "file_not_found")


def test_a_preview_is_spoken_once_free_of_charge_and_kept(api: TestClient, parts: Parts, stock: Voice) -> None:
    balance = parts.accounts.account().balance
    first = api.get(f"/voices/{stock.id}/preview")
    parts.speech_process.close()
    again = api.get(f"/voices/{stock.id}/preview", headers={"range": "bytes=0-3"})
    assert (first.headers["content-type"], first.content[:4]) == ("audio/wav", b"RIFF")
    assert (again.status_code, again.content) == (206, b"RIFF")
    assert parts.speech_process.pid is None
    assert parts.accounts.account().balance == balance


def test_the_clip_that_a_voice_comes_from_is_heard(api: TestClient, parts: Parts) -> None:
    clip = parts.settings.data_dir / "reference.wav"
    decode_to_wav(RECORDING, clip)
    voice = Voice(
        name="Ada - V0",
        language="en",
        model_id=TINY,
        fine_tune_id=queued(parts).id,
        reference_path=parts.storage.media.relative(clip),
    )
    with parts.storage.write() as tables:
        tables.voices.insert(voice)
    answer = api.get(f"/voices/{voice.id}/reference")
    assert (answer.headers["content-type"], answer.content) == ("audio/wav", clip.read_bytes())


def test_stock_voices_have_no_clip(api: TestClient, stock: Voice) -> None:
    missing = api.get(f"/voices/{stock.id}/reference")
    assert (missing.status_code, missing.json()["error_code"]) == (404, "reference_clip_not_found")


def test_a_result_is_played_or_saved_under_its_first_words(api: TestClient, parts: Parts, stock: Voice) -> None:
    speech = parts.speech.speak(SpeechRequest(voice_id=stock.id, text='Déjà vu: "it\'s" / here?'))
    played = api.get(f"/speeches/{speech.id}/audio")
    saved = api.get(f"/speeches/{speech.id}/audio", params={"download": 1})
    assert played.content == saved.content == parts.speech.speech_path(speech.id).read_bytes()
    assert "content-disposition" not in played.headers
    assert (
        saved.headers["content-disposition"] == "attachment; filename*=utf-8''D%C3%A9j%C3%A0%20vu%20it%27s%20here.wav"
    )


def test_a_result_is_saved_as_mp3_too(api: TestClient, parts: Parts, stock: Voice, tmp_path: Path) -> None:
    speech = parts.speech.speak(SpeechRequest(voice_id=stock.id, text="As you like it."))
    saved = api.get(f"/speeches/{speech.id}/audio", params={"download": 1, "container": "mp3"})
    (tmp_path / "saved").write_bytes(saved.content)
    assert saved.headers["content-type"] == "audio/mpeg"
    assert saved.headers["content-disposition"] == "attachment; filename*=utf-8''As%20you%20like%20it.mp3"
    seconds = decode_to_wav(tmp_path / "saved", tmp_path / "saved.wav").duration_seconds
    assert seconds == pytest.approx(speech.duration_seconds, abs=0.1)


def test_a_result_whose_file_is_gone_is_404(api: TestClient, parts: Parts, stock: Voice) -> None:
    speech = parts.speech.speak(SpeechRequest(voice_id=stock.id, text="Gone."))
    parts.speech.speech_path(speech.id).unlink()
    missing = api.get(f"/speeches/{speech.id}/audio")
    assert (missing.status_code, missing.json()["error_code"]) == (404, "speech_not_found")

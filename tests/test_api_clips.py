"""Clips over HTTP: list, correct, exclude, listen, and the dataset as a zip."""

import io
import zipfile

import pytest
from starlette.testclient import TestClient

from model.transcription import Transcript as HeardText
from playground.parts import Parts
from storage.records import Clip, Dataset
from tests.conftest import SPEECH
from tests.making import checked_dataset
from tests.serving import api_of


@pytest.fixture
def api(parts: Parts) -> TestClient:
    return api_of(parts)


@pytest.fixture
def dataset(parts: Parts) -> Dataset:
    """Three clips, none of them heard."""
    return checked_dataset(parts, clips=3, audio=SPEECH / "vm-sorry.flac")


def _clips(parts: Parts, dataset: Dataset) -> list[Clip]:
    with parts.storage.read() as tables:
        return tables.clips.of_dataset(dataset.id)


def test_clips_come_in_pages_that_end_with_what_is_said_in_them(
    api: TestClient, parts: Parts, dataset: Dataset
) -> None:
    first = _clips(parts, dataset)[0]
    parts.hearing.keep(first.id, HeardText(text="Hello.", confidence=0.4, language="en"))
    page = api.get(f"/datasets/{dataset.id}/clips", params={"limit": 2}).json()
    last = api.get(f"/datasets/{dataset.id}/clips", params={"limit": 2, "starting_after": page["next_page"]}).json()
    assert (len(page["data"]), page["has_more"], last["has_more"]) == (2, True, False)
    assert last["data"] == [
        {
            "id": first.id,
            "file": first.file_id,
            "start_seconds": 0.0,
            "duration_seconds": 5.0,
            "text": "Hello.",
            "source": "heard",
            "confidence": 0.4,
            "is_doubtful": True,
            "is_excluded": False,
        }
    ]
    assert page["data"][0]["source"] is None


def test_a_clip_is_corrected_and_excluded(api: TestClient, parts: Parts, dataset: Dataset) -> None:
    url = f"/datasets/{dataset.id}/clips/{_clips(parts, dataset)[1].id}"
    changed = api.patch(url, json={"text": "As I said.", "is_excluded": True})
    assert changed.status_code == 200
    assert (changed.json()["text"], changed.json()["source"], changed.json()["is_excluded"]) == (
        "As I said.",
        "edited",
        True,
    )
    assert api.patch(url, json={"is_excluded": False}).json()["is_excluded"] is False


@pytest.mark.parametrize("body", [{}, {"text": " "}, {"is_excluded": "perhaps"}])
def test_changes_that_say_nothing_are_refused(
    api: TestClient, parts: Parts, dataset: Dataset, body: dict[str, str]
) -> None:
    refused = api.patch(f"/datasets/{dataset.id}/clips/{_clips(parts, dataset)[0].id}", json=body)
    assert refused.status_code == 400


def test_a_clip_of_another_dataset_is_not_found(api: TestClient, parts: Parts, dataset: Dataset) -> None:
    clip = _clips(parts, dataset)[0]
    other = parts.datasets.create("Alan").id
    for answer in (
        api.patch(f"/datasets/{other}/clips/{clip.id}", json={"text": "Hi."}),
        api.get(f"/datasets/{other}/clips/{clip.id}/audio"),
        api.get(f"/datasets/{dataset.id}/clips/clip_x/audio"),
    ):
        assert (answer.status_code, answer.json()["error_code"]) == (404, "clip_not_found")


def test_a_clip_can_be_listened_to(api: TestClient, parts: Parts, dataset: Dataset) -> None:
    clip = _clips(parts, dataset)[0]
    sound = api.get(f"/datasets/{dataset.id}/clips/{clip.id}/audio")
    assert sound.content == parts.storage.media.path(clip.path).read_bytes()


def test_a_text_that_cannot_be_read_is_400(api: TestClient, dataset: Dataset) -> None:
    refused = api.post(f"/datasets/{dataset.id}/files", files={"file": ("a.srt", b"no subtitles")})
    assert (refused.status_code, refused.json()["error_code"]) == (400, "transcript_unreadable")


def test_a_dataset_is_exported_as_a_zip(api: TestClient, parts: Parts) -> None:
    dataset = parts.datasets.create("Ada")
    answer = api.get(f"/datasets/{dataset.id}/export")
    assert answer.headers["content-type"] == "application/zip"
    assert "Ada.zip" in answer.headers["content-disposition"]
    assert set(zipfile.ZipFile(io.BytesIO(answer.content)).namelist()) == {"metadata.csv", "dataset.json"}
    assert api.get("/datasets/dataset_x/export").status_code == 404

"""Datasets and uploads over HTTP, with the official SDK and with plain requests."""

from collections.abc import Iterator
from pathlib import Path

import cartesia
import pytest
from cartesia import Cartesia
from starlette.testclient import TestClient

from playground.parts import Parts, make_parts
from playground.settings import Settings
from tests.conftest import SPEECH
from tests.making import queued
from tests.serving import api_of, sdk_of

RECORDING = SPEECH / "vm-sorry.flac"
FORM = {"content-type": "multipart/form-data; boundary=b"}


@pytest.fixture
def api(parts: Parts) -> TestClient:
    return api_of(parts)


def _part(head: str, body: bytes) -> bytes:
    return b"--b\r\nContent-Disposition: form-data; " + head.encode() + b"\r\n\r\n" + body + b"\r\n"


def _scratch(parts: Parts) -> list[Path]:
    return list(parts.storage.media.scratch.iterdir())


def test_a_dataset_is_created_read_changed_and_deleted(sdk: Cartesia) -> None:
    made = sdk.datasets.create(name="Ada", description="Interviews")
    sdk.datasets.update(made.id, name="Ada L.", description="Letters")
    found = sdk.datasets.retrieve(made.id)
    assert (found.id, found.name, found.description) == (made.id, "Ada L.", "Letters")
    sdk.datasets.delete(made.id)
    with pytest.raises(cartesia.NotFoundError, match="dataset_not_found"):
        sdk.datasets.retrieve(made.id)


def test_paging_gives_every_dataset_once_newest_first_and_ends(sdk: Cartesia) -> None:
    made = [sdk.datasets.create(name=f"D{number}", description="").id for number in range(5)]
    assert [dataset.id for dataset in sdk.datasets.list(limit=2)] == made[::-1]


def test_pages_go_backwards_too(api: TestClient) -> None:
    made = [api.post("/datasets", json={"name": f"D{number}"}).json()["id"] for number in range(4)]
    page = api.get("/datasets", params={"limit": 2, "ending_before": made[0]}).json()
    assert [dataset["id"] for dataset in page["data"]] == [made[2], made[1]]
    assert (page["has_more"], page["next_page"]) == (True, made[2])


def test_the_envelope_names_the_next_page_until_the_last(api: TestClient) -> None:
    made = [api.post("/datasets", json={"name": f"D{number}"}).json()["id"] for number in range(3)]
    first = api.get("/datasets", params={"limit": 2}).json()
    assert (first["has_more"], first["next_page"]) == (True, made[1])
    last = api.get("/datasets", params={"limit": 2, "starting_after": first["next_page"]}).json()
    assert (last["has_more"], last["next_page"]) == (False, None)


@pytest.mark.parametrize("limit", ["0", "101", "many"])
def test_limits_outside_1_to_100_are_refused(api: TestClient, limit: str) -> None:
    refused = api.get("/datasets", params={"limit": limit})
    assert refused.status_code == 400
    assert refused.json()["message"].startswith("limit: ")


def test_an_unknown_cursor_is_refused(api: TestClient) -> None:
    refused = api.get("/datasets", params={"starting_after": "dataset_gone"})
    assert (refused.status_code, refused.json()["error_code"]) == (400, "unknown_cursor")


def test_uploads_of_a_path_of_bytes_and_of_a_tuple_keep_name_and_size(sdk: Cartesia) -> None:
    id = sdk.datasets.create(name="Ada", description="").id
    sdk.datasets.files.upload(id, file=RECORDING, purpose="fine_tune")
    sdk.datasets.files.upload(id, file=b"not really sound")
    sdk.datasets.files.upload(id, file=("Élan vital.wav", b"neither is this", "audio/wav"), purpose="fine_tune")
    files = {file.filename: file for file in sdk.datasets.files.list(id, limit=2)}
    sizes = {name: file.size for name, file in files.items()}
    assert sizes == {"vm-sorry.flac": RECORDING.stat().st_size, "upload": 16, "Élan vital.wav": 15}
    assert files["vm-sorry.flac"].model_extra["verdict"] is None


def test_what_was_uploaded_is_what_is_kept(api: TestClient, parts: Parts) -> None:
    dataset = parts.datasets.create("Ada")
    answer = api.post(f"/datasets/{dataset.id}/files", files={"file": RECORDING.open("rb")})
    (file,) = parts.datasets.files(dataset.id)
    assert (answer.status_code, answer.content) == (204, b"")
    assert parts.datasets.file_path(file).read_bytes() == RECORDING.read_bytes()
    assert _scratch(parts) == []


def test_the_file_may_come_before_the_purpose(api: TestClient, parts: Parts) -> None:
    dataset = parts.datasets.create("Ada")
    form = _part('name="file"; filename="a.wav"', b"sound") + _part('name="purpose"', b"fine_tune") + b"--b--\r\n"
    assert api.post(f"/datasets/{dataset.id}/files", content=form, headers=FORM).status_code == 204
    assert [file.filename for file in parts.datasets.files(dataset.id)] == ["a.wav"]


def test_a_transcript_is_taken_as_such(api: TestClient, parts: Parts) -> None:
    dataset = parts.datasets.create("Ada")
    upload = {"file": ("a.txt", b"Hello there.", "text/plain")}
    assert api.post(f"/datasets/{dataset.id}/files", files=upload).status_code == 204
    with parts.storage.read() as tables:
        assert [(row.stem, row.text) for row in tables.transcripts.where()] == [("a", "Hello there.")]
    assert parts.datasets.files(dataset.id) == []


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        (_part('name="purpose"', b"fine_tune") + b"--b--\r\n", "no part named"),
        (_part('name="file"; filename="a.wav"', b"half of"), "before the form was complete"),
        (b"no form at all", "cannot be read"),
    ],
)
def test_forms_that_are_wrong_are_refused_and_leave_nothing(
    api: TestClient, parts: Parts, form: bytes, reason: str
) -> None:
    dataset = parts.datasets.create("Ada")
    refused = api.post(f"/datasets/{dataset.id}/files", content=form, headers=FORM)
    assert refused.status_code == 400
    assert reason in refused.json()["message"]
    assert (parts.datasets.files(dataset.id), _scratch(parts)) == ([], [])


def test_a_body_that_is_no_form_is_refused(api: TestClient, parts: Parts) -> None:
    dataset = parts.datasets.create("Ada")
    refused = api.post(f"/datasets/{dataset.id}/files", json={"file": "a.wav"})
    assert "multipart/form-data" in refused.json()["message"]


@pytest.fixture
def small(tmp_path: Path) -> Parts:
    """A playground that takes recordings of 100 kB."""
    return make_parts(Settings(data_dir=tmp_path / "small", max_upload_bytes=100_000))


def test_an_oversized_recording_is_413_and_leaves_nothing(small: Parts) -> None:
    dataset = small.datasets.create("Ada")
    with sdk_of(small) as sdk, pytest.raises(cartesia.APIStatusError) as refused:
        sdk.datasets.files.upload(dataset.id, file=bytes(8_000_000))
    assert (refused.value.status_code, refused.value.body["error_code"]) == (413, "file_too_large")
    assert (small.datasets.files(dataset.id), _scratch(small)) == ([], [])


def test_a_recording_just_over_the_limit_is_413(small: Parts) -> None:
    dataset = small.datasets.create("Ada")
    refused = api_of(small).post(f"/datasets/{dataset.id}/files", files={"file": bytes(100_001)})
    assert (refused.status_code, refused.json()["error_code"]) == (413, "file_too_large")
    assert (small.datasets.files(dataset.id), _scratch(small)) == ([], [])


def test_a_recording_at_the_limit_is_taken(small: Parts) -> None:
    dataset = small.datasets.create("Ada")
    assert api_of(small).post(f"/datasets/{dataset.id}/files", files={"file": bytes(100_000)}).status_code == 204


def test_a_body_that_does_not_tell_its_length_is_cut_off_at_the_limit(small: Parts) -> None:
    dataset = small.datasets.create("Ada")

    def endless() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
        for _ in range(1000):
            yield bytes(10_000)

    refused = api_of(small).post(f"/datasets/{dataset.id}/files", content=endless(), headers=FORM)
    assert (refused.status_code, refused.json()["error_code"]) == (413, "file_too_large")
    assert (small.datasets.files(dataset.id), _scratch(small)) == ([], [])


def test_uploads_to_an_unknown_dataset_are_404(api: TestClient) -> None:
    missing = api.post("/datasets/dataset_x/files", files={"file": b"sound"})
    assert (missing.status_code, missing.json()["error_code"]) == (404, "dataset_not_found")


def test_a_file_is_deleted_from_its_own_dataset_only(sdk: Cartesia, parts: Parts) -> None:
    mine, other = (sdk.datasets.create(name=name, description="").id for name in ("Ada", "Alan"))
    sdk.datasets.files.upload(mine, file=RECORDING)
    (file,) = sdk.datasets.files.list(mine)
    with pytest.raises(cartesia.NotFoundError, match="file_not_found"):
        sdk.datasets.files.delete(file.id, id=other)
    sdk.datasets.files.delete(file.id, id=mine)
    assert list(sdk.datasets.files.list(mine)) == []
    assert not parts.storage.media.file_folder(mine, file.id).exists()


def test_a_dataset_in_use_stays_and_clients_are_told_not_to_try_again(api: TestClient, parts: Parts) -> None:
    refused = api.delete(f"/datasets/{queued(parts).dataset_id}")
    assert refused.status_code == 409
    assert refused.headers["x-should-retry"] == "false"
    assert "in use" in refused.json()["message"]


def test_noise_reduction_is_switched_with_the_rest_of_a_dataset(api: TestClient, parts: Parts) -> None:
    dataset = parts.datasets.create("Ada")
    for change, expected in (({"reduces_noise": True}, True), ({}, True), ({"reduces_noise": False}, False)):
        assert api.patch(f"/datasets/{dataset.id}", json={"name": "Ada", **change}).status_code == 204
        assert api.get(f"/datasets/{dataset.id}").json()["reduces_noise"] == expected


def test_a_duplicate_says_so_as_a_finding(api: TestClient, parts: Parts) -> None:
    dataset = parts.datasets.create("Ada")
    for name in ("a.flac", "b.flac"):
        api.post(f"/datasets/{dataset.id}/files", files={"file": (name, RECORDING.open("rb"))})
    newest = api.get(f"/datasets/{dataset.id}/files").json()["data"][0]
    assert [(one["kind"], one["verdict"]) for one in newest["findings"]] == [("duplicate", "rejected")]
    assert newest["issues"] == [newest["reason"]]
    assert newest["language"] is None

"""Requests as the JavaScript SDK sends them, byte for byte: bench/javascript makes them with the SDK itself."""

import io
import json
from typing import Any

import numpy as np
import pytest
import soundfile
from starlette.testclient import TestClient

from playground.parts import Parts
from playground.services.voices import SDK_EXAMPLE_VOICE
from tests.serving import api_of

HEADERS = {
    "User-Agent": "cartesia-js/4.2.0",
    "X-Cartesia-Client": "cartesia-js/4.2.0",
    "Accept": "application/json",
    "X-Stainless-Retry-Count": "0",
    "X-Stainless-Lang": "js",
    "X-Stainless-Package-Version": "4.2.0",
    "X-Stainless-OS": "Linux",
    "X-Stainless-Arch": "x64",
    "X-Stainless-Runtime": "node",
    "X-Stainless-Runtime-Version": "v20.20.2",
    "cartesia-version": "2026-08-14",
    "authorization": "Bearer any",
    "accept-language": "*",
    "sec-fetch-mode": "cors",
    "accept-encoding": "gzip, deflate",
}
ANYTHING = {"Accept": "*/*"}
"""What calls without a result accept."""
BOUNDARY = "----formdata-undici-041391614606"
NAME = "Élan vital.wav"


@pytest.fixture
def api(parts: Parts) -> TestClient:
    api = api_of(parts)
    api.headers = HEADERS
    return api


def _short_clip() -> bytes:
    """A second of noise: heard, but too short for a voice."""
    clip = io.BytesIO()
    soundfile.write(clip, np.random.default_rng(0).normal(0, 0.1, 16_000), 16_000, format="WAV")
    return clip.getvalue()


def _form(file: bytes, *, part: str = "file", **fields: str) -> dict[str, Any]:
    """A body as Node.js writes it: fields first, then the file, its name in UTF-8 and its type left open."""
    lines = [f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{fields[name]}' for name in fields]
    lines.append(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{part}"; filename="{NAME}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    content = "\r\n".join(lines).encode() + file + f"\r\n--{BOUNDARY}--\r\n".encode()
    return {"content": content, "headers": {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}}


def test_a_dataset_is_made_filled_and_deleted(api: TestClient) -> None:
    compact = json.dumps({"name": "Ada", "description": ""}, separators=(",", ":"))
    made = api.post("/datasets/", content=compact, headers={"content-type": "application/json"})
    path = f"/datasets/{made.json()['id']}"
    uploaded = api.post(f"{path}/files", **_form(b"RIFF", purpose="fine_tune"))
    assert (uploaded.status_code, uploaded.content) == (204, b"")
    (file,) = api.get(f"{path}/files").json()["data"]
    assert (file["filename"], file["size"]) == (NAME, 4)
    for gone in (f"{path}/files/{file['id']}", path):
        deleted = api.delete(gone, headers=ANYTHING)
        assert (deleted.status_code, deleted.content) == (204, b"")


def test_voices_are_listed_with_their_previews(api: TestClient) -> None:
    page = api.get("/voices?limit=3&is_owner=false&gender=feminine&expand%5B%5D=preview_file_url").json()
    assert [voice["gender"] for voice in page["data"]] == ["feminine"] * 3
    assert all(voice["preview_file_url"] for voice in page["data"])


def test_the_form_of_a_clone_is_read(api: TestClient) -> None:
    refused = api.post("/voices/clone", **_form(_short_clip(), part="clip", name="Zoë", language="en"))
    assert (refused.status_code, refused.json()["error_code"]) == (400, "clip_length")


def test_the_form_of_a_recording_to_write_down_is_read(api: TestClient) -> None:
    fields = {"model": "ink-9", "language": "en", "timestamp_granularities[]": "word"}
    refused = api.post("/stt?encoding=pcm_s16le&sample_rate=24000", **_form(b"RIFF", **fields))
    assert (refused.status_code, refused.json()["error_code"]) == (404, "model_not_found")


def test_what_is_not_offered_is_not_asked_for_again(api: TestClient) -> None:
    fields = {"voice[id]": SDK_EXAMPLE_VOICE, "output_format[container]": "wav", "output_format[sample_rate]": "44100"}
    refused = api.post("/voice-changer/bytes", **_form(b"RIFF", part="clip", **fields))
    assert (refused.status_code, refused.headers["x-should-retry"]) == (501, "false")

"""The switch of noise reduction, and the clip that is heard before and after."""

from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from playground.pages.noise import before_and_after
from playground.parts import Parts
from storage.records import Clip
from tests.conftest import SPEECH
from tests.making import checked_dataset
from tests.serving import api_of


@pytest.fixture
def api(parts: Parts) -> TestClient:
    return api_of(parts)


def noisiest(parts: Parts, dataset_id: str) -> Clip:
    clip = parts.datasets.noisiest_clip(dataset_id)
    assert clip is not None
    return clip


def test_the_clip_to_compare_is_of_the_noisiest_recording(parts: Parts) -> None:
    dataset = checked_dataset(parts, clips=2)
    with parts.storage.write() as tables:
        (first,) = tables.files.of_dataset(dataset.id)
        tables.files.update(first.id, snr_db=40.0)
        noisy = tables.files.insert(replace(first, id="file_noisy", filename="b.wav", snr_db=12.0))
        tables.clips.insert(Clip(dataset_id=dataset.id, file_id=noisy.id, path="", start_seconds=0, duration_seconds=3))
    assert noisiest(parts, dataset.id).file_id == noisy.id
    assert parts.datasets.noisiest_clip(parts.datasets.create("Empty").id) is None


def test_a_clip_is_heard_as_it_is_and_with_less_noise(parts: Parts, api: TestClient) -> None:
    dataset = checked_dataset(parts, clips=1, audio=SPEECH / "vm-sorry.flac")
    clip = noisiest(parts, dataset.id)
    made = parts.storage.media.clip_without_noise(clip)
    made.parent.mkdir(parents=True)
    made.write_bytes((SPEECH / "tt-weasels.flac").read_bytes())
    before, after = (part.split('"')[0] for part in before_and_after(clip).split('src="')[1:])
    assert api.get(before).content == parts.storage.media.path(clip.path).read_bytes()
    assert api.get(after).content == (SPEECH / "tt-weasels.flac").read_bytes()

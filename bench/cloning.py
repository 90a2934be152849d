"""A clone by a real server over plain HTTP, and the bench's sentences in its voices."""

import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from bench.sentences import SENTENCES
from bench.serving import PeakMemory, serving
from model.audio import SAMPLE_RATE, read_wav
from model.base_models import production_model
from model.decoding import decode_to_wav


@dataclass(frozen=True, kw_only=True)
class Run:
    """One clone of the bench: which speaker, how long, and the seed that chooses what is kept back.

    `waits`: it begins when all recordings are checked and written down, as for people who fill in the form meanwhile.
    """

    speaker: str
    language: str
    gender: str
    minutes: int
    seed: int
    model_id: str
    waits: bool

    @property
    def name(self) -> str:
        model = "" if self.model_id == production_model().id else f"-{self.model_id}"
        return f"{self.speaker}{model}-{self.minutes}min{'-transcribed' if self.waits else ''}-seed{self.seed}"


def clone(run: Run, recordings: Sequence[Path], work: Path, weights_dir: Path) -> dict[str, Any]:
    """The documented flow over HTTP, then the sentences by each of the four voices, as files in `work`."""
    shutil.rmtree(work / "data", ignore_errors=True)
    with serving(work / "data", weights_dir) as (url, pid):
        memory = PeakMemory(pid)
        with httpx.Client(base_url=url, timeout=300, headers={"Authorization": "Bearer any"}) as client:
            dataset_id = upload(client, recordings, run)
            if run.waits:
                wait_for_transcripts(client, dataset_id)
            started = time.monotonic()
            fine_tune = train(client, dataset_id, run, on_stage=memory.enter)
            minutes = (time.monotonic() - started) / 60
            if fine_tune["status"] != "completed":
                raise SystemExit(f"The training failed: {fine_tune['error']}")
            voices = client.get(f"/fine-tunes/{fine_tune['id']}/voices").raise_for_status().json()["data"]
            speed = [
                speak(client, voice["id"], run, work / f"V{position}")
                for position, voice in enumerate(sorted(voices, key=lambda voice: voice["name"]))
            ]
        memory.close()
    return {
        "minutes": round(minutes, 2),
        "real_time_factors": [round(factor, 3) for factor in speed],
        "stage_seconds": fine_tune["stage_seconds"],
        "peak_megabytes": {kind: round(peak) for kind, peak in memory.megabytes.items()},
        "worker_megabytes": {stage: round(peak) for stage, peak in memory.of_worker.items() if stage},
        "report": fine_tune["report"],
        "folder": str(work / "data" / "fine_tunes" / fine_tune["id"]),
    }


def upload(client: httpx.Client, recordings: Sequence[Path], run: Run) -> str:
    """The first half of Cartesia's documented flow: dataset and files; gives the dataset's id."""
    dataset = client.post("/datasets", json={"name": run.name, "description": ""}).raise_for_status().json()
    for path in recordings:
        with path.open("rb") as stream:
            files = {"file": (path.name, stream, "application/octet-stream")}
            client.post(f"/datasets/{dataset['id']}/files", files=files).raise_for_status()
    return str(dataset["id"])


def wait_for_transcripts(client: httpx.Client, dataset_id: str) -> None:
    """Until every recording has been checked and every clip been heard."""
    pause = threading.Event()
    print(f"{time.strftime('%H:%M:%S')} waiting for transcripts", file=sys.stderr, flush=True)
    while any(file["verdict"] is None for file in _all(client, f"/datasets/{dataset_id}/files")) or any(
        clip["source"] is None and not clip["is_excluded"] for clip in _all(client, f"/datasets/{dataset_id}/clips")
    ):
        pause.wait(5.0)


def _all(client: httpx.Client, path: str) -> Iterator[dict[str, Any]]:
    """What a list of the API has, page by page."""
    after: dict[str, str] = {}
    while True:
        page = client.get(path, params={"limit": "100", **after}).raise_for_status().json()
        yield from page["data"]
        if not page["has_more"]:
            return
        after = {"starting_after": page["data"][-1]["id"]}


def train(client: httpx.Client, dataset_id: str, run: Run, *, on_stage: Callable[[str], None]) -> dict[str, Any]:
    """The second half: fine-tune, poll; gives the fine-tune as it ended."""
    body = {
        "name": run.name,
        "description": "",
        "language": run.language,
        "model_id": run.model_id,
        "dataset": dataset_id,
        "training_minutes": run.minutes,
    }
    fine_tune = client.post("/fine-tunes", json=body).raise_for_status().json()
    stage = ""
    pause = threading.Event()
    while fine_tune["status"] not in ("completed", "failed"):
        if fine_tune["stage"] != stage:
            stage = fine_tune["stage"]
            on_stage(stage)
            print(f"{time.strftime('%H:%M:%S')} {stage}", file=sys.stderr, flush=True)
        pause.wait(1.0)
        fine_tune = client.get(f"/fine-tunes/{fine_tune['id']}").raise_for_status().json()
    return dict(fine_tune)


def speak(client: httpx.Client, voice_id: str, run: Run, target: Path) -> float:
    """The sentences over the API into `TARGET-number.wav`; seconds of work for a second of speech (the median)."""
    factors = []
    for number, sentence in enumerate(SENTENCES[run.language]):
        body = {
            "model_id": run.model_id,
            "transcript": sentence,
            "language": run.language,
            "voice": {"mode": "id", "id": voice_id},
            "output_format": {"container": "wav", "encoding": "pcm_s16le", "sample_rate": SAMPLE_RATE},
        }
        started = time.monotonic()
        answer = client.post("/tts/bytes", json=body).raise_for_status()
        seconds = time.monotonic() - started
        assert answer.headers["X-Fine-Tune"] == "active"
        upload = target.with_name(f"{target.name}-{number}.upload")
        upload.write_bytes(answer.content)
        path = target.with_name(f"{target.name}-{number}.wav")
        decode_to_wav(upload, path)
        upload.unlink()
        factors.append(seconds / (len(read_wav(path)[0]) / SAMPLE_RATE))
    return float(np.median(factors))

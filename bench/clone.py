"""Quality, time and memory of one clone, made by a real server over plain HTTP.

`--recordings` are trained on; `--others` are recordings of the same speaker that are not among them, to compare with.
Prints one table, and the same as JSON with `--json`.
"""

import argparse
import json
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray

from bench.serving import PeakMemory, serving
from model.audio import read_wav
from model.decoding import FORMATS, decode_to_wav
from model.evaluation import Naturalness, SpeakerEncoder, word_error_rate
from model.transcription import Transcriber, prepare_whisper
from playground.speech_process import SpeakingAs, SpeechProcess, VoiceSource

SENTENCES = (
    "Professional voice cloning lets you build an accurate copy of a voice from your own recordings.",
    "The quick brown fox jumps over the lazy dog while the farmer watches from the porch.",
    "She asked whether the meeting could be moved to Thursday afternoon at half past three.",
    "I never thought the old library would be so quiet on a Saturday morning.",
    "Honestly, it was one of the strangest and most wonderful trips we have ever taken together.",
    "Before the sun was up, the fishermen had already pulled their boats across the wet sand.",
)
MIN_OTHER_SECONDS = 3.0

Waveform = NDArray[np.float32]


def train(client: httpx.Client, recordings: Sequence[Path], *, minutes: int, model_id: str) -> dict[str, Any]:
    """Cartesia's documented flow: dataset, files, fine-tune, poll; gives the fine-tune as it ended."""
    dataset = client.post("/datasets", json={"name": "Bench", "description": ""}).raise_for_status().json()
    for path in recordings:
        with path.open("rb") as stream:
            files = {"file": (path.name, stream, "application/octet-stream")}
            client.post(f"/datasets/{dataset['id']}/files", files=files).raise_for_status()
    body = {
        "name": "Bench",
        "description": "",
        "language": "en",
        "model_id": model_id,
        "dataset": dataset["id"],
        "training_minutes": minutes,
    }
    fine_tune = client.post("/fine-tunes", json=body).raise_for_status().json()
    stage = ""
    pause = threading.Event()
    while fine_tune["status"] not in ("completed", "failed"):
        if fine_tune["stage"] != stage:
            stage = fine_tune["stage"]
            print(f"{time.strftime('%H:%M:%S')} {stage}", file=sys.stderr, flush=True)
        pause.wait(1.0)
        fine_tune = client.get(f"/fine-tunes/{fine_tune['id']}").raise_for_status().json()
    return dict(fine_tune)


def speak(client: httpx.Client, voice_id: str, model_id: str, folder: Path) -> list[Waveform]:
    """The sentences over the API, as waveforms at 24 kHz."""
    waveforms = []
    for number, sentence in enumerate(SENTENCES):
        body = {
            "model_id": model_id,
            "transcript": sentence,
            "voice": {"mode": "id", "id": voice_id},
            "output_format": {"container": "wav", "encoding": "pcm_s16le", "sample_rate": 24000},
        }
        answer = client.post("/tts/bytes", json=body).raise_for_status()
        assert answer.headers["X-Fine-Tune"] == "active"
        waveforms.append(_decoded(answer.content, folder / f"{voice_id}-{number}.wav"))
    return waveforms


def speak_base(speech: SpeechProcess, source: VoiceSource) -> list[Waveform]:
    """The sentences by a base model without a fine-tune."""
    return [
        np.concatenate([*speech.speak(SpeakingAs(source=source, text=sentence, language="en"))])
        for sentence in SENTENCES
    ]


class Scores:
    """Measures spoken sentences against recordings that were not trained on."""

    def __init__(self, others: Sequence[Waveform], weights_dir: Path) -> None:
        self._encoder = SpeakerEncoder()
        self._naturalness = Naturalness()
        self._transcriber = Transcriber(prepare_whisper(weights_dir))
        self._others = others

    def row(self, waveforms: Sequence[Waveform]) -> dict[str, float]:
        heard = [self._transcriber.transcribe(waveform, "en").text for waveform in waveforms]
        rates = [word_error_rate(said, text, "en") for said, text in zip(SENTENCES, heard, strict=True)]
        return {
            "similarity": self._encoder.similarity(waveforms, self._others),
            "word_error_rate": float(np.mean(rates)),
            "naturalness": float(np.mean([self._naturalness.score(waveform) for waveform in waveforms])),
        }


def _decoded(content: bytes, target: Path) -> Waveform:
    upload = target.with_suffix(".upload")
    upload.write_bytes(content)
    decode_to_wav(upload, target)
    return read_wav(target)[0]


def _recordings(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower().lstrip(".") in FORMATS)


def _others(folder: Path, recordings: Sequence[Path], scratch: Path) -> list[Waveform]:
    """Recordings of 3 s or more whose names are not among those that are trained on."""
    trained = {path.stem for path in recordings}
    waveforms = []
    for path in _recordings(folder):
        if path.stem not in trained:
            wav = scratch / f"other-{path.stem}.wav"
            if decode_to_wav(path, wav).duration_seconds >= MIN_OTHER_SECONDS:
                waveforms.append(read_wav(wav)[0])
    return waveforms


def main() -> None:
    """Run the bench and print what it found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", type=Path, required=True)
    parser.add_argument("--others", type=Path, required=True)
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--model", default="kokoro-82m-2025-01-27")
    parser.add_argument("--weights-dir", type=Path)
    parser.add_argument("--keep", type=Path, help="folder to keep the data folder and the spoken sentences in")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    work = options.keep or Path(tempfile.mkdtemp(prefix="bench-"))
    work.mkdir(parents=True, exist_ok=True)
    try:
        result = run(options, work)
    finally:
        if options.keep is None:
            shutil.rmtree(work, ignore_errors=True)
    print(json.dumps(result, indent=2) if options.json else _table(result))


def run(options: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Train, speak, and measure."""
    recordings = _recordings(options.recordings)
    data_dir = work / "data"
    weights_dir = options.weights_dir or data_dir / "weights"
    with serving(data_dir, options.weights_dir) as (url, pid):
        memory = PeakMemory(pid)
        with httpx.Client(base_url=url, timeout=300, headers={"Authorization": "Bearer any"}) as client:
            started = time.monotonic()
            fine_tune = train(client, recordings, minutes=options.minutes, model_id=options.model)
            minutes = (time.monotonic() - started) / 60
            if fine_tune["status"] != "completed":
                raise SystemExit(f"The training failed: {fine_tune['error']}")
            voices = client.get(f"/fine-tunes/{fine_tune['id']}/voices").raise_for_status().json()["data"]
            spoken = {voice["name"][-2:]: speak(client, voice["id"], options.model, work) for voice in voices}
        memory.close()
    scores = Scores(_others(options.others, recordings, work), weights_dir)
    speech = SpeechProcess(weights_dir)
    references = sorted((data_dir / "fine_tunes" / fine_tune["id"] / "references").glob("*.wav"))
    base = [
        scores.row(speak_base(speech, VoiceSource(model_id=options.model, reference_path=path))) for path in references
    ]
    speech.close()
    rows = {"base, same clips": {key: float(np.mean([row[key] for row in base])) for key in base[0]}}
    rows |= {name: scores.row(waveforms) for name, waveforms in sorted(spoken.items())}
    return {
        "recordings": len(recordings),
        "others": len(scores._others),
        "minutes": minutes,
        "stage_seconds": fine_tune["stage_seconds"],
        "peak_megabytes": memory.megabytes,
        "report": fine_tune["report"],
        "rows": rows,
    }


def _table(result: dict[str, Any]) -> str:
    lines = [f"{'':18} similarity   WER  naturalness"]
    for name, row in result["rows"].items():
        lines.append(f"{name:18} {row['similarity']:10.3f} {row['word_error_rate']:5.3f} {row['naturalness']:12.2f}")
    lines.append(
        f"{result['recordings']} recordings, against {result['others']} others; {result['minutes']:.1f} minutes"
    )
    lines.append(
        "seconds: " + ", ".join(f"{stage} {seconds:.0f}" for stage, seconds in result["stage_seconds"].items())
    )
    lines.append("peak MB: " + ", ".join(f"{kind} {peak:.0f}" for kind, peak in result["peak_megabytes"].items()))
    return "\n".join(lines)


if __name__ == "__main__":
    main()

"""Quality, time and memory of clones, made by a real server over plain HTTP from a folder of recordings.

Only the audio is trained on; the folder's `metadata.csv` (name|transcript) serves scoring. Of the recordings of 3 s or
more, `--held-out` are kept back to compare with (or `--others` are other recordings of the same speaker). Each run is
appended to `--results` (JSON lines, with the commit), and a run that is there already is not repeated: a bench that was
stopped goes on where it was. With `--table` alone it prints what is in the file.
"""

import argparse
import json
import platform
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray

from bench.pictures import save_spectrograms
from bench.scoring import Scores, letters_per_second, octaves_of, spread
from bench.sentences import SENTENCES
from bench.serving import ROOT, PeakMemory, serving
from model.audio import SAMPLE_RATE, read_wav, write_wav
from model.base_models import resolve
from model.decoding import FORMATS, decode_to_wav
from model.references import USUAL_SECONDS
from model.transcript_files import read_text_file
from model.transcription import Transcriber
from model.whisper_weights import prepare_whisper
from playground.speech_process import SpeakingAs, SpeechProcess, VoiceSource

Waveform = NDArray[np.float32]

MIN_COMPARED_SECONDS = 3.0
STRANGERS_SENTENCES = 3
VARIETY_CLIPS = 16
PICTURED_SECONDS = 5.0
STRANGERS = {
    "feminine": (
        "af_heart",
        "af_bella",
        "af_nicole",
        "af_sarah",
        "af_kore",
        "bf_emma",
        "ef_dora",
        "ff_siwis",
        "if_sara",
    ),
    "masculine": ("am_michael", "am_fenrir", "am_puck", "am_echo", "am_onyx", "bm_george", "em_alex", "im_nicola"),
}
COLUMNS = {
    "similarity": "sim",
    "normalized_similarity": "norm",
    "second_similarity": "norm2",
    "word_error_rate": "WER",
    "naturalness": "DMOS",
    "dnsmos": "DNSMOS",
    "f0_mean_hz": "F0 Hz",
    "f0_sd_octaves": "F0 sd",
    "letters_per_second": "let/s",
}


@dataclass(frozen=True, kw_only=True)
class Run:
    """One clone of the bench: which speaker, how long, and the seed that chooses what is kept back."""

    speaker: str
    language: str
    gender: str
    minutes: int
    seed: int

    @property
    def name(self) -> str:
        return f"{self.speaker}-{self.minutes}min-seed{self.seed}"


class Bench:
    """Runs clones and keeps what came of them."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._work: Path = options.work / current_commit()
        self._model_id = resolve(options.model).id
        self._weights_dir = options.weights_dir or options.work / "weights"
        self._texts = {
            given.stem: given.text
            for table in options.recordings.glob("metadata.csv")
            for given in read_text_file(table)
        }

    def run(self, run: Run) -> dict[str, Any]:
        """Train, speak, and measure."""
        work = self._work / run.name
        work.mkdir(parents=True, exist_ok=True)
        trained, compared = self._split(run.seed)
        training = _kept(work / "training.json", lambda: self._train(run, trained, work))
        folder = Path(training["folder"])
        speech = SpeechProcess(self._weights_dir)
        scores, rows = self._scored(run, speech, compared, work, folder / "references" / "V0.wav")
        variety = {}
        own = [path for path in compared if path.stem in self._texts]
        if own:
            texts = [self._texts[path.stem] for path in own]
            rows["recordings"] = scores.row(_decoded(own, work), texts, is_recorded=True).as_dict()
            variety = self._variety(run, speech, own, work, folder / "model")
            self._draw(run, speech, own, work, folder)
        speech.close()
        sentences = SENTENCES[run.language]
        for position in range(4):
            spoken = [read_wav(work / f"V{position}-{number}.wav")[0] for number in range(len(sentences))]
            rows[f"V{position}"] = scores.row(spoken, sentences).as_dict()
        return {
            "name": run.name,
            "commit": current_commit(),
            "model": self._model_id,
            "machine": f"{platform.machine()}, {cores()} cores",
            "recordings": len(trained),
            "compared_with": len(compared),
            "scale": scores.scale,
            "variety": variety,
            **training,
            "rows": rows,
        }

    def _split(self, seed: int) -> tuple[list[Path], list[Path]]:
        """Recordings to train on, and recordings of 3 s or more to compare with."""
        recordings = _recordings(self._options.recordings)
        if self._options.others:
            names = {path.stem for path in recordings}
            others = [path for path in _recordings(self._options.others) if path.stem not in names]
            return recordings, [path for path in others if _seconds(path) >= MIN_COMPARED_SECONDS]
        long = [path for path in recordings if _seconds(path) >= MIN_COMPARED_SECONDS]
        count = round(len(recordings) * self._options.held_out)
        kept_back = set(random.Random(seed).sample(long, k=min(count, len(long) // 2)))
        return [path for path in recordings if path not in kept_back], sorted(kept_back)

    def _train(self, run: Run, trained: Sequence[Path], work: Path) -> dict[str, Any]:
        """The documented flow over HTTP, then the sentences by each of the four voices, as files in `work`."""
        shutil.rmtree(work / "data", ignore_errors=True)
        with serving(work / "data", self._weights_dir) as (url, pid):
            memory = PeakMemory(pid)
            with httpx.Client(base_url=url, timeout=300, headers={"Authorization": "Bearer any"}) as client:
                started = time.monotonic()
                fine_tune = train(client, trained, run, self._model_id, on_stage=memory.enter)
                minutes = (time.monotonic() - started) / 60
                if fine_tune["status"] != "completed":
                    raise SystemExit(f"The training failed: {fine_tune['error']}")
                voices = client.get(f"/fine-tunes/{fine_tune['id']}/voices").raise_for_status().json()["data"]
                speed = [
                    speak(client, voice["id"], self._model_id, run, work / f"V{position}")
                    for position, voice in enumerate(sorted(voices, key=lambda voice: voice["name"]))
                ]
            memory.close()
        return {
            "minutes": round(minutes, 2),
            "real_time_factor": round(float(np.median(speed)), 3),
            "stage_seconds": fine_tune["stage_seconds"],
            "peak_megabytes": {kind: round(peak) for kind, peak in memory.megabytes.items()},
            "worker_megabytes": {stage: round(peak) for stage, peak in memory.of_worker.items() if stage},
            "report": fine_tune["report"],
            "folder": str(work / "data" / "fine_tunes" / fine_tune["id"]),
        }

    def _scored(
        self, run: Run, speech: SpeechProcess, compared: Sequence[Path], work: Path, reference: Path
    ) -> tuple[Scores, dict[str, dict[str, float]]]:
        """The scores, and the rows of what the base does without training."""
        sentences = SENTENCES[run.language]
        folder = self._work / f"stock-{run.language}"
        strangers = {
            name: self._spoken(speech, VoiceSource(model_id=self._model_id, stock_name=name), run, folder / name)
            for name in STRANGERS[run.gender]
        }
        scores = Scores(
            recordings=_decoded(compared, work),
            strangers=[one for spoken in strangers.values() for one in spoken],
            language=run.language,
            transcriber=Transcriber(prepare_whisper(self._weights_dir)),
        )
        nearest = max(strangers, key=lambda name: scores.similarity(strangers[name]))
        sources = {"nearest stock voice": VoiceSource(model_id=self._model_id, stock_name=nearest)}
        sources["base from one clip"] = VoiceSource(model_id=self._model_id, reference_path=reference)
        rows = {}
        for name, source in sources.items():
            spoken = self._spoken(speech, source, run, work / name.replace(" ", "-"), count=len(sentences))
            rows[name] = scores.row(spoken, sentences).as_dict()
        return scores, rows

    def _variety(
        self, run: Run, speech: SpeechProcess, recordings: Sequence[Path], work: Path, model: Path
    ) -> dict[str, float]:
        """Whether voices made of clips that were not trained on differ as those clips do: Spearman's rank
        correlation of median pitch, and of letters a second."""
        from scipy.stats import spearmanr

        usual = [path for path in recordings if USUAL_SECONDS[0] <= _seconds(path) <= USUAL_SECONDS[1]]
        clips = usual[:: max(len(usual) // VARIETY_CLIPS, 1)][:VARIETY_CLIPS]
        figures = []
        for path, waveform in zip(clips, _decoded(clips, work), strict=True):
            text = self._texts[path.stem]
            source = VoiceSource(
                model_id=self._model_id,
                folder=model,
                reference_path=_wav_of(path, work),
                reference_text=text,
            )
            sentences = SENTENCES[run.language][:STRANGERS_SENTENCES]
            spoken = self._spoken(speech, source, run, work / "variety" / path.stem)
            figures.append(
                (
                    np.median(octaves_of([waveform])),
                    np.median(octaves_of(spoken)),
                    letters_per_second([text], [waveform]),
                    letters_per_second(sentences, spoken),
                )
            )
        pitch, spoken_pitch, pace, spoken_pace = np.array(figures).T
        return {
            "clips": len(clips),
            "pitch": round(float(spearmanr(pitch, spoken_pitch).statistic), 3),
            "pace": round(float(spearmanr(pace, spoken_pace).statistic), 3),
        }

    def _spoken(
        self, speech: SpeechProcess, source: VoiceSource, run: Run, folder: Path, *, count: int = STRANGERS_SENTENCES
    ) -> list[Waveform]:
        """The first sentences, from the folder when they were spoken before."""
        folder.mkdir(parents=True, exist_ok=True)
        for number, sentence in enumerate(SENTENCES[run.language][:count]):
            path = folder / f"{number}.wav"
            if not path.exists():
                said = speech.speak(SpeakingAs(source=source, text=sentence, language=run.language))
                write_wav(path, np.concatenate([*said]), SAMPLE_RATE)
        return [read_wav(folder / f"{number}.wav")[0] for number in range(count)]

    def _draw(self, run: Run, speech: SpeechProcess, recordings: Sequence[Path], work: Path, folder: Path) -> None:
        """One sentence by the speaker, by V0, and by the base in the style of the same clip, as spectrograms."""
        path = min(recordings, key=lambda path: abs(_seconds(path) - PICTURED_SECONDS))
        base = VoiceSource(model_id=self._model_id, reference_path=folder / "references" / "V0.wav")
        tuned = replace(base, folder=folder / "model", style_path=folder / "styles" / "V0.safetensors")
        sources = {"fine-tuned, V0": tuned, "base, from the clip of V0": base}
        waveforms = {f"recording: {self._texts[path.stem]}": _decoded([path], work)[0]}
        for title, source in sources.items():
            said = speech.speak(SpeakingAs(source=source, text=self._texts[path.stem], language=run.language))
            waveforms[title] = np.concatenate([*said])
        save_spectrograms(work / "spectrograms.png", waveforms)


def train(
    client: httpx.Client, recordings: Sequence[Path], run: Run, model_id: str, *, on_stage: Callable[[str], None]
) -> dict[str, Any]:
    """Cartesia's documented flow: dataset, files, fine-tune, poll; gives the fine-tune as it ended."""
    dataset = client.post("/datasets", json={"name": run.name, "description": ""}).raise_for_status().json()
    for path in recordings:
        with path.open("rb") as stream:
            files = {"file": (path.name, stream, "application/octet-stream")}
            client.post(f"/datasets/{dataset['id']}/files", files=files).raise_for_status()
    body = {
        "name": run.name,
        "description": "",
        "language": run.language,
        "model_id": model_id,
        "dataset": dataset["id"],
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


def speak(client: httpx.Client, voice_id: str, model_id: str, run: Run, target: Path) -> float:
    """The sentences over the API into `TARGET-number.wav`; seconds of work for a second of speech (the median)."""
    factors = []
    for number, sentence in enumerate(SENTENCES[run.language]):
        body = {
            "model_id": model_id,
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


def _kept(path: Path, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `make` gives, or gave when it was run before."""
    if not path.exists():
        path.write_text(json.dumps(make(), indent=2))
    return dict(json.loads(path.read_text()))


def _recordings(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower().lstrip(".") in FORMATS)


def _seconds(path: Path) -> float:
    import av

    with av.open(str(path)) as container:
        return float(container.duration or 0) / av.time_base


def _wav_of(path: Path, scratch: Path) -> Path:
    return scratch / f"compared-{path.stem}.wav"


def _decoded(paths: Sequence[Path], scratch: Path) -> list[Waveform]:
    waveforms = []
    for path in paths:
        wav = _wav_of(path, scratch)
        if not wav.exists():
            decode_to_wav(path, wav)
        waveforms.append(read_wav(wav)[0])
    return waveforms


def current_commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def cores() -> int:
    import psutil

    return psutil.cpu_count() or 0


def table(records: Sequence[Mapping[str, Any]]) -> str:
    """Each run's rows, and means with spread over the four voices of all runs of one speaker and budget."""
    lines = []
    for record in records:
        lines.append(
            f"\n{record['name']} ({record['commit']}, {record['machine']}): {record['recordings']} recordings, "
            f"compared with {record['compared_with']}; {record['minutes']} minutes"
        )
        lines.append(f"{'':22}" + "".join(f"{title:>8}" for title in COLUMNS.values()))
        for name, row in record["rows"].items():
            lines.append(f"{name:22}" + "".join(f"{row[column]:8.3f}" for column in COLUMNS))
        voices = spread([row for name, row in record["rows"].items() if name.startswith("V")])
        lines.append(f"{'mean of V0..V3':22}" + "".join(f"{voices[column][0]:8.3f}" for column in COLUMNS))
        stages = ", ".join(f"{stage} {seconds:.0f}" for stage, seconds in record["stage_seconds"].items())
        lines.append(f"real-time factor {record['real_time_factor']}; seconds: {stages}")
        if record["variety"]:
            lines.append("rank correlation of {clips} clips: pitch {pitch}, pace {pace}".format(**record["variety"]))
        for title, peaks in (("", record["peak_megabytes"]), (" of the worker", record["worker_megabytes"])):
            lines.append(f"peak MB{title}: " + ", ".join(f"{name} {peak}" for name, peak in peaks.items()))
    groups: dict[str, list[dict[str, float]]] = {}
    for record in records:
        means = spread([row for name, row in record["rows"].items() if name.startswith("V")])
        group = groups.setdefault(record["name"].rpartition("-seed")[0], [])
        group.append({column: mean for column, (mean, _) in means.items()})
    for name, rows in groups.items():
        if len(rows) > 1:
            figures = ", ".join(f"{COLUMNS[c]} {mean:.3f} ± {sd:.3f}" for c, (mean, sd) in spread(rows).items())
            lines.append(f"\n{name}, {len(rows)} seeds: {figures}")
    return "\n".join(lines)


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=Path)
    parser.add_argument("--others", type=Path, help="compare with these recordings of the speaker; hold none back")
    parser.add_argument("--held-out", type=float, default=0.12, help="share of the recordings to keep back")
    parser.add_argument("--language", default="en", choices=sorted(SENTENCES))
    parser.add_argument("--gender", default="feminine", choices=sorted(STRANGERS))
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--model", default="kokoro-82m-2025-01-27")
    parser.add_argument("--weights-dir", type=Path)
    parser.add_argument("--work", type=Path, default=Path("bench-work"), help="folder for data and spoken sentences")
    parser.add_argument("--results", type=Path, default=Path("bench-results.jsonl"))
    parser.add_argument("--table", action="store_true", help="print the results and run nothing")
    options = parser.parse_args()
    options.work, options.results = options.work.resolve(), options.results.resolve()
    records = _read(options.results)
    if not options.table:
        if options.recordings is None:
            parser.error("--recordings is needed")
        bench = Bench(options)
        for seed in options.seeds:
            run = Run(
                speaker=options.recordings.resolve().name,
                language=options.language,
                gender=options.gender,
                minutes=options.minutes,
                seed=seed,
            )
            if all((record["name"], record["commit"]) != (run.name, current_commit()) for record in records):
                records.append(bench.run(run))
                with options.results.open("a") as file:
                    file.write(json.dumps(records[-1]) + "\n")
    print(table(records))


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


if __name__ == "__main__":
    main()

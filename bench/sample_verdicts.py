"""What single recordings are called: in every format, spoilt, untouched, damaged."""

import random
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench import spoiling
from bench.material import files_of
from bench.spoiling import Waveform
from model.audio import SAMPLE_RATE, EncodedFormat, decode_to_wav, encode_file, read_wav, write_wav
from model.fingerprint import fingerprint_of, is_same
from model.inspection import Detectors, inspect_file
from model.quality import Kind
from playground.inspector import Inspector
from playground.parts import Parts, make_parts
from playground.reviewer import Reviewer
from playground.services.clone_form import CloneForm
from playground.settings import Settings
from storage.records import DatasetFile

FFMPEG: dict[str, Sequence[str]] = {
    "wav": ("-c:a", "pcm_u8", "-ar", "44100"),
    "wav 32 bit 192 kHz": ("-c:a", "pcm_s32le", "-ar", "192000"),
    "wav float 5.1": ("-c:a", "pcm_f32le", "-ac", "6"),
    "mp3": (),
    "flac": (),
    "ogg": (),
    "oga": ("-c:a", "flac"),
    "ogx": ("-c:a", "libvorbis", "-f", "ogg"),
    "opus": (),
    "aac": (),
    "m4a": (),
    "wma": (),
    "ac3": (),
    "webm": ("-c:a", "libopus"),
    "aiff": (),
    "caf": (),
    "au": (),
    "mpga": ("-f", "mp3"),
    "mpeg": ("-c:a", "mp2"),
    "mp4": ("-f", "lavfi", "-i", "testsrc=size=64x64:rate=5", "-shortest"),
    "mov": ("-f", "lavfi", "-i", "testsrc=size=64x64:rate=5", "-shortest"),
    "mkv": ("-f", "lavfi", "-i", "testsrc=size=64x64:rate=5", "-shortest"),
}
"""What a kind of file is made with beside its suffix, by the program ffmpeg."""

UNTOUCHED_FILES = 20
HANG_SECONDS = 10.0
DAMAGED_SECONDS = 6
DAMAGED_CONTAINERS = ("wav", "mp3", "flac", "opus", "aac")


@dataclass(frozen=True, kw_only=True)
class Verdicts:
    """Judges in this process; `speakers` are prompts by language."""

    speakers: dict[str, list[Waveform]]
    folder: Path
    weights_dir: Path | None

    def formats(self, ffmpeg: str) -> dict[str, Any]:
        """The same speech in every format, made by another program: its verdict, and whether it is known again."""
        wav = self.folder / "speech.wav"
        write_wav(wav, next(iter(self._files_of(self._first, 1))), SAMPLE_RATE)
        original, detectors = fingerprint_of(wav), Detectors()
        rows = {}
        for kind, arguments in FFMPEG.items():
            source = self.folder / f"made.{kind.split()[0]}"
            program = [ffmpeg, "-y", "-loglevel", "error", "-i", str(wav), *arguments, str(source)]
            subprocess.run(program, check=True)
            found = inspect_file(source, self.folder / "inspected", detectors=detectors)
            recording = found.report.recording
            rows[kind] = {
                "codec": recording.codec,
                "hertz": recording.sample_rate,
                "seconds": round(recording.duration_seconds, 2),
                "verdict": found.report.verdict,
                "findings": [one.kind for one in found.report.findings],
                "known_again": is_same(original, found.fingerprint),
            }
        return rows

    def spoilt(self, music: Path) -> dict[str, Any]:
        """Spoilt copies, and files that nobody touched, of each speaker: what each is called."""
        return {language: self._judged(language, music) for language in self.speakers}

    def _judged(self, language: str, music_file: Path) -> dict[str, Any]:
        files = list(self._files_of(language, UNTOUCHED_FILES + 1))
        base, other = files.pop(), next(iter(self._files_of(self._other(language), 1)))
        music = self._decoded(music_file)
        spoilt: dict[tuple[str, Kind], Waveform] = {
            ("clipped", Kind.CLIPPING): spoiling.clipped(base),
            ("clipped, then turned down", Kind.CLIPPING): spoiling.clipped(base, ceiling=0.6),
            **{(f"noise {db} dB", Kind.NOISE): spoiling.noisy(base, db) for db in (20, 10, 5)},
            ("telephone", Kind.BANDWIDTH): spoiling.telephone(base),
            ("-40 LUFS", Kind.LOUDNESS): spoiling.quiet(base, -40),
            ("music 15 dB below", Kind.MUSIC): spoiling.with_music(base, music, 15),
            ("another speaker in it", Kind.SPEAKER): np.concatenate([base, other[: 10 * SAMPLE_RATE]]),
            ("another speaker", Kind.SPEAKER): other,
            ("a room of 0.7 s", Kind.REVERBERATION): spoiling.reverberant(base, 0.7),
            ("half silence", Kind.PAUSES): spoiling.half_silent(base),
        }
        with self._playground() as parts:
            wanted = {f"untouched {number:02}": file for number, file in enumerate(files)}
            wanted |= {name: waveform for (name, _), waveform in spoilt.items()}
            rows = self._verdicts(parts, wanted, language, apart=[name for name, _ in spoilt])
        with self._playground() as parts:
            few = {f"untouched {number:02}": file for number, file in enumerate(files[:3])}
            foreign = self._verdicts(parts, few, self._other(language))
        named = {name: _summed(rows[name], kind) for name, kind in spoilt}
        named["another language"] = _summed(foreign["untouched 00"], Kind.LANGUAGE)
        untouched = [file for name, file in rows.items() if name.startswith("untouched")]
        return {
            "spoilt": named,
            "named_rightly": f"{sum(row['named'] for row in named.values())} of {len(named)}",
            "untouched": dict(Counter(file.verdict for file in untouched)),
            "untouched_findings": dict(Counter(one["kind"] for file in untouched for one in file.findings)),
        }

    def _verdicts(
        self, parts: Parts, waveforms: dict[str, Waveform], language: str, *, apart: Sequence[str] = ()
    ) -> dict[str, DatasetFile]:
        """Judge files as one dataset; of those `apart`, which are copies of one, each is removed before the next."""
        dataset = parts.datasets.create("Bench")
        parts.fine_tuning.create_draft(CloneForm(language=language), dataset_id=dataset.id)
        inspector, reviewer = Inspector(parts), Reviewer(parts)
        rows: dict[str, DatasetFile] = {}
        for group in ([name for name in waveforms if name not in apart], *([name] for name in apart)):
            added = {name: self._add(parts, dataset.id, name, waveforms[name]) for name in group}
            while inspector.inspect_next():
                pass
            reviewer.review_next()
            rows |= {name: parts.datasets.get_file(file.id) for name, file in added.items()}
            for name in set(group) & set(apart):
                parts.datasets.remove_file(added[name].id)
        return rows

    def _add(self, parts: Parts, dataset_id: str, name: str, waveform: Waveform) -> DatasetFile:
        path = self.folder / "upload.wav"
        peak = max(float(np.abs(waveform).max()), 1.0)
        write_wav(path, waveform / peak, SAMPLE_RATE)
        file = parts.datasets.add_file(dataset_id, f"{name}.wav", path)
        assert isinstance(file, DatasetFile)
        return file

    def mutated(self, count: int) -> dict[str, Any]:
        """Damaged files through the inspector: how they end, the slowest, and what is left in scratch folders."""
        rng = random.Random(0)
        waveform = next(iter(self._files_of(self._first, 1)))[: DAMAGED_SECONDS * SAMPLE_RATE]
        wholes = []
        for container in DAMAGED_CONTAINERS:
            encode_file(iter([waveform]), SAMPLE_RATE, EncodedFormat(container=container), self.folder / "whole")
            wholes.append((self.folder / "whole").read_bytes())
        tempfile.tempdir = tempfile.mkdtemp(dir=self.folder)  # nobody else's files are counted
        seconds: list[float] = []
        with self._playground() as parts:
            inspector = Inspector(parts)
            for number in range(count):
                dataset = parts.datasets.create("Bench")
                path = self.folder / "upload"
                path.write_bytes(spoiling.mutated(rng.choice(wholes), rng))
                parts.datasets.add_file(dataset.id, f"{number}.wav", path)
                started = time.perf_counter()
                inspector.inspect_next()
                seconds.append(time.perf_counter() - started)
            with parts.storage.read() as tables:
                files = tables.files.where()
            left = len(list(parts.storage.media.scratch.iterdir()))
        left_in_temp = len(list(Path(tempfile.tempdir).iterdir()))
        tempfile.tempdir = None
        return {
            "files": len(files),
            "verdicts": dict(Counter(file.verdict for file in files)),
            "unexplained": [file.reason for file in files if "could not be read (" in file.reason],
            "slowest_seconds": round(max(seconds), 2),
            "hangs": sum(one > HANG_SECONDS for one in seconds),
            "left_in_scratch": left,
            "left_in_temporary_folder": left_in_temp,
        }

    @property
    def _first(self) -> str:
        return next(iter(self.speakers))

    def _other(self, language: str) -> str:
        return next(one for one in self.speakers if one != language)

    def _files_of(self, language: str, count: int) -> Iterator[Waveform]:
        return files_of(self.speakers[language], count)

    def _decoded(self, source: Path) -> Waveform:
        decode_to_wav(source, self.folder / "decoded.wav")
        return read_wav(self.folder / "decoded.wav")[0]

    @contextmanager
    def _playground(self) -> Iterator[Parts]:
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            parts = make_parts(Settings(data_dir=Path(folder), weights_dir=self.weights_dir))
            yield parts
            parts.speech_process.close()


def _summed(file: DatasetFile, kind: Kind) -> dict[str, Any]:
    """What a spoilt file was called, and whether that was it."""
    kinds = [one["kind"] for one in file.findings]
    return {"verdict": file.verdict, "named": kind in kinds and file.verdict != "good", "findings": kinds}

"""The process that judges uploaded recordings and cuts them into clips, and unpacks archives, one after the other.

Run as `python -m playground.inspector`. A file that kills it is tried once more and then rejected.
"""

import errno
import faulthandler
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from model.audio import Recording, make_preview
from model.errors import ModelError
from model.inspection import Detectors, inspect_file
from model.quality import FileReport
from model.segmentation import CutClip
from playground.parts import Parts, make_parts
from playground.processes import begin_background, stop
from playground.services.errors import ServiceError
from playground.services.findings import columns_of, duplicate_columns, rejected_columns
from playground.services.twins import Twins
from playground.services.unpacking import Unpacker, is_archive
from playground.settings import Settings
from storage.errors import NotFound
from storage.locks import take_lock
from storage.records import Clip, DatasetFile

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parent.parent
IDLE_SECONDS = 0.3
REVIEWER_STOP_SECONDS = 5.0
MAX_INSPECTIONS = 2
LIMIT_SECONDS = 300.0
LIMIT_SECONDS_PER_BYTE = 20 / 1024**2
"""An hour of speech takes about a minute alone on two cores; at 24 kbit/s it has 11 MB."""

PLAYABLE_CONTAINERS = ("wav", "mp3", "flac")
"""What every browser plays as it is."""


class Inspector:
    """Takes files without a verdict, oldest first."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._media = parts.storage.media
        self._unpacker = Unpacker(parts.storage, parts.settings, parts.given_texts)
        self._twins = Twins(parts.storage)
        self._detectors = Detectors()
        self._reviewer: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Until the process that started this one is gone."""
        parent = os.getppid()
        idle = threading.Event()
        with (self._parts.settings.data_dir / "inspector.lock").open("w") as lock, self._reviewing():
            while os.getppid() == parent:
                if not take_lock(lock, waits=False):
                    idle.wait(IDLE_SECONDS)
                elif not self.inspect_next():
                    self._media.remove_leftovers()
                    self._start_review()
                    idle.wait(IDLE_SECONDS)

    @contextmanager
    def _reviewing(self) -> Iterator[None]:
        """The review that was started last ends with the block."""
        try:
            yield
        finally:
            if self._reviewer is not None:
                stop([self._reviewer], seconds=REVIEWER_STOP_SECONDS)

    def _start_review(self) -> None:
        """Let another process compare the recordings of a dataset, when they have changed and none runs.

        Its networks need much memory, which goes back with the process.
        """
        if self._reviewer is not None and self._reviewer.poll() is None:
            return
        with self._parts.storage.read() as tables:
            if tables.datasets.next_to_review() is not None:
                self._reviewer = subprocess.Popen([sys.executable, "-m", "playground.reviewer"], cwd=ROOT)

    def inspect_next(self) -> bool:
        """Judge one file; False when none waits."""
        with self._parts.storage.write() as tables:
            file = tables.files.next_to_inspect()
            if file is None:
                return False
            file = tables.files.update(file.id, inspections=file.inspections + 1)
        if file.inspections > MAX_INSPECTIONS:
            self._reject(file, self._crash_in_words(file))
            return True
        try:
            if self._is_archive(file):
                self._unpacker.unpack(file)
            else:
                self._inspect(file)
        except (ModelError, ServiceError) as error:
            self._reject(file, str(error))
        except NotFound:
            self._discard(file)
        except (SystemExit, KeyboardInterrupt):
            self._give_back(file)
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                log.warning("the disk is full: %s waits until there is room", file.id)
                self._give_back(file)
                return False
            log.exception("inspecting %s failed", file.id)
            self._reject(file, f"“{file.filename}” could not be read ({type(error).__name__}: {error}).")
        return True

    def _is_archive(self, file: DatasetFile) -> bool:
        return is_archive(file.filename, self._media.path(file.path))

    def _crash_in_words(self, file: DatasetFile) -> str:
        if self._is_archive(file):
            return f"Unpacking “{file.filename}” was broken off {MAX_INSPECTIONS} times. Split it, or add its files."
        return f"Reading “{file.filename}” made the decoder crash. Convert it to WAV or FLAC."

    def _inspect(self, file: DatasetFile) -> None:
        with self._media.scratch_folder() as scratch, _time_limit(file.size):
            source = self._media.path(file.path)
            inspected = inspect_file(source, scratch, name=f"“{file.filename}”", detectors=self._detectors)
            recording = inspected.report.recording
            twin = self._twins.of(file, recording.duration_seconds, inspected.fingerprint)
            if twin is not None and not self._twins.is_outdone(twin, inspected.report):
                with self._parts.storage.write() as tables:
                    tables.files.update(file.id, duration_seconds=recording.duration_seconds, **duplicate_columns(twin))
                return
            self._twins.remember(file, inspected.fingerprint, scratch)
            folder = self._media.file_folder(file.dataset_id, file.id)
            clips = [self._kept(clip, file, folder / "clips") for clip in inspected.clips]
            preview = self._preview(recording, scratch / "recording.wav", folder / "preview.mp3")
            with self._parts.storage.write() as tables:
                tables.files.update(file.id, preview_path=preview, **_columns(inspected.report))
                if twin is not None:
                    self._twins.take_over(tables, file, twin)
                tables.datasets.update(file.dataset_id, is_review_due=True)
                for clip in clips:
                    tables.clips.insert(clip)
                self._parts.given_texts.begin(tables, file)
        if twin is not None:
            self._twins.clear(twin)

    def _kept(self, clip: CutClip, file: DatasetFile, folder: Path) -> Clip:
        return Clip(
            dataset_id=file.dataset_id,
            file_id=file.id,
            path=self._media.move_in(clip.path, folder / clip.path.name),
            start_seconds=clip.start_seconds,
            duration_seconds=clip.duration_seconds,
        )

    def _preview(self, recording: Recording, wav: Path, target: Path) -> str:
        """The relative path of an mp3 for the page's player, where no browser plays the upload itself."""
        if recording.container in PLAYABLE_CONTAINERS:
            return ""
        make_preview(wav, target)
        return self._media.relative(target)

    def _give_back(self, file: DatasetFile) -> None:
        """Leave a file to the next try, without counting this one."""
        with self._parts.storage.write() as tables:
            tables.files.update(file.id, inspections=file.inspections - 1)

    def _discard(self, file: DatasetFile) -> None:
        """Remove what was made of a file that was removed meanwhile."""
        log.info("file %s was removed while it was inspected", file.id)
        self._media.remove(self._media.file_folder(file.dataset_id, file.id))

    def _reject(self, file: DatasetFile, reason: str) -> None:
        self._media.remove(self._media.file_folder(file.dataset_id, file.id) / "clips")
        try:
            with self._parts.storage.write() as tables:
                tables.files.update(file.id, usable_seconds=0.0, **rejected_columns(reason))
                tables.remove_clips_of(file.id)
        except NotFound:
            self._discard(file)


def _columns(report: FileReport) -> dict[str, Any]:
    """What a file's row keeps of a report."""
    recording = report.recording
    return {
        **columns_of(report.findings),
        "duration_seconds": recording.duration_seconds,
        "usable_seconds": report.usable_seconds,
        "sample_rate": recording.sample_rate,
        "bandwidth_hz": recording.bandwidth_hz,
        "loudness_lufs": recording.loudness_lufs,
        "snr_db": report.snr_db,
        "clipping_ratio": recording.clipping_ratio,
        "music_share": report.music_share,
        "decay_seconds": report.decay_seconds,
        "left_out": {str(part.reason): part.seconds for part in report.left_out},
    }


@contextmanager
def _time_limit(size_bytes: int) -> Iterator[None]:
    """End the process, with a trace of where it stood, when a file keeps its decoder busy without end."""
    faulthandler.dump_traceback_later(LIMIT_SECONDS + size_bytes * LIMIT_SECONDS_PER_BYTE, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def main() -> None:
    """Entry of the process."""
    settings = Settings()
    begin_background(settings.log_level, lower_by=5)
    Inspector(make_parts(settings)).run()


if __name__ == "__main__":
    main()

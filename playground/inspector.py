"""The process that judges uploaded recordings and cuts them into clips, and unpacks archives, one after the other.

Run as `python -m playground.inspector`. A file that kills it is tried once more and then rejected.
"""

import errno
import logging
import os
import shutil
import signal
import sys
import threading
from functools import cached_property
from pathlib import Path
from types import FrameType

from model.audio import Recording, make_preview
from model.errors import ModelError
from model.voice_activity import VoiceActivityDetector
from playground.parts import Parts, make_parts
from playground.processes import is_only_one, lower_priority, set_up_logging, share_processors
from playground.services.errors import ServiceError
from playground.services.unpacking import Unpacker, is_archive
from playground.settings import Settings
from storage.errors import NotFound
from storage.records import Clip, DatasetFile

log = logging.getLogger(__name__)

IDLE_SECONDS = 0.3
MAX_INSPECTIONS = 2
PLAYABLE_CONTAINERS = ("wav", "mp3", "flac")
"""What every browser plays as it is."""


class Inspector:
    """Takes files without a verdict, oldest first."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._media = parts.storage.media
        self._unpacker = Unpacker(parts.storage, parts.settings, parts.given_texts)

    @cached_property
    def _detector(self) -> VoiceActivityDetector:
        return VoiceActivityDetector()

    def run(self) -> None:
        """Until the process that started this one is gone."""
        parent = os.getppid()
        idle = threading.Event()
        with (self._parts.settings.data_dir / "inspector.lock").open("w") as lock:
            while os.getppid() == parent:
                if not (is_only_one(lock) and self.inspect_next()):
                    idle.wait(IDLE_SECONDS)

    def inspect_next(self) -> bool:
        """Judge one file; False when none waits."""
        with self._parts.storage.write() as tables:
            file = tables.files.next_to_inspect()
            if file is None:
                return False
            file = tables.files.update(file.id, inspections=file.inspections + 1)
        if file.inspections > MAX_INSPECTIONS:
            self._reject(file, f"Reading “{file.filename}” made the decoder crash. Convert it to WAV or FLAC.")
            return True
        try:
            if is_archive(file.filename, self._media.path(file.path)):
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

    def _inspect(self, file: DatasetFile) -> None:
        from model.quality import inspect_file

        with self._media.scratch_folder() as scratch:
            report, cut = inspect_file(
                self._media.path(file.path), scratch, name=f"“{file.filename}”", detector=self._detector
            )
            recording = report.recording
            folder = self._media.file_folder(file.dataset_id, file.id)
            clips = [
                Clip(
                    dataset_id=file.dataset_id,
                    file_id=file.id,
                    path=self._media.move_in(clip.path, folder / "clips" / clip.path.name),
                    start_seconds=clip.start_seconds,
                    duration_seconds=clip.duration_seconds,
                )
                for clip in cut
            ]
            preview = self._preview(recording, scratch / "recording.wav", folder / "preview.mp3")
            with self._parts.storage.write() as tables:
                tables.files.update(
                    file.id,
                    verdict=str(report.verdict),
                    reason=f"{report.reason} {report.advice}".strip(),
                    duration_seconds=recording.duration_seconds,
                    usable_seconds=report.usable_seconds,
                    sample_rate=recording.sample_rate,
                    bandwidth_hz=recording.bandwidth_hz,
                    loudness_lufs=recording.loudness_lufs,
                    snr_db=report.snr_db,
                    clipping_ratio=recording.clipping_ratio,
                    preview_path=preview,
                )
                for clip in clips:
                    tables.clips.insert(clip)
        self._parts.given_texts.settle(file)

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
        folder: Path = self._media.file_folder(file.dataset_id, file.id) / "clips"
        shutil.rmtree(folder, ignore_errors=True)
        try:
            with self._parts.storage.write() as tables:
                tables.files.update(file.id, verdict="rejected", reason=reason)
        except NotFound:
            self._discard(file)


def _leave(signum: int, frame: FrameType | None) -> None:
    sys.exit(0)


def main() -> None:
    """Entry of the process."""
    settings = Settings()
    set_up_logging(settings.log_level)
    share_processors()
    signal.signal(signal.SIGTERM, _leave)
    lower_priority(5)
    Inspector(make_parts(settings)).run()


if __name__ == "__main__":
    main()

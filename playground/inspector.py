"""The process that judges uploaded recordings and cuts them into clips, one file after the other.

Run as `python -m playground.inspector`. A file that kills it is tried once more and then rejected.
"""

import logging
import os
import shutil
import threading
from pathlib import Path

from model.errors import ModelError
from playground.parts import Parts, make_parts
from playground.processes import lower_priority, new_owner, set_up_logging
from playground.settings import Settings
from storage.errors import NotFound
from storage.records import Clip, DatasetFile

log = logging.getLogger(__name__)

IDLE_SECONDS = 0.3
MAX_INSPECTIONS = 2


class Inspector:
    """Takes files without a verdict, oldest first."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._media = parts.storage.media
        self._owner = new_owner()

    def run(self) -> None:
        """Until the process that started this one is gone."""
        parent = os.getppid()
        idle = threading.Event()
        while os.getppid() == parent:
            if not self.inspect_next():
                idle.wait(IDLE_SECONDS)

    def inspect_next(self) -> bool:
        """Judge one file; False when none waits."""
        with self._parts.storage.write() as tables:
            file = tables.files.next_to_inspect()
            if file is None:
                return False
            file = tables.files.update(file.id, inspections=file.inspections + 1, inspector=self._owner)
        if file.inspections > MAX_INSPECTIONS:
            self._reject(file, f"Reading “{file.filename}” made the decoder crash. Convert it to WAV or FLAC.")
            return True
        try:
            self._inspect(file)
        except ModelError as error:
            self._reject(file, str(error))
        except NotFound:
            log.info("file %s was removed while it was inspected", file.id)
        except Exception as error:
            log.exception("inspecting %s failed", file.id)
            self._reject(file, f"“{file.filename}” could not be read ({type(error).__name__}: {error}).")
        return True

    def _inspect(self, file: DatasetFile) -> None:
        from model.quality import inspect_file

        folder = self._media.file_folder(file.dataset_id, file.id)
        with self._media.scratch_folder() as scratch:
            inspection = inspect_file(self._media.path(file.path), scratch, name=file.filename)
            report = inspection.report
            clips = [
                Clip(
                    dataset_id=file.dataset_id,
                    file_id=file.id,
                    path=self._media.move_in(clip.path, folder / "clips" / clip.path.name),
                    start_seconds=clip.start_seconds,
                    duration_seconds=clip.duration_seconds,
                )
                for clip in inspection.clips
            ]
            preview = inspection.preview
            with self._parts.storage.write() as tables:
                tables.files.update(
                    file.id,
                    verdict=report.verdict,
                    reason=report.reason,
                    duration_seconds=report.duration_seconds,
                    usable_seconds=sum(clip.duration_seconds for clip in clips),
                    sample_rate=report.sample_rate,
                    bandwidth_hz=report.bandwidth_hz,
                    loudness_lufs=report.loudness_lufs,
                    snr_db=report.snr_db,
                    clipping_ratio=report.clipping_ratio,
                    preview_path=self._media.move_in(preview, folder / "preview.mp3") if preview else "",
                )
                for clip in clips:
                    tables.clips.insert(clip)
        self._parts.datasets.apply_transcripts(file.dataset_id)

    def _reject(self, file: DatasetFile, reason: str) -> None:
        folder: Path = self._media.file_folder(file.dataset_id, file.id) / "clips"
        shutil.rmtree(folder, ignore_errors=True)
        try:
            with self._parts.storage.write() as tables:
                tables.files.update(file.id, verdict="rejected", reason=reason)
        except NotFound:
            log.info("file %s was removed while it was inspected", file.id)


def main() -> None:
    """Entry of the process."""
    settings = Settings()
    set_up_logging(settings.log_level)
    lower_priority(5)
    Inspector(make_parts(settings)).run()


if __name__ == "__main__":
    main()

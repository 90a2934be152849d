"""Copies of one recording in a dataset, in another format or spoilt: the best of them counts, once."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from model.fingerprint import Fingerprint, is_same
from model.quality import FileReport, Kind, Verdict, verdict_of
from playground.services.findings import duplicate_columns, findings_of
from storage.database import Storage, Tables
from storage.records import DatasetFile, TranscriptSource

_FINGERPRINT = "fingerprint.npy"
_LONGER_SECONDS = 1.0
"""Codecs add up to 0.1 s of silence."""
_WIDER = 1.2
"""Times the bandwidth, of which one can hear that it is more."""
_BY_REVIEW = {Kind.SPEAKER, Kind.LANGUAGE}
_MEASURED = ("sample_rate", "bandwidth_hz", "loudness_lufs", "snr_db", "clipping_ratio", "music_share", "decay_seconds")
_UNMEASURED: dict[str, Any] = {**dict.fromkeys(_MEASURED), "usable_seconds": 0.0, "left_out": {}}
"""Of a copy that does not count nothing shows in what the page says of the dataset."""


class Twins:
    """Knows a recording again by the fingerprint beside its clips."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._media = storage.media

    def of(self, file: DatasetFile, seconds: float, fingerprint: Fingerprint) -> DatasetFile | None:
        """The copy that counts."""
        near = "dataset_id = ? and id != ? and verdict != 'rejected' and abs(duration_seconds - ?) < ?"
        with self._storage.read() as tables:
            candidates = tables.files.where(near, [file.dataset_id, file.id, seconds, _LONGER_SECONDS])
        for candidate in candidates:
            with suppress(FileNotFoundError):  # of an earlier release, or removed at this moment
                if is_same(np.load(self._folder(candidate) / _FINGERPRINT), fingerprint):
                    return candidate
        return None

    def remember(self, file: DatasetFile, fingerprint: Fingerprint, scratch: Path) -> None:
        np.save(scratch / _FINGERPRINT, fingerprint)
        self._media.move_in(scratch / _FINGERPRINT, self._folder(file) / _FINGERPRINT)

    def is_outdone(self, twin: DatasetFile, report: FileReport) -> bool:
        """Whether a copy is better than the one that counts: of a better verdict, or with more of the treble.

        A copy stays whose clips a person has changed.
        """
        with self._storage.read() as tables:
            clips = tables.clips.of_file(twin.id)
        if any(clip.is_excluded or clip.transcript_source == TranscriptSource.EDITED for clip in clips):
            return False
        verdicts = list(Verdict)
        ours = verdicts.index(verdict_of(report.findings))
        theirs = verdicts.index(verdict_of([one for one in findings_of(twin) if one.kind not in _BY_REVIEW]))
        return ours < theirs or (
            ours == theirs and _width(report.recording.bandwidth_hz) > _WIDER * _width(twin.bandwidth_hz)
        )

    def take_over(self, tables: Tables, file: DatasetFile, twin: DatasetFile) -> None:
        """From now on `file` counts, and `twin`, if it is still there, and its duplicates are duplicates of it."""
        for other in tables.files.where("id = ? or duplicate_of = ?", [twin.id, twin.id]):
            tables.files.update(other.id, **_UNMEASURED, **duplicate_columns(file))
        tables.remove_clips_of(twin.id)

    def clear(self, twin: DatasetFile) -> None:
        """Remove the clips of one that does not count any more."""
        self._media.remove(self._folder(twin) / "clips")

    def _folder(self, file: DatasetFile) -> Path:
        return self._media.file_folder(file.dataset_id, file.id)


def _width(bandwidth_hz: float | None) -> float:
    return bandwidth_hz or 0.0

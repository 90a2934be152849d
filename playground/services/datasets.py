"""Datasets and their recordings: create, add, inspect, remove, and what they amount to."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from model.files import sha256_of
from model.transcript_files import is_text_file
from playground.services.errors import Conflict, Refused, TooLarge
from playground.services.findings import duplicate_columns, rejected_columns
from playground.services.given_texts import GivenTexts, TakenTexts
from playground.settings import Settings
from storage.database import Storage, Tables
from storage.media import Media
from storage.records import Clip, Dataset, DatasetFile, new_id
from storage.table import Page

MINIMUM_SECONDS = 60.0
RECOMMENDED_SECONDS = 30 * 60.0
IDEAL_SECONDS = 120 * 60.0
REJECTED = "rejected"


@dataclass(frozen=True, kw_only=True)
class DatasetSummary:
    """What a dataset amounts to in figures; services/overview.py says what they mean."""

    dataset: Dataset
    files: int
    pending: int
    rejected: int
    usable_seconds: float
    total_seconds: float

    @property
    def usable_minutes(self) -> float:
        return self.usable_seconds / 60


class Datasets:
    """The use cases of datasets."""

    def __init__(self, storage: Storage, settings: Settings, given_texts: GivenTexts) -> None:
        self._storage = storage
        self._settings = settings
        self._given_texts = given_texts

    def create(self, name: str, description: str = "") -> Dataset:
        dataset = Dataset(name=_checked_name(name), description=description)
        with self._storage.write() as tables:
            return tables.datasets.insert(dataset)

    def get(self, dataset_id: str) -> Dataset:
        """Raises NotFound."""
        with self._storage.read() as tables:
            return tables.datasets.get(dataset_id)

    def page(
        self, *, limit: int = 10, starting_after: str | None = None, ending_before: str | None = None
    ) -> Page[Dataset]:
        with self._storage.read() as tables:
            return tables.datasets.page(limit=limit, starting_after=starting_after, ending_before=ending_before)

    def summaries(self, search: str = "") -> list[DatasetSummary]:
        """All datasets whose name holds `search`, newest first."""
        with self._storage.read() as tables:
            found = tables.datasets.where(
                "instr(lower(name), lower(?)) or ? = ''",
                [search, search],
                order_by="created_at desc, rowid desc",
            )
            return [_summary(dataset, tables.files.of_dataset(dataset.id)) for dataset in found]

    def summary(self, dataset_id: str) -> DatasetSummary:
        """Raises NotFound."""
        with self._storage.read() as tables:
            return _summary(tables.datasets.get(dataset_id), tables.files.of_dataset(dataset_id))

    def set_noise_reduction(self, dataset_id: str, *, is_on: bool) -> Dataset:
        """Whether the next trainings take noise out of its clips, which is done in advance; raises NotFound."""
        with self._storage.write() as tables:
            due = is_on or tables.datasets.get(dataset_id).is_review_due
            return tables.datasets.update(dataset_id, reduces_noise=is_on, is_review_due=due)

    def noisiest_clip(self, dataset_id: str) -> Clip | None:
        """The first clip of the recording with the most noise, to hear what noise reduction does; None when none is."""
        noisiest = "select file_id from clips join files on files.id = file_id where clips.dataset_id = ?"
        with self._storage.read() as tables:
            found = tables.clips.where(
                f"file_id = ({noisiest} order by snr_db is null, snr_db limit 1)", [dataset_id], limit=1
            )
            return found[0] if found else None

    def update(self, dataset_id: str, *, name: str, description: str | None = None) -> Dataset:
        """Rename or describe; raises NotFound."""
        changes = {"name": _checked_name(name)}
        if description is not None:
            changes["description"] = description
        with self._storage.write() as tables:
            return tables.datasets.update(dataset_id, **changes)

    def delete(self, dataset_id: str) -> None:
        """Delete the dataset and its recordings; finished clones keep their own reference clips.

        Raises NotFound, and Conflict while a training uses it.
        """
        with self._storage.write() as tables:
            dataset = tables.datasets.get(dataset_id)
            _refuse_in_use(tables, dataset)
            for table in (tables.clip_edits, tables.clips, tables.transcripts, tables.files):
                table.delete_where("dataset_id = ?", [dataset_id])
            for draft in tables.fine_tunes.where("dataset_id = ?", [dataset_id]):
                tables.fine_tunes.update(draft.id, dataset_id=None)
            tables.datasets.delete(dataset_id)
        self._storage.media.remove(self._storage.media.dataset_folder(dataset_id))

    def files(self, dataset_id: str) -> list[DatasetFile]:
        """All recordings in the order they came; raises NotFound."""
        with self._storage.read() as tables:
            tables.datasets.get(dataset_id)
            return tables.files.of_dataset(dataset_id)

    def files_page(
        self,
        dataset_id: str,
        *,
        limit: int = 10,
        starting_after: str | None = None,
        ending_before: str | None = None,
    ) -> Page[DatasetFile]:
        with self._storage.read() as tables:
            tables.datasets.get(dataset_id)
            return tables.files.page(
                "dataset_id = ?",
                [dataset_id],
                limit=limit,
                starting_after=starting_after,
                ending_before=ending_before,
            )

    def get_file(self, file_id: str) -> DatasetFile:
        """Raises NotFound."""
        with self._storage.read() as tables:
            return tables.files.get(file_id)

    def file_path(self, file: DatasetFile, *, playable: bool = False) -> Path:
        """The upload itself, or what a browser can play of it."""
        return self._storage.media.path((playable and file.preview_path) or file.path)

    def add_file(self, dataset_id: str, filename: str, source: Path) -> DatasetFile | TakenTexts:
        """Take a recording, or a zip of recordings, in by moving it; it is inspected afterwards, by another process.

        A transcript (`.txt`, `.csv`, `.srt`, `.vtt`) is read at once. An exact duplicate gets a row that says so.
        Raises NotFound, TooLarge and TranscriptUnreadable; in any case the source is gone then.
        """
        filename = Path(filename.replace("\\", "/")).name or "upload"
        try:
            size = source.stat().st_size
            if size > self._settings.max_upload_bytes:
                limit = self._settings.max_upload_bytes / 1024**2
                raise TooLarge(f"“{filename}” has {size / 1024**2:,.0f} MB; {limit:,.0f} MB are allowed.")
            if is_text_file(filename):
                return self._given_texts.take(dataset_id, filename, source)
            digest = sha256_of(source)
            with self._storage.write() as tables:
                return insert_recording(
                    tables, self._storage.media, source, dataset_id=dataset_id, filename=filename, sha256=digest
                )
        finally:
            source.unlink(missing_ok=True)

    def remove_file(self, file_id: str) -> None:
        """Remove a recording and its clips; a training that runs keeps its own. Raises NotFound."""
        with self._storage.write() as tables:
            file = tables.files.get(file_id)
            tables.remove_clips_of(file_id)
            tables.files.delete(file_id)
            tables.files.free_duplicates(file_id)
            tables.datasets.update(file.dataset_id, is_review_due=True)
        self._storage.media.remove(self._storage.media.file_folder(file.dataset_id, file_id))


def insert_recording(
    tables: Tables, media: Media, source: Path, *, dataset_id: str, filename: str, sha256: str, reason: str = ""
) -> DatasetFile:
    """Move a recording in and give it a row that waits to be inspected; with a `reason`, one that is rejected.

    An exact duplicate of a file that is of use is rejected, and says of which. Raises NotFound.
    """
    dataset = tables.datasets.get(dataset_id)
    same = "dataset_id = ? and sha256 = ? and verdict != 'rejected'"
    twin = next(iter(tables.files.where(same, [dataset.id, sha256], limit=1)), None)
    verdict = rejected_columns(reason) if reason else duplicate_columns(twin) if twin else {}
    file_id = new_id("file")
    size = source.stat().st_size
    return tables.files.insert(
        DatasetFile(
            id=file_id,
            dataset_id=dataset.id,
            filename=filename,
            size=size,
            sha256=sha256,
            path=media.move_in(source, media.file_folder(dataset_id, file_id) / "upload"),
            **verdict,
        )
    )


def _checked_name(name: str) -> str:
    if not name.strip():
        raise Refused("Give the dataset a name.")
    return name.strip()


def _refuse_in_use(tables: Tables, dataset: Dataset) -> None:
    using = tables.fine_tunes.using_dataset(dataset.id)
    if using:
        raise Conflict(
            f"“{dataset.name}” is in use by the training of “{using[0].name}”. Cancel it, or wait until it has ended."
        )


def _summary(dataset: Dataset, files: Sequence[DatasetFile]) -> DatasetSummary:
    return DatasetSummary(
        dataset=dataset,
        files=len(files),
        pending=sum(file.is_pending for file in files),
        rejected=sum(file.verdict == REJECTED for file in files),
        usable_seconds=sum(file.usable_seconds for file in files),
        total_seconds=sum(file.duration_seconds or 0 for file in files),
    )

"""Rows that tests start from: datasets with speech that counts as checked."""

from pathlib import Path

import soundfile

from playground.parts import Parts
from playground.services.clone_form import CloneForm
from storage.records import Clip, Dataset, DatasetFile, FineTune

TINY = "tiny-2026-11-01"


def checked_dataset(parts: Parts, *, clips: int = 20, seconds: float = 5.0, audio: Path | None = None) -> Dataset:
    """A dataset of one file that is checked and cut into clips of `seconds` each."""
    dataset = parts.datasets.create("Recordings")
    media = parts.storage.media
    with parts.storage.write() as tables:
        file = tables.files.insert(
            DatasetFile(
                dataset_id=dataset.id,
                filename="a.wav",
                size=1,
                sha256="0",
                path="",
                verdict="good",
                usable_seconds=clips * seconds,
                duration_seconds=clips * seconds,
            )
        )
        for number in range(clips):
            path = media.file_folder(dataset.id, file.id) / "clips" / f"{number}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            if audio is None:
                path.write_bytes(b"clip")
            else:
                soundfile.write(path, *soundfile.read(audio))
            tables.clips.insert(
                Clip(
                    dataset_id=dataset.id,
                    file_id=file.id,
                    path=media.relative(path),
                    start_seconds=number * seconds,
                    duration_seconds=seconds,
                )
            )
    return dataset


def queued(parts: Parts, *, name: str = "Ada") -> FineTune:
    """A clone that waits for a worker."""
    draft = parts.fine_tuning.create_draft(CloneForm(name=name, model_id=TINY), dataset_id=checked_dataset(parts).id)
    return parts.fine_tuning.train(draft.id, minutes=10, consented=True)

"""Where media lie under the data folder: by id, written aside and renamed, named by relative paths."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from storage.locks import locked
from storage.records import Clip

UPLOADS = "uploads"
NEW = "new-"
"""How folders in `scratch` begin that their maker has not locked yet."""


class Media:
    """The files of a data folder. Rows hold what `relative` gives; `path` turns it back."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir

    @property
    def scratch(self) -> Path:
        """For files in the making, on the same disk, so that a rename is enough."""
        folder = self.data_dir / "tmp"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def page_uploads(self) -> Path:
        """Where the page keeps what is dropped into it until that is taken in; the page removes what is old."""
        folder = self.scratch / UPLOADS
        folder.mkdir(exist_ok=True)
        return folder

    def path(self, relative: str) -> Path:
        return self.data_dir / relative

    def relative(self, path: Path) -> str:
        return path.relative_to(self.data_dir).as_posix()

    def dataset_folder(self, dataset_id: str) -> Path:
        return self.data_dir / "datasets" / dataset_id

    def file_folder(self, dataset_id: str, file_id: str) -> Path:
        """The upload, its preview and its clips."""
        return self.dataset_folder(dataset_id) / file_id

    def clip_without_noise(self, clip: Clip) -> Path:
        """Where the copy of a clip with less noise is kept, if it was made."""
        return self.file_folder(clip.dataset_id, clip.file_id) / "without_noise" / f"{clip.id}.wav"

    def fine_tune_folder(self, fine_tune_id: str) -> Path:
        return self.data_dir / "fine_tunes" / fine_tune_id

    def speech_path(self, speech_id: str) -> Path:
        return self.data_dir / "speeches" / f"{speech_id}.wav"

    def preview_path(self, voice_id: str) -> Path:
        return self.data_dir / "previews" / f"{voice_id}.wav"

    def voice_folder(self, voice_id: str) -> Path:
        """The clip and the style of a voice made from one clip."""
        return self.data_dir / "voices" / voice_id

    def remove_voice(self, voice_id: str) -> None:
        """Remove what a voice has of its own."""
        self.remove(self.preview_path(voice_id))
        self.remove(self.voice_folder(voice_id))

    @contextmanager
    def scratch_folder(self) -> Iterator[Path]:
        """A folder in `scratch` that goes when the block ends; locked, so that all can see whether it is in use."""
        new = Path(tempfile.mkdtemp(dir=self.scratch, prefix=NEW))
        with locked(new):
            folder = new.rename(new.with_name(new.name.removeprefix(NEW)))
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def remove_leftovers(self) -> None:
        """Remove the scratch folders of processes that were killed."""
        for folder in self.scratch.iterdir():
            if folder.name == UPLOADS or folder.name.startswith(NEW):
                continue
            with suppress(FileNotFoundError), locked(folder, waits=False) as is_unused:
                if is_unused:
                    shutil.rmtree(folder, ignore_errors=True)

    def move_in(self, source: Path, target: Path) -> str:
        """Move a file to its place and give its relative path."""
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(source, target)
        return self.relative(target)

    def link_in(self, source: Path, target: Path) -> str:
        """Give a file a second name (a copy where the disk has no hard links), and give its relative path."""
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        try:
            os.link(source, target)
        except OSError:
            aside = target.with_suffix(".part")
            shutil.copyfile(source, aside)
            aside.replace(target)
        return self.relative(target)

    def remove(self, path: Path) -> None:
        """Delete a file or a folder with all in it; nothing happens when it is gone already."""
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)

    def free_bytes(self) -> int:
        """Free space of the disk that holds the data folder."""
        return shutil.disk_usage(self.data_dir).free

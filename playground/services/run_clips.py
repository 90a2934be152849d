"""The clips of a run: fixed when it is queued, so that its dataset may change meanwhile."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from model.accents import primary_language
from model.engines.protocol import TrainingClip
from model.files import written_aside
from model.noise_reduction import NoiseReducer
from storage.database import Storage, Tables
from storage.records import Clip, FineTune


@dataclass(frozen=True, kw_only=True)
class RunClip:
    """A clip as a run has fixed it; `path` is relative to the data folder."""

    id: str
    path: str
    transcript: str
    duration_seconds: float
    is_heard: bool = False
    """Whether recognition is done with it: it has listened, even if it heard no words, or the time for it was up."""
    is_noisy: bool = False
    """Whether its noise is still to be reduced, as its dataset asks for."""


class RunClips:
    """Those of one fine-tune: a list in its folder, and the audio there under names of its own."""

    def __init__(self, storage: Storage, fine_tune: FineTune) -> None:
        self._storage = storage
        self._media = storage.media
        self._fine_tune = fine_tune
        self._dataset_id = fine_tune.dataset_id or ""
        self._folder = storage.media.fine_tune_folder(fine_tune.id)
        self._list = self._folder / "clips.json"

    def fix(self, tables: Tables) -> None:
        """Take the clips that the dataset has now."""
        dataset = tables.datasets.find(self._dataset_id)
        reduces_noise = dataset is not None and dataset.reduces_noise
        rows = tables.clips.where("dataset_id = ? and not is_excluded", [self._dataset_id])
        self.write([self._fixed(row, reduces_noise=reduces_noise) for row in rows])

    def fix_when_checked(self) -> int:
        """Fix the clips unless they are, and give how many files are still being checked (0 when fixed)."""
        with self._storage.write() as tables:
            if self._list.exists():
                return 0
            pending = sum(file.is_pending for file in tables.files.of_dataset(self._dataset_id))
            if not pending:
                self.fix(tables)
            return pending

    def forget(self) -> None:
        """Before another attempt: the dataset may have changed. Without one, the run's own clips stay."""
        if self._fine_tune.dataset_id is not None:
            self._list.unlink(missing_ok=True)

    def read(self) -> list[RunClip]:
        """The clips that the run has fixed; none when it never had any."""
        if not self._list.exists():
            return []
        return [RunClip(**clip) for clip in json.loads(self._list.read_text(encoding="utf-8"))]

    def write(self, clips: Sequence[RunClip]) -> None:
        """Replace the list."""
        with written_aside(self._list) as part:
            part.write_text(json.dumps([asdict(clip) for clip in clips], ensure_ascii=False), encoding="utf-8")

    def path(self, clip: RunClip) -> Path:
        """Where its audio lies."""
        return self._media.path(clip.path)

    def with_words(self) -> list[TrainingClip]:
        """Those that have a transcript, as an engine takes them.

        A copy with less noise is another clip than the original: an engine goes on from no checkpoint of the other.
        """
        return [
            TrainingClip(
                id=Path(clip.path).stem,
                path=self.path(clip),
                transcript=clip.transcript,
                duration_seconds=clip.duration_seconds,
            )
            for clip in self.read()
            if any(character.isalnum() for character in clip.transcript)
        ]

    def with_known_texts(self, clips: Sequence[RunClip]) -> list[RunClip]:
        """The clips with what the dataset knows of them by now; those that it no longer has stay as they are."""
        with self._storage.read() as tables:
            rows = {clip.id: clip for clip in tables.clips.of_dataset(self._dataset_id)}
        language = self._fine_tune.language
        return [
            replace(clip, transcript=_text(row, language), is_heard=_is_heard(row, language))
            if (row := rows.get(clip.id)) and (_text(row, language) or _is_heard(row, language))
            else clip
            for clip in clips
        ]

    def reduce_noise(self, reducer: NoiseReducer) -> Iterator[tuple[int, int]]:
        """Give noisy clips files of their own with less noise; the recordings stay. Yields which of how many is done.

        Raises AudioError and WeightsUnavailable.
        """
        clips = self.read()
        if not any(clip.is_noisy for clip in clips):
            return
        for number, clip in enumerate(clips):
            if clip.is_noisy:
                source = self.path(clip)
                target = source.with_name(_without_noise(clip.id))
                reducer.reduce_clip(source, target)
                clips[number] = replace(clip, path=self._media.relative(target), is_noisy=False)
                yield number + 1, len(clips)
        self.write(clips)

    def _fixed(self, clip: Clip, *, reduces_noise: bool) -> RunClip:
        """The run's own name for a clip, or for its copy with less noise, where one is wanted and was made already."""
        quieter = self._media.clip_without_noise(clip)
        is_quieter = reduces_noise and quieter.exists()
        source = quieter if is_quieter else self._media.path(clip.path)
        name = _without_noise(clip.id) if is_quieter else f"{clip.id}.wav"
        language = self._fine_tune.language
        return RunClip(
            id=clip.id,
            path=self._media.link_in(source, self._folder / "clips" / name),
            transcript=_text(clip, language),
            duration_seconds=clip.duration_seconds,
            is_heard=_is_heard(clip, language),
            is_noisy=reduces_noise and not is_quieter,
        )


def _without_noise(clip_id: str) -> str:
    """What a run calls the copy of a clip with less noise."""
    return f"{clip_id}-without-noise.wav"


def _is_heard(clip: Clip, language: str) -> bool:
    """Whether recognition has listened to a clip in the language of the run."""
    return clip.heard is not None and clip.language == primary_language(language)


def _text(clip: Clip, language: str) -> str:
    """A clip's transcript if it is a person's, or was heard in the language of the run; else nothing."""
    is_fit = clip.transcript_source.is_persons or _is_heard(clip, language)
    return clip.transcript if is_fit else ""

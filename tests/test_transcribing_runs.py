"""How much of its recordings a run listens to."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from model.transcription import Transcript
from playground.parts import Parts
from playground.services import run_hearing
from playground.services.run_clips import RunClips
from playground.services.run_hearing import RunHearing
from playground.services.run_time import RunTime
from storage.records import FineTune
from tests.making import queued


class Recogniser:
    """Hears a word in every clip, two clips at a time as the real one does."""

    def transcribe_many(self, paths: Iterable[Path], language: str) -> Iterator[Transcript]:
        waiting = []
        for path in paths:
            waiting.append(path)
            if len(waiting) == 2:
                yield from (Transcript(text=one.stem, confidence=1.0, language=language) for one in waiting)
                waiting = []
        yield from (Transcript(text=one.stem, confidence=1.0, language=language) for one in waiting)


def _hear(parts: Parts, fine_tune: FineTune) -> list[tuple[int, int]]:
    """Carry out the stage; gives its steps."""
    recogniser: Any = Recogniser()
    hearing = RunHearing(
        fine_tune,
        clips=RunClips(parts.storage, fine_tune),
        hearing=parts.hearing,
        transcriber=recogniser,
        run_time=RunTime(fine_tune),
    )
    return list(hearing.carry_out())


def _transcribed(parts: Parts) -> FineTune:
    """20 clips of 5 s."""
    fine_tune = queued(parts)
    assert all(0 <= done <= wanted for done, wanted in _hear(parts, fine_tune))
    return fine_tune


def _heard(parts: Parts, fine_tune: FineTune) -> list[str]:
    return [clip.id for clip in RunClips(parts.storage, fine_tune).read() if clip.transcript]


def test_all_is_heard_when_it_is_little(parts: Parts) -> None:
    fine_tune = _transcribed(parts)
    clips = RunClips(parts.storage, fine_tune).read()
    assert [clip.transcript for clip in clips] == [Path(clip.path).stem for clip in clips]


def test_no_more_is_heard_than_a_run_learns_from(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_hearing, "HEARD_SECONDS", 30.0)
    fine_tune = _transcribed(parts)
    heard = _heard(parts, fine_tune)
    assert len(heard) == 6


def test_hearing_stops_when_its_share_of_the_time_is_spent(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_hearing, "HEARD_SHARE", 0.0)
    monkeypatch.setattr(run_hearing, "HEARD_AT_LEAST_SECONDS", 40.0)
    fine_tune = _transcribed(parts)
    assert len(_heard(parts, fine_tune)) == 9


def test_a_second_attempt_hears_only_what_is_missing(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_hearing, "HEARD_SECONDS", 50.0)
    fine_tune = _transcribed(parts)
    before = _heard(parts, fine_tune)
    assert _hear(parts, fine_tune) == [(0, 0)]
    assert _heard(parts, fine_tune) == before


def test_a_worker_that_takes_a_run_over_goes_on_with_the_same_clips(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its checkpoint is one of those clips; another Retry begins anew."""
    monkeypatch.setattr(run_hearing, "HEARD_SHARE", 0.0)
    monkeypatch.setattr(run_hearing, "HEARD_AT_LEAST_SECONDS", 40.0)
    fine_tune = _transcribed(parts)
    before = _heard(parts, fine_tune)
    assert _hear(parts, fine_tune) == [(0, 0)]
    assert _heard(parts, fine_tune) == before


def test_what_is_heard_counts_though_its_dataset_is_gone(parts: Parts) -> None:
    fine_tune = queued(parts)
    dataset_id = fine_tune.dataset_id or ""
    parts.fine_tuning.cancel(fine_tune.id)
    parts.datasets.delete(dataset_id)
    again = parts.fine_tuning.retry(fine_tune.id)
    assert again.dataset_id is None
    assert {wanted for _, wanted in _hear(parts, again)} == {20}
    assert len(_heard(parts, again)) == 20

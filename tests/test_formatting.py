"""Words and marks that people read."""

import pytest

from playground import formatting
from playground.services.runs import CANCELLED
from storage.records import DatasetFile, FineTune, Status, TrainingEvent


def make_clone(**changes: object) -> FineTune:
    return FineTune(**{"name": "Ada", "model_id": "tiny-2026-11-01", **changes})  # type: ignore[arg-type]


def make_file(**changes: object) -> DatasetFile:
    known = {"dataset_id": "d", "filename": "a.wav", "size": 1, "sha256": "", "path": ""}
    return DatasetFile(**{**known, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seconds", "words"), [(None, "–"), (0, "0:00"), (7.4, "0:07"), (59.6, "1:00"), (243, "4:03"), (3723, "1:02:03")]
)
def test_clock(seconds: float | None, words: str) -> None:
    assert formatting.clock(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (59.9, "59 seconds"),
        (60, "1 minute"),
        (252, "4.2 minutes"),
        (2220, "37 minutes"),
    ],
)
def test_an_amount_of_speech(seconds: float, words: str) -> None:
    assert formatting.minutes(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, ""), (5, "less than a minute left"), (50, "about 1 minute left"), (1300, "about 22 minutes left")],
)
def test_time_left_is_no_more_exact_than_it_is(seconds: float | None, words: str) -> None:
    assert formatting.time_left(seconds) == words


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 B"), (512, "512 B"), (115_712, "113 KB"), (4_404_019, "4.2 MB"), (1_395_864_371, "1.3 GB")],
)
def test_size(size: int, words: str) -> None:
    assert formatting.size(size) == words


@pytest.mark.parametrize(("amount", "words"), [(1_000_000.0, "1,000,000"), (40.5, "40.5"), (0, "0"), (-0.0, "0")])
def test_credits_keep_their_halves(amount: float, words: str) -> None:
    assert formatting.credits(amount) == words


@pytest.mark.parametrize(
    ("number", "word"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (22, "22nd")]
)
def test_ordinal(number: int, word: str) -> None:
    assert formatting.ordinal(number) == word


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "Draft"),
        ({"status": Status.CREATED}, "Training · waiting, 2nd"),
        ({"status": Status.TRAINING, "progress": 0.428}, "Training · 43 %"),
        ({"status": Status.TRAINING, "cancel_requested": True}, "Training · cancelling"),
        ({"status": Status.COMPLETED}, "Completed"),
        ({"status": Status.FAILED, "error_code": "disk"}, "Failed"),
        ({"status": Status.FAILED, "error_code": CANCELLED}, "Failed · cancelled by you"),
    ],
)
def test_status_words(changes: dict[str, object], words: str) -> None:
    assert formatting.status_words(make_clone(**changes), position=2) == words


def test_a_file_that_waits_for_its_verdict_says_so() -> None:
    assert "Checking…" in formatting.verdict_chip(make_file())


def test_a_little_clipping_is_not_called_none() -> None:
    assert "not clipped" in formatting.loudness(make_file(loudness_lufs=-19.2, clipping_ratio=0.0))
    assert "barely clipped" in formatting.loudness(make_file(loudness_lufs=-19.2, clipping_ratio=3e-5))
    assert "1.30 % clipped" in formatting.loudness(make_file(loudness_lufs=-19.2, clipping_ratio=0.013))


def test_figures_that_are_not_there_are_dashes() -> None:
    empty = make_file()
    assert {formatting.length(empty), formatting.loudness(empty), formatting.noise(None), formatting.rate(empty)} == {
        "–"
    }


def test_what_people_write_is_escaped() -> None:
    assert "<script>" not in formatting.chip("<script>", "plain")


def make_events(losses: list[float | None], *, attempt: int = 1, stage: str = "voice") -> list[TrainingEvent]:
    return [
        TrainingEvent(fine_tune_id="f", attempt=attempt, stage=stage, step=step, steps=len(losses), loss=loss)
        for step, loss in enumerate(losses)
    ]


def test_a_falling_loss_draws_a_falling_curve() -> None:
    drawn = formatting.loss_curves(make_events([3.0, 2.0, 1.0]))
    points = [tuple(map(float, point.split(","))) for point in drawn.split('points="')[1].split('"')[0].split()]
    assert [x for x, _ in points] == sorted(x for x, _ in points)
    assert [y for _, y in points] == sorted(y for _, y in points), "y grows downwards as the loss falls"


def test_only_the_latest_attempt_is_drawn_one_curve_a_stage() -> None:
    events = (
        make_events([9.0, 8.0])
        + make_events([3.0, 2.0], attempt=2)
        + make_events([1.0, 0.5], attempt=2, stage="prosody")
    )
    drawn = formatting.loss_curves(events)
    assert drawn.count("<svg") == 2
    assert "loss 9" not in drawn


def test_no_curve_before_there_are_losses() -> None:
    assert formatting.loss_curves(make_events([None, None])) == ""
    assert formatting.loss_curves([]) == ""


def test_a_long_run_draws_few_points() -> None:
    drawn = formatting.loss_curves(make_events([1 / (step + 1) for step in range(5000)]))
    assert len(drawn.split('points="')[1].split('"')[0].split()) <= formatting.CURVE_POINTS

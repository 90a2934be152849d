"""The check at the end of a training: which strength of a fine-tune speaks."""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from model.audio import write_wav
from model.engines.protocol import TrainingClip
from playground.services import checking, voice_check
from playground.services.checking import NATURALNESS_LOST, Gates, Heard
from playground.services.voice_check import VoiceCheck
from playground.speech_process import VoiceSource
from storage.media import Media
from storage.records import FineTune, Voice

GATES = Gates(naturalness=4.2 + NATURALNESS_LOST, most_word_errors=0.05)


class Engine:
    """Keeps the strength that was set."""

    strengths = (0.7, 0.6, 0.5)

    def __init__(self) -> None:
        self.strength = 0.0

    def set_strength(self, folder: Path, strength: float) -> None:
        self.strength = strength


class Listener:
    """Hears the strength in every waveform, and a problem at some strengths."""

    def __init__(self, silent: Sequence[float] = ()) -> None:
        self._silent = silent

    def hear(self, source: VoiceSource) -> Heard:
        strength = source.strength or 0.0
        problems = ["it is silent"] if strength in self._silent else []
        return Heard(waveforms=[np.full(1, strength)], word_error_rate=0.0, problems=problems, seconds=1.0)


class Judge:
    """Looks the strength up in a table of naturalness and word error rate."""

    def __init__(self, figures: dict[float, tuple[float, float]]) -> None:
        self._figures = figures

    def row(self, name: str, waveforms: Sequence[np.ndarray], word_error_rate: float | None) -> dict[str, Any]:
        naturalness, rate = self._figures[float(waveforms[0][0])]
        return {"name": name, "similarity": 0.9, "naturalness": naturalness, "word_error_rate": rate}


def _check(
    tmp_path: Path, *, engine: Any = None, stock_word_error_rate: float = 0.0, silent: Sequence[float] = ()
) -> VoiceCheck:
    fine_tune = FineTune(name="Ada", language="en", model_id="kokoro-82m-2025-01-27")
    stock: Any = SimpleNamespace(word_error_rate=stock_word_error_rate, waveforms=[])
    listener: Any = Listener(silent)
    return VoiceCheck(
        fine_tune=fine_tune, engine=engine, folder=tmp_path, media=Media(tmp_path), listener=listener, stock=stock
    )


def _chosen(tmp_path: Path, figures: dict[float, tuple[float, float]], silent: Sequence[float] = ()) -> float:
    engine: Any = Engine()
    check = _check(tmp_path, engine=engine, silent=silent)
    voice = Voice(name="V0", language="en", model_id="kokoro-82m-2025-01-27", style_path="style")
    judge: Any = Judge(figures)
    list(check._hear_at_best([voice], judge, GATES))
    assert check.report["strength"] == engine.strength
    return engine.strength


def test_the_greatest_strength_that_passes_is_taken(tmp_path: Path) -> None:
    assert _chosen(tmp_path, {0.7: (4.1, 0.0), 0.6: (4.25, 0.0), 0.5: (4.5, 0.0)}) == 0.6


def test_the_report_keeps_what_was_heard_of_each_strength(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = {0.7: (4.1, 0.0), 0.6: (4.3, 0.04), 0.5: (4.5, 0.0), 0.0: (4.6, 0.0)}
    tried = _carried_out(tmp_path, monkeypatch, Judge(figures).row).report["tried"]
    assert [(one["strength"], one["naturalness"], one["word_error_rate"]) for one in tried] == [
        (0.7, 4.1, 0.0),
        (0.6, 4.3, 0.04),
    ]


def test_the_greatest_strength_of_all_is_taken_only_if_it_hardly_loses_naturalness(tmp_path: Path) -> None:
    assert _chosen(tmp_path, {0.7: (4.31, 0.0), 0.6: (4.25, 0.0), 0.5: (4.5, 0.0)}) == 0.7
    assert _chosen(tmp_path, {0.7: (4.29, 0.0), 0.6: (4.38, 0.0), 0.5: (4.5, 0.0)}) == 0.6


def test_what_loses_just_as_much_as_it_may_passes(tmp_path: Path) -> None:
    gates = Gates(naturalness=4.4, most_word_errors=0.05)
    assert gates.passed_by({"naturalness": 4.35, "word_error_rate": 0.0}, lost=0.05)
    assert Gates.between({"naturalness": 4.4}, {"naturalness": 4.4, "word_error_rate": 0.235}).understood(
        {"word_error_rate": 0.335}
    )


def test_a_weaker_one_that_is_less_natural_too_is_not_taken(tmp_path: Path) -> None:
    assert _chosen(tmp_path, {0.7: (4.29, 0.0), 0.6: (4.25, 0.0), 0.5: (4.5, 0.0)}) == 0.7
    assert _chosen(tmp_path, {0.7: (4.29, 0.1), 0.6: (4.25, 0.0), 0.5: (4.5, 0.0)}) == 0.6


def test_recordings_that_were_trained_on_tell_of_naturalness_too_but_no_single_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "clip.wav"
    write_wav(path, np.zeros(2400, dtype=np.float32), 24_000)
    trained = [
        TrainingClip(id=str(number), path=path, transcript="", duration_seconds=1.0 + 4 * (number % 2))
        for number in range(20)
    ]
    figures = {0.7: (4.4, 0.0), 0.0: (4.6, 0.0)}
    report = _carried_out(tmp_path, monkeypatch, Judge(figures).row, trained).report
    assert report["rows"][0]["naturalness"] == 10


def test_of_more_recordings_the_naturalness_counts_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    class Encoder:
        def embed_many(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
            return np.stack([waveform[:2] / np.linalg.norm(waveform[:2]) for waveform in waveforms])

    monkeypatch.setattr(checking, "SpeakerEncoder", Encoder)
    monkeypatch.setattr(checking, "Naturalness", lambda: SimpleNamespace(score=lambda waveform: waveform[2]))
    recordings = [np.array([1.0, 0.0, 4.0]), np.array([1.0, 0.0, 4.2])]
    judge = checking.Judge(recordings)
    alone, with_more = (
        judge.row("Recordings", recordings, None, also=also) for also in ([], [np.array([0.0, 1.0, 3.2])])
    )
    assert (alone["naturalness"], with_more["naturalness"]) == (4.1, 3.8)
    assert alone["similarity"] == with_more["similarity"] == 1.0


def test_what_is_not_understood_does_not_pass(tmp_path: Path) -> None:
    assert _chosen(tmp_path, {0.7: (4.6, 0.1), 0.6: (4.5, 0.06), 0.5: (4.4, 0.05)}) == 0.5


def test_a_strength_whose_speech_is_none_is_not_taken(tmp_path: Path) -> None:
    assert _chosen(tmp_path, {0.7: (4.6, 0.0), 0.6: (4.5, 0.0), 0.5: (4.4, 0.0)}, silent=[0.7]) == 0.6
    assert _chosen(tmp_path, {0.7: (4.1, 0.0), 0.6: (4.0, 0.0), 0.5: (3.9, 0.0)}, silent=[0.7]) == 0.6


def test_when_none_passes_the_most_natural_that_is_understood_is_taken(tmp_path: Path) -> None:
    assert _chosen(tmp_path, {0.7: (3.9, 0.0), 0.6: (4.0, 0.0), 0.5: (4.1, 0.2)}) == 0.6


def test_when_none_is_understood_the_best_understood_is_taken(tmp_path: Path) -> None:
    assert _chosen(tmp_path, {0.7: (4.1, 0.2), 0.6: (4.0, 0.1), 0.5: (4.3, 0.3)}) == 0.6


def test_when_none_is_understood_what_ends_no_training_is_taken(tmp_path: Path) -> None:
    assert _chosen(tmp_path, {0.7: (4.1, 0.06), 0.6: (4.0, 0.1), 0.5: (4.3, 0.3)}, silent=[0.7]) == 0.6
    assert _chosen(tmp_path, {0.7: (4.1, 0.3), 0.6: (4.0, 0.1), 0.5: (4.3, 0.3)}, silent=[0.7]) == 0.6


def test_a_strength_at_which_one_voice_is_not_understood_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the mean of the voices it would pass, and then end the training."""

    def row(name: str, waveforms: Sequence[np.ndarray], rate: float | None) -> dict[str, Any]:
        mumbles = name == "V2" and waveforms[0][0] == 0.7
        return {"name": name, "similarity": 0.9, "naturalness": 4.6, "word_error_rate": 0.4 if mumbles else 0.0}

    monkeypatch.setattr(voice_check, "WER_OF_ONE_ABOVE", 0.1)
    gates = Gates(naturalness=4.4, most_word_errors=0.1)
    check = _carried_out(tmp_path, monkeypatch, row, gates=gates).report
    assert [one["word_error_rate"] for one in check["tried"]] == [0.1, 0.0]
    assert check["strength"] == 0.6


def test_speech_whose_naturalness_is_no_number_is_said_to_be_none(tmp_path: Path) -> None:
    none = (float("nan"), 1.0)
    check = _check(tmp_path, engine=Engine(), silent=[0.7, 0.6, 0.5])
    voice = Voice(name="V0", language="en", model_id="kokoro-82m-2025-01-27", style_path="style")
    judge: Any = Judge({0.7: none, 0.6: none, 0.5: none})
    list(check._hear_at_best([voice], judge, GATES))
    assert check.report["passed_gates"] is False


def test_what_passes_the_gate_or_hardly_fails_it_does_not_end_a_training(tmp_path: Path) -> None:
    check = _check(tmp_path, stock_word_error_rate=0.25)
    gate = Gates.between({"naturalness": 4.4}, {"naturalness": 4.7, "word_error_rate": 0.25}).most_word_errors
    assert check._not_understood([gate + 0.02] * 4) == []


def test_the_gates_lie_below_the_lesser_of_recordings_and_stock_voice() -> None:
    gates = Gates.between({"naturalness": 4.4}, {"naturalness": 4.7, "word_error_rate": 0.01})
    assert not gates.passed_by({"naturalness": 4.39 - NATURALNESS_LOST, "word_error_rate": 0.02})
    assert gates.passed_by({"naturalness": 4.3, "word_error_rate": 0.02})
    assert not gates.passed_by({"naturalness": 4.3, "word_error_rate": 0.2})


def test_voices_that_are_misheard_too_often_on_the_whole_are_a_problem(tmp_path: Path) -> None:
    assert _check(tmp_path)._not_understood([0.2, 0.3, 0.1, 0.3]) == [
        "The four voices: 22% of the words of the test sentences were not understood; 20% are allowed."
    ]


def test_one_voice_of_four_may_be_misheard_somewhat_more_often(tmp_path: Path) -> None:
    check = _check(tmp_path)
    assert check._not_understood([0.05, 0.05, 0.34, 0.05]) == []
    problems = check._not_understood([0.05, 0.05, 0.4, 0.05])
    assert [problem.partition(":")[0] for problem in problems] == ["V2"]


def test_where_even_the_stock_voice_is_misheard_more_is_allowed(tmp_path: Path) -> None:
    assert _check(tmp_path, stock_word_error_rate=0.25)._not_understood([0.34, 0.34, 0.34, 0.34]) == []


def test_the_voices_are_heard_with_the_strength_that_was_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that speaks may hold the model with the strength of before."""
    figures = {0.7: (4.0, 0.0), 0.6: (4.3, 0.0), 0.5: (4.5, 0.0), 0.0: (4.6, 0.0)}
    report = _carried_out(tmp_path, monkeypatch, Judge(figures).row).report
    assert report["strength"] == 0.6
    assert [row["naturalness"] for row in report["rows"] if row["name"].startswith("V")] == [4.3] * 4


def test_the_report_is_of_the_strength_that_speaks_though_another_was_heard_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = {0.7: (4.29, 0.0), 0.6: (4.25, 0.0), 0.5: (4.2, 0.0), 0.0: (4.6, 0.0)}
    check = _carried_out(tmp_path, monkeypatch, Judge(figures).row, silent=[0.6])
    assert (check.report["strength"], check.problems) == (0.7, [])
    assert [row["naturalness"] for row in check.report["rows"] if row["name"].startswith("V")] == [4.29] * 4


def test_the_check_tells_how_far_it_is_and_never_goes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for passes_at, times in (0.7, 5), (0.6, 9), (0.5, 13):
        figures = {strength: (4.6 if strength <= passes_at else 4.0, 0.0) for strength in (0.7, 0.6, 0.5, 0.0)}
        told: list[tuple[int, int]] = []
        _carried_out(tmp_path, monkeypatch, Judge(figures).row, told=told)
        done = [step / steps for step, steps in told]
        assert done[0] == 0 and done[-1] == 1
        assert len(done) == times + 1
        assert done == sorted(done)


@pytest.mark.parametrize(("cloned_from_a_clip", "is_more_alike"), [(0.8, True), (0.9, False)])
def test_the_report_tells_whether_training_brought_likeness(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cloned_from_a_clip: float, is_more_alike: bool
) -> None:
    def row(name: str, waveforms: Sequence[np.ndarray], rate: float | None) -> dict[str, Any]:
        similarity = {"B": cloned_from_a_clip, "V": 0.9 if name == "V0" else 0.7}.get(name[0], 1.0)
        return {"name": name, "similarity": similarity, "naturalness": 4.6, "word_error_rate": 0.0}

    assert _carried_out(tmp_path, monkeypatch, row).report["is_more_alike"] is is_more_alike


def test_the_gates_are_passed_by_the_mean_of_the_voices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    naturalness = {"V0": 4.0, "V1": 4.1, "V2": 4.6, "V3": 4.7, "Recordings": 4.4}

    def row(name: str, waveforms: Sequence[np.ndarray], rate: float | None) -> dict[str, Any]:
        return {"name": name, "similarity": 0.9, "naturalness": naturalness.get(name, 4.6), "word_error_rate": 0.0}

    report = _carried_out(tmp_path, monkeypatch, row).report
    assert (report["strength"], report["passed_gates"]) == (0.7, True)
    assert report["tried"][0]["naturalness"] == 4.35
    naturalness |= {"V0": 3.3}
    assert _carried_out(tmp_path, monkeypatch, row).report["passed_gates"] is False


def _carried_out(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    row: Callable[..., dict[str, Any]],
    trained: Sequence[TrainingClip] = (),
    gates: Gates = GATES,
    *,
    silent: Sequence[float] = (),
    told: list[tuple[int, int]] | None = None,
) -> VoiceCheck:
    """A check of four voices in which a judge says `row`; of recordings how many more counted."""
    judge = SimpleNamespace(row=_row_of_anything(row))
    monkeypatch.setattr(voice_check, "Judge", lambda recordings: judge)
    monkeypatch.setattr(Gates, "between", lambda recordings, stock: gates)
    check = _check(tmp_path, engine=Engine(), silent=silent)
    voices = [
        Voice(name=f"V{n}", language="en", model_id="kokoro-82m-2025-01-27", style_path=f"{n}", reference_path="clip")
        for n in range(4)
    ]
    steps = list(check.carry_out(voices, [], trained))
    if told is not None:
        told += steps
    return check


def _row_of_anything(row: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Recordings and the stock voice have no strength."""
    nothing = [np.zeros(1)]

    def said(
        name: str, waveforms: Sequence[np.ndarray], rate: float | None, also: Sequence[Any] = ()
    ) -> dict[str, Any]:
        counted = {"naturalness": len(also)} if also else {}
        return row(name, waveforms or nothing, rate) | counted

    return said

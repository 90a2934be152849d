"""The sentence that nobody hears: held once for each version of the code, again when it failed."""

import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.errors import WeightsUnavailable
from playground import rehearsal
from playground.rehearsal import Rehearsal


class Speech:
    """Says a little, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked = 0
        self._error = error

    def speak(self, request: Any) -> Iterator[np.ndarray]:
        self.asked += 1
        if self._error:
            raise self._error
        yield np.zeros(10, np.float32)


def _held(rehearsed: Rehearsal) -> None:
    rehearsed.begin()
    for thread in threading.enumerate():
        if thread.name == "rehearsal":
            thread.join()


def _rehearsal(weights: Path, speech: Speech) -> Rehearsal:
    double: Any = speech
    return Rehearsal(double, weights)


def test_it_is_held_once(tmp_path: Path) -> None:
    speech = Speech()
    _held(_rehearsal(tmp_path, speech))
    _held(_rehearsal(tmp_path, speech))
    assert speech.asked == 1


def test_other_code_rehearses_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    speech = Speech()
    _held(_rehearsal(tmp_path, speech))
    monkeypatch.setattr(rehearsal, "_code_hash", lambda: "another")
    _held(_rehearsal(tmp_path, speech))
    assert speech.asked == 2
    assert len(list(tmp_path.iterdir())) == 1


def test_one_that_failed_is_told_and_held_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    speech = Speech(WeightsUnavailable("a package is missing"))
    for _ in range(2):
        _held(_rehearsal(tmp_path, speech))
    assert speech.asked == 2
    assert "could not be made ready: a package is missing" in caplog.text


def test_one_that_the_stop_of_the_server_ends_is_no_fault(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    rehearsed = _rehearsal(tmp_path, Speech(WeightsUnavailable("the process ended")))
    rehearsed.call_off()
    _held(rehearsed)
    assert caplog.text == ""
    assert rehearsed.is_due

"""A process that answers in turns: fairness, errors, death, and memory that is given back."""

import os
import signal
from collections.abc import Iterator
from itertools import pairwise

import pytest

from model.errors import AudioError
from playground.services.errors import SpeechUnavailable
from playground.work_process import Answerer, WorkProcess
from tests.running import wait_until


def make_counter() -> Answerer:
    """Answers `n` with n numbers; a number counts what has been answered to everybody before."""
    answered = 0

    def count(wanted: int) -> Iterator[int]:
        nonlocal answered
        if wanted < 0:
            raise AudioError("less than nothing")
        for _ in range(wanted):
            answered += 1
            yield answered

    return count


@pytest.fixture
def work() -> Iterator[WorkProcess]:
    process = WorkProcess("counting", make_counter)
    yield process
    process.close()


def test_answers_at_the_same_time_are_made_in_turns(work: WorkProcess) -> None:
    long = work.answers(100_000)
    next(long)
    short = [*work.answers(20)]
    long.close()
    assert [after - before for before, after in pairwise(short)] == [2] * 19


def test_what_is_closed_is_made_no_further(work: WorkProcess) -> None:
    closed = work.answers(10_000_000)
    next(closed)
    closed.close()
    short = [*work.answers(200)]
    assert [after - before for before, after in pairwise(short)][-100:] == [1] * 100


def test_an_error_of_the_work_is_raised_and_the_process_goes_on(work: WorkProcess) -> None:
    with pytest.raises(AudioError, match="less than nothing"):
        next(work.answers(-1))
    pid = work.pid
    assert [*work.answers(2)] == [1, 2]
    assert work.pid == pid


def test_all_who_wait_learn_of_its_death_and_the_next_one_starts_it_anew(work: WorkProcess) -> None:
    first, second = work.answers(10_000_000), work.answers(10_000_000)
    next(first), next(second)
    os.kill(work.pid or 0, signal.SIGKILL)
    for answers in (first, second):
        with pytest.raises(SpeechUnavailable, match="counting process"):
            list(answers)
    assert [*work.answers(1)] == [1]


def test_an_idle_process_is_ended_and_comes_back() -> None:
    work = WorkProcess("counting", make_counter, idle_seconds=0.05)
    assert [*work.answers(1)] == [1]
    wait_until(lambda: work.pid is None, seconds=30, what="the end of the idle process")
    assert [*work.answers(1)] == [1]
    work.close()


def test_a_process_that_cannot_be_started_is_tried_again(work: WorkProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as full:
        full.setattr("multiprocessing.popen_spawn_posix.Popen", fail_to_start)
        with pytest.raises(OSError, match="no room"):
            next(work.answers(1))
    assert [*work.answers(1)] == [1]


def fail_to_start(_: object) -> None:
    raise OSError("no room for another process")


class Unreadable(AudioError):
    """Is sent, but cannot be made anew at the other side."""

    def __init__(self, *, name: str) -> None:
        super().__init__(f"{name} is unreadable")


def make_unreadable() -> Answerer:
    def answer(is_unreadable: bool) -> Iterator[int]:
        yield 1
        if is_unreadable:
            raise Unreadable(name="it")

    return answer


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_answer_that_cannot_be_understood_leaves_nobody_waiting() -> None:
    work = WorkProcess("riddling", make_unreadable)
    with pytest.raises(SpeechUnavailable):
        list(work.answers(True))
    assert [*work.answers(False)] == [1]
    work.close()

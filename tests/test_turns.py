"""Turns: first come, first served; who is too many, too late or gone holds none."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from playground.services.errors import Busy
from playground.services.turns import Turns
from tests.running import wait_until


def test_so_many_have_a_turn_and_the_next_is_refused() -> None:
    turns = Turns(at_once=2, waiting=0, seconds=30)
    with ExitStack() as held:
        for _ in range(2):
            assert held.enter_context(turns.turn(threading.Event()))
        with pytest.raises(Busy, match="2 are served"), turns.turn(threading.Event()):
            pass
    with turns.turn(threading.Event()) as has_turn:
        assert has_turn


def test_one_who_waits_gets_the_turn_that_comes_free() -> None:
    turns = Turns(at_once=1, waiting=1, seconds=30)

    def wait() -> bool:
        with turns.turn(threading.Event()) as has_turn:
            return has_turn

    with ThreadPoolExecutor() as threads:
        with turns.turn(threading.Event()):
            waiting = threads.submit(wait)
            wait_until(lambda: len(turns._queue) == 1, seconds=30, what="a queue")
            with pytest.raises(Busy, match="1 wait"), turns.turn(threading.Event()):
                pass
        assert waiting.result(30)


def test_nobody_waits_longer_than_is_set() -> None:
    turns = Turns(at_once=1, waiting=1, seconds=0.01)
    with turns.turn(threading.Event()), pytest.raises(Busy, match="No turn"), turns.turn(threading.Event()):
        pass


def test_who_has_left_waits_no_longer_and_holds_nothing() -> None:
    turns, left = Turns(at_once=1, waiting=1, seconds=30), threading.Event()
    left.set()
    with turns.turn(threading.Event()), turns.turn(left) as has_turn:
        assert not has_turn
    with turns.turn(threading.Event()) as has_turn:
        assert has_turn

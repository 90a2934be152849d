"""A process that answers requests, several at a time in turns, and the handle by which others use it.

It starts with the first request, is started anew after it has died, and can be ended when nobody has asked for a while.
"""

import logging
import multiprocessing
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from itertools import count
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from model.errors import ModelError
from playground.processes import give_memory_back
from playground.services.errors import SpeechUnavailable

log = logging.getLogger(__name__)

BREATHER_SECONDS = 2.0
"""Without a request, after which freed memory goes back: to ask for it anew would slow the next answer."""

_CHUNK, _ERROR, _END, _STOP, _DIED = "chunk", "error", "end", "stop", "died"

Answerer = Callable[[Any], Iterator[Any]]
"""Gives an iterator that does its work, also the first of it, when it is asked for the next chunk."""


class WorkProcess:
    """Handle of a process in which `make(*arguments)` gives what answers requests, chunk by chunk.

    Answers that are asked for at the same time are made in turns, a chunk of each. What is sent must be picklable.
    """

    def __init__(
        self, name: str, make: Callable[..., Answerer], *arguments: Any, idle_seconds: float | None = None
    ) -> None:
        """`idle_seconds` after the last answer the process is ended, and its memory with it."""
        self._name = name
        self._make = make
        self._arguments = arguments
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._numbers = count()
        self._asked: dict[int, SimpleQueue[tuple[str, Any]]] = {}
        self._process: multiprocessing.process.BaseProcess | None = None
        self._connection: Connection | None = None
        self._idle: threading.Timer | None = None

    def answers(self, request: Any) -> Generator[Any]:
        """Chunks as they come. Closing the iterator early stops the work before the next chunk.

        Raises SpeechUnavailable when the process dies, and ModelErrors of the work.
        """
        number, answers = self._ask(request)
        kind = ""
        try:
            while True:
                kind, value = answers.get()
                if kind == _ERROR:
                    raise value
                if kind == _DIED:
                    raise SpeechUnavailable(f"The {self._name} process ended unexpectedly. Please try again.")
                if kind == _END:
                    return
                yield value
        finally:
            self._leave(number, is_over=kind in (_ERROR, _DIED, _END))

    @property
    def pid(self) -> int | None:
        """The process's id, while it lives."""
        return self._process.pid if self._process and self._process.is_alive() else None

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _ask(self, request: Any) -> "tuple[int, SimpleQueue[tuple[str, Any]]]":
        with self._lock:
            if self._idle is not None:
                self._idle.cancel()
                self._idle = None
            number, answers = next(self._numbers), SimpleQueue[tuple[str, Any]]()
            connection = self._started()
            self._asked[number] = answers
            try:
                connection.send((number, request))
            except OSError:
                answers.put((_DIED, None))
            return number, answers

    def _leave(self, number: int, *, is_over: bool) -> None:
        with self._lock:
            self._asked.pop(number, None)
            if not is_over and self._connection is not None:
                try:
                    self._connection.send((number, _STOP))
                except OSError:
                    log.info("the %s process has ended already", self._name)
            if self._idle_seconds is not None and not self._asked:
                self._idle = threading.Timer(self._idle_seconds, self._end_when_idle)
                self._idle.daemon = True
                self._idle.start()

    def _end_when_idle(self) -> None:
        with self._lock:
            if not self._asked:
                self._end()

    def _started(self) -> Connection:
        if self._connection is None or self._connection.closed or self.pid is None:
            self._end()
            context = multiprocessing.get_context("spawn")
            ours, theirs = context.Pipe()
            process = context.Process(
                target=_work, args=(theirs, self._make, self._arguments), name=self._name, daemon=True
            )
            process.start()
            theirs.close()
            self._connection, self._process = ours, process
            self._asked = {}
            threading.Thread(target=_hand_out, args=(self._connection, self._asked), daemon=True).start()
        return self._connection

    def _end(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.join()
        self._process = self._connection = None


def _hand_out(connection: Connection, asked: "dict[int, SimpleQueue[tuple[str, Any]]]") -> None:
    """Give each answer to the one who asked, until the process has ended or cannot be understood."""
    try:
        with suppress(EOFError, OSError):
            while True:
                number, kind, value = connection.recv()
                answers = asked.get(number)
                if answers is not None:
                    answers.put((kind, value))
    finally:
        connection.close()
        for answers in [*asked.values()]:
            answers.put((_DIED, None))


def _work(connection: Connection, make: Callable[..., Answerer], arguments: tuple[Any, ...]) -> None:
    """The process: a chunk of each answer in turn, until the other side is gone."""
    answerer = make(*arguments)
    running: dict[int, Iterator[Any]] = {}
    try:
        while True:
            if not running and not connection.poll(BREATHER_SECONDS):
                give_memory_back()
            while not running or connection.poll():
                number, request = connection.recv()
                if request == _STOP:
                    running.pop(number, None)
                else:
                    running[number] = answerer(request)
            for number in [*running]:
                kind, value = _next(running[number])
                connection.send((number, kind, value))
                if kind != _CHUNK:
                    del running[number]
    except (EOFError, ConnectionError):
        return


def _next(answers: Iterator[Any]) -> tuple[str, Any]:
    try:
        return _CHUNK, next(answers)
    except StopIteration:
        return _END, None
    except ModelError as error:
        return _ERROR, error
    except Exception as error:
        log.exception("the work failed")
        return _ERROR, SpeechUnavailable(f"The work failed: {type(error).__name__}. The log says more.")

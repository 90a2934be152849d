"""The process that takes queued fine-tunes and runs them, one at a time, at low priority.

Run as `python -m playground.worker`. The row is the only state: a worker that dies loses its lease, and the next
one goes on from the checkpoint.
"""

import gc
import logging
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from model.errors import ModelError
from playground.parts import Parts, make_parts
from playground.processes import give_memory_back, lower_priority, new_owner, set_up_logging, share_processors
from playground.services.errors import ServiceError
from playground.services.runs import LeaseLost, Runs
from playground.services.training import DataFault, TrainingRun
from playground.settings import Settings
from storage.records import FineTune

log = logging.getLogger(__name__)

IDLE_SECONDS = 0.5
HEARTBEAT_SECONDS = 3.0
HUNG_SECONDS = 600.0
REPORT_SECONDS = 0.5
"""A run tells of its progress at most this often, and at every change of stage."""


class Worker:
    """Takes runs until it is told to stop."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._runs = Runs(parts.storage, parts.accounts)
        self._owner = new_owner()
        self._stopping = threading.Event()
        self._parent = os.getppid()
        self._current: FineTune | None = None

    def run(self) -> None:
        """Until a signal, or until the process that started this one is gone and nothing is left to do."""
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, self._on_stop)
        while os.getppid() == self._parent:
            fine_tune = self._runs.claim(owner=self._owner, at_once=self._parts.settings.trainings_at_once)
            if fine_tune is None:
                self._stopping.wait(IDLE_SECONDS)
            else:
                self._current = fine_tune
                self._carry_out(fine_tune)
                self._current = None
                gc.collect()
                give_memory_back()

    def _carry_out(self, fine_tune: FineTune) -> None:
        """One run to its end, whatever that is; only a lost lease ends it without a word in the row."""
        log.info("training %s, attempt %d", fine_tune.id, fine_tune.attempt)
        try:
            with self._heartbeat(fine_tune):
                self._train(fine_tune)
        except LeaseLost:
            log.warning("training %s belongs to another worker or is gone", fine_tune.id)
            self._runs.discard_if_deleted(fine_tune)
        except DataFault as fault:
            self._fail(fine_tune, code=fault.code, error=str(fault), report=fault.report)
        except (ModelError, ServiceError) as error:
            self._fail(fine_tune, code=error.code, error=str(error))
        except MemoryError:
            self._fail(fine_tune, code="out_of_memory", error="The memory ran out. Close other programs, then Retry.")
        except OSError as error:
            log.exception("training %s failed", fine_tune.id)
            self._fail(fine_tune, code="disk", error=_words_of_os_error(error))
        except Exception as error:
            log.exception("training %s failed", fine_tune.id)
            words = f"An unexpected fault ({type(error).__name__}): {error}. Retry goes on from the last checkpoint."
            self._fail(fine_tune, code="internal_error", error=words)

    def _train(self, fine_tune: FineTune) -> None:
        parts = self._parts
        run = TrainingRun(fine_tune, storage=parts.storage, settings=parts.settings, hearing=parts.hearing)
        reported = ("", 0.0)
        for progress in run.progress():
            is_due = progress.stage != reported[0] or time.monotonic() - reported[1] >= REPORT_SECONDS
            if is_due or progress.message:
                self._runs.report(fine_tune, progress, owner=self._owner)
                reported = (progress.stage, time.monotonic())
        self._runs.complete(fine_tune, run.voices, run.report, owner=self._owner)
        log.info("training %s completed", fine_tune.id)

    def _fail(self, fine_tune: FineTune, *, code: str, error: str, report: dict[str, object] | None = None) -> None:
        log.warning("training %s failed: %s", fine_tune.id, error)
        try:
            self._runs.fail(fine_tune, owner=self._owner, code=code, error=error, report=report)
        except LeaseLost:
            log.warning("training %s had another owner when it failed", fine_tune.id)
            self._runs.discard_if_deleted(fine_tune)

    @contextmanager
    def _heartbeat(self, fine_tune: FineTune) -> Iterator[None]:
        """Renew the lease from a thread, which also ends the process on cancel, on a lost lease and when hung."""
        ended = threading.Event()
        thread = threading.Thread(target=self._beat, args=(fine_tune, ended), name="heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _beat(self, fine_tune: FineTune, ended: threading.Event) -> None:
        progressed_at, since = fine_tune.progressed_at, time.monotonic()
        while not ended.wait(HEARTBEAT_SECONDS):
            try:
                row = self._runs.renew(fine_tune.id, owner=self._owner)
                if row.progressed_at != progressed_at:
                    progressed_at, since = row.progressed_at, time.monotonic()
                if row.cancel_requested:
                    self._runs.cancelled(fine_tune, owner=self._owner)
                elif time.monotonic() - since > HUNG_SECONDS:
                    words = f"Nothing happened for {HUNG_SECONDS / 60:.0f} minutes in the stage “{row.stage}”. Retry."
                    self._runs.fail(fine_tune, owner=self._owner, code="stage_hung", error=words)
                else:
                    continue
            except sqlite3.Error:
                log.exception("the lease of %s could not be renewed", fine_tune.id)
                continue
            except LeaseLost:
                if ended.is_set():
                    return
                self._runs.discard_if_deleted(fine_tune)
            log.info("training %s was ended from outside", fine_tune.id)
            os._exit(0)

    def _on_stop(self, signum: int, frame: FrameType | None) -> None:
        """A thread does the work: this one may be in the midst of a transaction, which would block it."""
        threading.Thread(target=self._hand_back_and_leave, name="leaving").start()

    def _hand_back_and_leave(self) -> None:
        """A regular stop: the run waits for the next worker, without counting as a death of this one."""
        try:
            if self._current is not None:
                self._runs.hand_back(self._current, owner=self._owner)
        finally:
            os._exit(0)


def _words_of_os_error(error: OSError) -> str:
    named = f" ({error.filename})" if error.filename else ""
    return f"A file could not be read or written{named}: {error.strerror or error}. Check the free space, then Retry."


def main() -> None:
    """Entry of the process."""
    settings = Settings()
    set_up_logging(settings.log_level)
    share_processors()
    lower_priority(10)
    Worker(make_parts(settings)).run()


if __name__ == "__main__":
    main()

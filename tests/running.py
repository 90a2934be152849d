"""A real playground for tests: worker and inspector in processes of their own, waited for through the database."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from playground.parts import Parts
from playground.services.clone_form import CloneForm
from playground.supervisor import Supervisor
from storage.records import Dataset, FineTune
from tests.conftest import SPEECH
from tests.making import TINY

INSPECTOR, WORKER = "playground.inspector", "playground.worker"


@contextmanager
def running(parts: Parts, *modules: str) -> Iterator[Supervisor]:
    """The processes beside the page."""
    with Supervisor(modules or (INSPECTOR, WORKER), parts.settings) as supervisor:
        yield supervisor


def wait_until(condition: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Look again and again; fails with words when it does not come true in time."""
    pause = threading.Event()
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:.0f} s in vain: {what}")
        pause.wait(0.1)


def add_speech(parts: Parts, dataset: Dataset, *, transcripts: bool = True) -> None:
    """The test recordings, and what is said in them."""
    with TemporaryDirectory() as folder:
        for source in sorted(SPEECH.glob("*.flac")):
            copy = Path(folder) / "upload"
            shutil.copyfile(source, copy)
            parts.datasets.add_file(dataset.id, source.name, copy)
        if transcripts:
            copy = Path(folder) / "upload"
            shutil.copyfile(SPEECH / "metadata.csv", copy)
            parts.datasets.add_file(dataset.id, "metadata.csv", copy)


def checked_speech(parts: Parts) -> Dataset:
    """A dataset of the test recordings, inspected in this process."""
    from playground.inspector import Inspector

    dataset = parts.datasets.create("Recordings")
    add_speech(parts, dataset)
    inspector = Inspector(parts)
    while inspector.inspect_next():
        pass
    return dataset


def start_training(parts: Parts) -> FineTune:
    """A clone of the newest dataset that waits for a worker; its training outlasts any test."""
    form = CloneForm(name="Ada", model_id=TINY, gender="feminine")
    return parts.fine_tuning.start(form, dataset_id=parts.datasets.summaries()[0].dataset.id, minutes=10)


def wait_for_end(parts: Parts, fine_tune: FineTune, *, seconds: float = 240) -> FineTune:
    """The row when the run has ended."""
    wait_until(lambda: not parts.fine_tuning.get(fine_tune.id).status.is_running, seconds=seconds, what="the run's end")
    return parts.fine_tuning.get(fine_tune.id)


def wait_for_stage(parts: Parts, fine_tune: FineTune, stage: str, *, seconds: float = 120) -> None:
    """Until the run is in a stage and has made steps in it."""

    def is_there() -> bool:
        row = parts.fine_tuning.get(fine_tune.id)
        assert row.status.is_running, f"ended early: {row.error}"
        return row.stage == stage and row.step > 0

    wait_until(is_there, seconds=seconds, what=f"the stage {stage}")

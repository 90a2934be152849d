"""A real server for benches, and the memory of its processes."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
MEMORY_SECONDS = 1.0


class PeakMemory:
    """The highest resident memory of each kind of process below a server, in MB, as the kernel accounts it.

    `of_worker` has the worker's for each stage that was entered.
    """

    def __init__(self, pid: int) -> None:
        self.megabytes: dict[str, float] = {}
        self.of_worker: dict[str, float] = {}
        self._stage = ""
        self._server = psutil.Process(pid)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def enter(self, stage: str) -> None:
        """From now on the worker's memory counts for `stage`."""
        for process in self._processes():
            self._note(process)
            with suppress(OSError):
                Path(f"/proc/{process.pid}/clear_refs").write_text("5")  # the kernel's peak starts anew
        self._stage = stage

    def close(self) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(MEMORY_SECONDS):
            for process in self._processes():
                self._note(process)

    def _processes(self) -> list[psutil.Process]:
        try:
            return [self._server, *self._server.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _note(self, process: psutil.Process) -> None:
        try:
            kind = self._kind(process)
            status = Path(f"/proc/{process.pid}/status").read_text()
        except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
            return
        for line in status.splitlines():
            if line.startswith("VmHWM"):
                peak = int(line.split()[1]) / 1024
                self.megabytes[kind] = max(self.megabytes.get(kind, 0.0), peak)
                if kind == "worker":
                    self.of_worker[self._stage] = max(self.of_worker.get(self._stage, 0.0), peak)

    def _kind(self, process: psutil.Process) -> str:
        command = " ".join(process.cmdline())
        if process.pid == self._server.pid:
            return "page"
        for module in ("inspector", "reviewer", "transcriber", "worker"):
            if f"playground.{module}" in command:
                return module
        if "resource_tracker" in command:
            return "resource tracker"
        return "speech" if process.ppid() == self._server.pid else "speech of the worker"


@contextmanager
def serving(data_dir: Path, weights_dir: Path | None) -> Iterator[tuple[str, int]]:
    """A playground on a free port: its URL and process id."""
    environment = {"PLAYGROUND_WEIGHTS_DIR": str(weights_dir)} if weights_dir else {}
    with started(["app.py", "serve", "--port", "0", "--data-dir", str(data_dir)], environment) as server:
        yield server


@contextmanager
def started(command: list[str], environment: dict[str, str] | None = None) -> Iterator[tuple[str, int]]:
    """A Python program that prints its URL at the end of its first line: the URL and its process id."""
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()[-1], process.pid
    finally:
        process.terminate()
        process.wait(60)

"""On what a bench was measured."""

import subprocess

import psutil

from bench.serving import ROOT


def current_commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def cores() -> int:
    return psutil.cpu_count() or 0

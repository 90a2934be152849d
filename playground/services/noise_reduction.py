"""Clips with less noise, to be heard beside what they are made of."""

import logging
import subprocess
import sys
import threading
from pathlib import Path

from playground.services.errors import NoiseReductionFailed
from playground.services.turns import Turns
from playground.settings import Settings
from storage.database import Storage
from storage.errors import NotFound
from storage.records import Clip

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[2]
LIMIT_SECONDS = 120.0
"""A clip of 12 s takes 3 s, most of them for the start of the process."""


class NoiseReduction:
    """Makes one clip at a time, each in a process of its own, which the library may take down; others wait."""

    def __init__(self, storage: Storage, settings: Settings) -> None:
        self._storage = storage
        self._turns = Turns(at_once=1, waiting=settings.speeches_waiting, seconds=settings.speech_wait_seconds)

    def before_and_after(self, clip_id: str) -> tuple[Path, Path]:
        """A clip as it is, and with less noise (WAV files); the second is made at the first call, and kept.

        Raises NotFound, Busy and NoiseReductionFailed.
        """
        with self._storage.read() as tables:
            clip = tables.clips.get(clip_id)
        before, after = self._storage.media.path(clip.path), self._storage.media.clip_without_noise(clip)
        if not after.exists():
            with self._turns.turn(threading.Event()):
                if not after.exists():
                    _reduce(clip, before, after)
        return before, after


def _reduce(clip: Clip, before: Path, after: Path) -> None:
    command = [sys.executable, "-m", "model.noise_reduction", str(before), str(after)]
    try:
        subprocess.run(command, cwd=ROOT, check=True, timeout=LIMIT_SECONDS)
    except subprocess.SubprocessError as error:
        if not before.exists():
            raise NotFound("clip", clip.id) from error
        log.warning("noise was not reduced: %s", error)
        raise NoiseReductionFailed(f"Noise could not be taken out of the clip {clip.id}; the log says why.") from error

"""Where in a recording somebody speaks, and how loud each moment is. Silero VAD on ONNX, no torch."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.audio import SAMPLE_RATE, wav_blocks
from model.errors import WeightsUnavailable
from model.rumble import RumbleFilter

VAD_RATE = 16_000
VAD_FRAME = 512
VAD_CONTEXT = 64
VAD_SECONDS = VAD_FRAME / VAD_RATE
"""Samples at 16 kHz that one probability stands for, with the samples before that the network also sees."""

HOP_SECONDS = 0.008
HOP = int(HOP_SECONDS * SAMPLE_RATE)
"""Step of the energy curve; four steps make one step of the speech curve."""

SPEECH_FROM, SPEECH_UNTIL = 0.5, 0.35
"""Speech starts at the first probability and ends below the second: the thresholds of Silero's own utilities."""

MIN_SPEECH_SECONDS = 0.2
MIN_PAUSE_SECONDS = 0.1


@dataclass(frozen=True, kw_only=True)
class Span:
    """A stretch of a recording."""

    start_seconds: float
    end_seconds: float

    @property
    def duration_seconds(self) -> float:
        return self.end_seconds - self.start_seconds


@dataclass(frozen=True, kw_only=True)
class Activity:
    """What a recording does over time."""

    duration_seconds: float
    speech: tuple[Span, ...]
    """Where somebody speaks, in order, apart by at least 0.1 s."""
    power: NDArray[np.float32]
    """Mean square of each step of 8 ms, shape (steps,), without rumble."""

    @property
    def speech_seconds(self) -> float:
        return sum(span.duration_seconds for span in self.speech)


class VoiceActivityDetector:
    """Silero VAD (MIT): its network for whole blocks, from the `silero-vad` package. Holds no state of a recording."""

    @cached_property
    def _session(self) -> Any:
        import onnxruntime

        package = find_spec("silero_vad")
        if package is None or package.origin is None:
            raise WeightsUnavailable("Speech cannot be detected: install the package silero-vad.")
        options = onnxruntime.SessionOptions()
        options.inter_op_num_threads = options.intra_op_num_threads = 1
        weights = Path(package.origin).parent / "data" / "silero_vad_16k_sequence.onnx"
        return onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])

    def find_speech(self, wav: Path, *, gain_db: float = 0.0) -> Activity:
        """Analyse a mono 24 kHz WAV of any length block by block; `gain_db` brings it to a usual level first.

        Raises AudioError when `wav` cannot be read, WeightsUnavailable without Silero's package.
        """
        curves = _Curves()
        probabilities = np.concatenate(
            [np.zeros(0, np.float32), *self._probabilities(curves.passing(wav_blocks(wav)), gain_db)]
        )
        seconds = curves.samples / SAMPLE_RATE
        return Activity(
            duration_seconds=seconds,
            speech=tuple(_spans(probabilities, seconds)),
            power=curves.power,
        )

    def _probabilities(self, blocks: Iterator[NDArray[np.float32]], gain_db: float) -> Iterator[NDArray[np.float32]]:
        state = {"h": np.zeros((1, 1, 128), np.float32), "c": np.zeros((1, 1, 128), np.float32)}
        context = np.zeros(VAD_CONTEXT, np.float32)
        for frames in _vad_frames(blocks, 10 ** (gain_db / 20)):
            contexts = np.concatenate([context[None], frames[:-1, -VAD_CONTEXT:]])
            context = frames[-1, -VAD_CONTEXT:]
            block = np.concatenate([contexts, frames], axis=1)
            values, state["h"], state["c"] = self._session.run(["speech_probs", "hn", "cn"], {"input": block, **state})
            yield values.reshape(-1)


def _vad_frames(blocks: Iterator[NDArray[np.float32]], gain: float) -> Iterator[NDArray[np.float32]]:
    """Blocks at 24 kHz to frames at 16 kHz, shape (frames, VAD_FRAME), the last filled up with silence."""
    import soxr

    resampler = soxr.ResampleStream(SAMPLE_RATE, VAD_RATE, 1, dtype="float32")
    rest = np.zeros(0, np.float32)
    for block in blocks:
        rest = np.concatenate([rest, np.clip(resampler.resample_chunk(block) * gain, -1, 1)])
        whole = len(rest) // VAD_FRAME * VAD_FRAME
        if whole:
            yield rest[:whole].reshape(-1, VAD_FRAME)
        rest = rest[whole:]
    rest = np.concatenate([rest, resampler.resample_chunk(np.zeros(0, np.float32), last=True) * gain])
    if len(rest):
        yield np.pad(rest, (0, -len(rest) % VAD_FRAME)).reshape(-1, VAD_FRAME)


class _Curves:
    """Power of the blocks that pass through, and how many samples they have."""

    def __init__(self) -> None:
        self.samples = 0
        self._rumble = RumbleFilter()
        self._power = [np.zeros(0, np.float32)]

    def passing(self, blocks: Iterator[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        for block in blocks:
            self.samples += len(block)
            steps = np.pad(self._rumble.passed(block), (0, -len(block) % HOP)).reshape(-1, HOP)
            self._power.append(np.square(steps).mean(axis=1))
            yield block

    @property
    def power(self) -> NDArray[np.float32]:
        return np.concatenate(self._power)


def _spans(probabilities: NDArray[np.float32], seconds: float) -> Iterator[Span]:
    """Speech by two thresholds; pauses that are too short are bridged, then speech that is too short is dropped."""
    bounds: list[list[int]] = []
    speaking = False
    for frame, probability in enumerate(probabilities):
        if not speaking and probability >= SPEECH_FROM:
            pause = (frame - bounds[-1][1]) * VAD_SECONDS if bounds else np.inf
            if pause >= MIN_PAUSE_SECONDS:
                bounds.append([frame, frame])
            speaking = True
        elif speaking and probability < SPEECH_UNTIL:
            speaking = False
        if speaking:
            bounds[-1][1] = frame + 1
    for first, end in bounds:
        if (end - first) * VAD_SECONDS >= MIN_SPEECH_SECONDS:
            yield Span(start_seconds=first * VAD_SECONDS, end_seconds=min(end * VAD_SECONDS, seconds))

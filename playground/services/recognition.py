"""Recognition: what is said in a recording that someone sends, and when."""

import threading
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from playground.recognition_process import Heard, Hearing, RecognitionProcess
from playground.services.turns import Turns
from playground.settings import Settings

if TYPE_CHECKING:
    from model.transcription import HeardSegment

NAMES = ("whisper-base", "ink-whisper", "whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe")
"""Models by which recognition may be asked for; all mean the one that is here, the first."""


@dataclass(frozen=True, kw_only=True)
class HeardRecording:
    """All that was heard; `duration_seconds` is that of the recording."""

    language: str
    duration_seconds: float
    segments: tuple["HeardSegment", ...]

    @property
    def text(self) -> str:
        return "".join(segment.text for segment in self.segments).strip()


class Recognition:
    """The use case of hearing: one recording at a time, others wait their turn. Costs nothing."""

    def __init__(self, settings: Settings, process: RecognitionProcess) -> None:
        self._process = process
        self._turns = Turns(at_once=1, waiting=settings.speeches_waiting, seconds=settings.speech_wait_seconds)

    def hear(self, hearing: Hearing, left: threading.Event) -> HeardRecording | None:
        """All of a recording; None when `left` is set on the way. Raises Busy and what the process raises."""
        with self._turns.turn(left) as has_turn, closing(self._process.hear(hearing)) as answers:
            kind: Heard | None = None
            segments: list[HeardSegment] = []
            for answer in answers if has_turn else ():
                if left.is_set():
                    return None
                if isinstance(answer, Heard):
                    kind = answer
                else:
                    segments.append(answer)
        if kind is None:
            return None
        return HeardRecording(language=kind.language, duration_seconds=kind.duration_seconds, segments=tuple(segments))

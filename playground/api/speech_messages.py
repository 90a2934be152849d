"""Speech as messages of JSON: chunks of audio, times of words and phonemes, the end, errors. For SSE and WebSockets."""

import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from model.encoding import SAMPLE_RATE
from playground.api.errors import Fault
from playground.api.speech_schemas import TimedSpeech

if TYPE_CHECKING:
    from model.engines.protocol import Stretch, Timing

Message = dict[str, Any]
PARTIAL, OK = 206, 200


class Messages:
    """The messages of one speech from its beginning to its end; times count from the beginning."""

    def __init__(self, asked: TimedSpeech) -> None:
        self.flush_id: int | None = None
        self._asked = asked
        self._encoder = asked.output_format.encoder()
        self._seconds = 0.0
        self._last = time.perf_counter()

    def begin_work(self) -> None:
        """The time that the next chunk takes counts from now on."""
        self._last = time.perf_counter()

    def of(self, stretch: "Stretch") -> Iterator[Message]:
        """What a stretch of speech gives, audio first."""
        yield from self._chunks(self._encoder.feed(stretch.waveform * self._asked.volume))
        if self._asked.add_timestamps and stretch.words:
            yield self._message("timestamps", word_timestamps=self._times("words", stretch.words))
        if self._asked.add_phoneme_timestamps and stretch.phonemes:
            yield self._message("phoneme_timestamps", phoneme_timestamps=self._times("phonemes", stretch.phonemes))
        self._seconds += len(stretch.waveform) / SAMPLE_RATE

    def rest(self) -> Iterator[Message]:
        """The last audio, after the last stretch."""
        yield from self._chunks(self._encoder.finish())

    def done(self) -> Message:
        return _with_context({"type": "done", "done": True, "status_code": OK}, self._asked.context_id)

    def flush_done(self) -> Message:
        return self._message("flush_done", flush_done=True)

    def _chunks(self, audio: bytes) -> Iterator[Message]:
        now = time.perf_counter()
        milliseconds, self._last = 1000 * (now - self._last), now
        if audio:
            yield self._message("chunk", data=b64encode(audio).decode(), step_time=round(milliseconds, 3))

    def _times(self, kind: str, timings: "Sequence[Timing]") -> Message:
        return {
            kind: [timing.text for timing in timings],
            "start": [round(self._seconds + timing.start, 3) for timing in timings],
            "end": [round(self._seconds + timing.end, 3) for timing in timings],
        }

    def _message(self, kind: str, **content: Any) -> Message:
        message = {"type": kind, "done": False, "status_code": PARTIAL, **content}
        if self.flush_id is not None:
            message["flush_id"] = self.flush_id
        return _with_context(message, self._asked.context_id)


def error_message(fault: Fault, *, request_id: str, context_id: str | None) -> Message:
    """The end of a speech that broke off."""
    message = {
        "type": "error",
        "done": True,
        "status_code": fault.status,
        "error_code": fault.code,
        "title": fault.title,
        "message": fault.message,
        "request_id": request_id,
    }
    return _with_context(message, context_id)


def _with_context(message: Message, context_id: str | None) -> Message:
    return message if context_id is None else {**message, "context_id": context_id}

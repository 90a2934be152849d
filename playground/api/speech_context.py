"""One context of a WebSocket: a text that comes bit by bit, spoken as one speech."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Generator
from contextlib import closing, suppress
from dataclasses import dataclass, replace

from anyio import CapacityLimiter
from fastapi.concurrency import run_in_threadpool
from starlette.websockets import WebSocketDisconnect

from playground.api.errors import EXPECTED, Fault, fault_of
from playground.api.speech_messages import Message, Messages, error_message
from playground.api.speech_schemas import ContextMessage
from playground.api.streaming import Live
from playground.services.errors import Busy, Refused
from playground.services.phrasing import PhraseBuffer
from playground.services.speech import SpeechService
from playground.services.speech_plan import SpeechPlan

log = logging.getLogger(__name__)

FORGOTTEN_SECONDS = 60.0
"""A context that is neither ended nor continued for so long is dropped without a word."""

AGAIN_SECONDS = 0.5
"""Between two tries to get a turn."""

Send = Callable[[Message], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class _Piece:
    """What a message adds to its context; `arrived` by the event loop's clock."""

    text: str
    is_last: bool
    is_flush: bool
    arrived: float

    @property
    def size(self) -> int:
        """Characters, at least one: what waits is bounded by them."""
        return max(len(self.text), 1)


class SpeechContext:
    """Takes the messages of one context, and sends what they give."""

    def __init__(
        self,
        first: ContextMessage,
        *,
        speech: SpeechService,
        longest: int,
        limiter: CapacityLimiter,
        send: Send,
        request_id: str,
    ) -> None:
        """`longest`: how many characters may wait to be spoken."""
        self._first = first
        self._speech = speech
        self._longest = longest
        self._limiter = limiter
        self._send = send
        self._request_id = request_id
        self._clock = asyncio.get_running_loop().time
        self._inbox: asyncio.Queue[_Piece] = asyncio.Queue()
        self._in_inbox = 0
        self._text = PhraseBuffer()
        self._waits_since = 0.0
        self._messages = Messages(first)
        self._messages.flush_id = 1
        self._left = threading.Event()
        self._has_last = False
        self._has_spoken = False

    def add(self, message: ContextMessage) -> None:
        """Take a message, the first one too; raises Refused for one that cannot go on with the context."""
        if self._has_last and message.transcript.strip():
            raise Refused("The context has been ended by an earlier message; begin another one.")
        self._require_same(message)
        piece = _Piece(
            text=message.transcript, is_last=message.is_last, is_flush=bool(message.flush), arrived=self._clock()
        )
        waiting = self._in_inbox + len(self._text)
        if waiting + piece.size > self._longest:
            raise Refused(
                f"{waiting:,} characters of the context wait to be spoken, and {piece.size:,} are too many more; "
                f"{self._longest:,} may wait."
            )
        self._has_last = self._has_last or message.is_last
        self._in_inbox += piece.size
        self._inbox.put_nowait(piece)

    async def run(self) -> None:
        """Speak until the last message has been spoken, or something fails, which is told too."""
        try:
            if await self._speak_all():
                for message in (*self._messages.rest(), self._messages.done()):
                    await self._send(message)
        except WebSocketDisconnect:
            log.info("request %s: the client went away", self._request_id)
        except EXPECTED as error:
            await self._send_fault(fault_of(error))
        except Exception:
            log.exception("request %s: context %s failed", self._request_id, self._first.context_id)
            words = f"Something failed that should not. The log says more under the id {self._request_id}."
            await self._send_fault(Fault(status=500, title="Internal error", message=words, code="internal_error"))
        finally:
            self._left.set()

    async def _speak_all(self) -> bool:
        """Whether the last message has come."""
        self._first.require_offered()
        if _is_speakable(self._first.transcript):
            await run_in_threadpool(self._speech.plan, self._first.to_request())  # what is wrong is told at once
        while True:
            piece = await self._next()
            if piece is not None:
                self._in_inbox -= piece.size
                await self._take_in(piece)
                if piece.is_last:
                    return True
            elif self._text:
                await self._speak(self._text.take_words())
                self._waits_since = self._clock()
            else:
                return False

    async def _next(self) -> _Piece | None:
        """What the next message adds; None when text has waited long enough for more, or nothing came."""
        if not self._inbox.empty():
            return self._inbox.get_nowait()
        limit = self._waits_since + self._first.buffer_seconds - self._clock() if self._text else FORGOTTEN_SECONDS
        try:
            return await asyncio.wait_for(self._inbox.get(), max(limit, 0.001))
        except TimeoutError:
            return None

    async def _take_in(self, piece: _Piece) -> None:
        had_text = bool(self._text)
        self._text.add(piece.text)
        is_pressing = piece.is_last or piece.is_flush or not self._first.buffer_seconds
        phrase = self._text.take_all() if is_pressing else self._text.take_sentences()
        if phrase or not had_text:
            self._waits_since = piece.arrived
        await self._speak(phrase)
        if piece.is_flush:
            await self._send(self._messages.flush_done())
            self._messages.flush_id = (self._messages.flush_id or 0) + 1

    async def _speak(self, text: str) -> None:
        if not _is_speakable(text):
            return
        plan = await run_in_threadpool(self._speech.plan, replace(self._first.to_request(), text=text))
        self._messages.begin_work()
        try:
            live = await self._begun(plan)
            async for message in live.rest():
                await self._send(message)
        except Refused as error:
            if error.code != "empty_transcript":  # signs that no one speaks are passed over, as within a text
                raise

    async def _begun(self, plan: SpeechPlan) -> Live[Message]:
        """A phrase that is being spoken. The first one is refused when too many wait already; others wait for long."""
        while True:
            live = Live(self._spoken(plan), self._limiter, self._left)
            try:
                await live.begin()
            except Busy:
                if not self._has_spoken:
                    raise
                log.info("request %s: context %s waits for a turn", self._request_id, self._first.context_id)
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                self._has_spoken = True
                return live

    def _spoken(self, plan: SpeechPlan) -> Generator[Message]:
        with closing(self._speech.stretches(plan, left=self._left)) as stretches:
            for stretch in stretches:
                yield from self._messages.of(stretch)

    def _require_same(self, message: ContextMessage) -> None:
        """Raises Refused when a text is to be spoken otherwise than the context began."""
        fixed, asked = _fixed(self._first), _fixed(message)
        changed = [name for name in fixed if fixed[name] != asked[name]]
        if changed and message.transcript.strip():
            raise Refused(f"A context keeps its {changed[0]}; begin another one to change it.")

    async def _send_fault(self, fault: Fault) -> None:
        with suppress(WebSocketDisconnect):
            await self._send(error_message(fault, request_id=self._request_id, context_id=self._first.context_id))


def _fixed(message: ContextMessage) -> dict[str, object]:
    """What a context keeps from its first message to its last."""
    request = message.to_request()
    return {
        "voice": request.voice_id,
        "model_id": request.model_id,
        "language": request.language,
        "output_format": message.output_format,
    }


def _is_speakable(text: str) -> bool:
    return any(character.isalnum() for character in text)

"""`/tts/websocket`: many contexts on one connection."""

import asyncio
import json
from typing import Any

from anyio import CapacityLimiter
from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from pydantic import ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from playground.api.dependencies import GivenLimiter, GivenParts, GivenRate
from playground.api.errors import fault_of
from playground.api.rate import Rate
from playground.api.speech_context import SpeechContext
from playground.api.speech_messages import Message, Messages, error_message
from playground.api.speech_schemas import ContextMessage
from playground.parts import Parts
from playground.services.errors import Busy, Refused, ServiceError

router = APIRouter(prefix="/tts", tags=["speech"])

MOST_CONTEXTS = 64
"""Of one connection at a time."""

ABOUT = """

**WebSocket** `/tts/websocket`: messages of JSON as Cartesia's. Each has a `context_id`; the transcripts of one context
are joined verbatim and spoken as one speech, as soon as sentences are whole, `max_buffer_delay_ms` has passed, or
`flush` or `continue: false` says so. Answers are `chunk`, `timestamps`, `phoneme_timestamps`, `flush_done`, `done`
and `error`, each with its `context_id`. `{"context_id": …, "cancel": true}` ends a context without an answer; closing
the connection ends all. What was spoken until then is charged. Each context counts as a request."""


@router.websocket("/websocket")
async def speak_in_contexts(socket: WebSocket, parts: GivenParts, limiter: GivenLimiter, rate: GivenRate) -> None:
    await socket.accept()
    await SpeechSocket(socket, parts, limiter, rate).serve()


class SpeechSocket:
    """A connection and its contexts."""

    def __init__(self, socket: WebSocket, parts: Parts, limiter: CapacityLimiter, rate: Rate) -> None:
        self._socket = socket
        self._parts = parts
        self._limiter = limiter
        self._rate = rate
        self._contexts: dict[str, tuple[SpeechContext, asyncio.Task[None]]] = {}

    async def serve(self) -> None:
        """Until the client goes away, or is silent for long while nothing is being spoken."""
        try:
            while True:
                try:
                    message = await asyncio.wait_for(self._socket.receive(), self._parts.settings.socket_idle_seconds)
                except TimeoutError:
                    if not self._contexts:
                        await self._socket.close(1000, "idle")
                        return
                    continue
                if message["type"] == "websocket.disconnect":
                    return
                await self._take(message.get("text"))
        except WebSocketDisconnect:
            return
        finally:
            for context_id in [*self._contexts]:
                self._cancel(context_id)

    async def _take(self, text: str | None) -> None:
        """Carry out one message; one that cannot be is answered with an error, which ends its context."""
        content: Any = None
        try:
            content = _parsed(text)
            if str(content.get("context_id")) not in self._contexts:
                self._rate.count(self._socket.state.caller)
            if content.get("cancel"):
                self._cancel(str(content.get("context_id")))
            else:
                await self._add(ContextMessage.model_validate(content))
        except (ServiceError, ValidationError) as error:
            context_id = content.get("context_id") if isinstance(content, dict) else None
            self._cancel(str(context_id))
            request_id = self._socket.state.request_id
            await self._send(error_message(fault_of(error), request_id=request_id, context_id=context_id))

    async def _add(self, message: ContextMessage) -> None:
        await run_in_threadpool(self._parts.access.require_still, self._socket.state.caller)
        known = self._contexts.get(message.context_id)
        if known is None and message.is_last and not message.transcript.strip():
            await self._send(Messages(message).done())  # the end of a context that has ended or never begun
            return
        context = known[0] if known else self._begun(message)
        context.add(message)

    def _begun(self, message: ContextMessage) -> SpeechContext:
        if len(self._contexts) >= MOST_CONTEXTS:
            raise Busy(f"A connection may have {MOST_CONTEXTS} contexts at a time; end or cancel one.")
        context = SpeechContext(
            message,
            speech=self._parts.speech,
            longest=self._parts.settings.max_text_characters,
            limiter=self._limiter,
            send=self._send,
            request_id=self._socket.state.request_id,
        )
        task = asyncio.create_task(context.run())
        self._contexts[message.context_id] = (context, task)
        task.add_done_callback(lambda _: self._forget(message.context_id, task))
        return context

    def _forget(self, context_id: str, task: asyncio.Task[None]) -> None:
        if context_id in self._contexts and self._contexts[context_id][1] is task:
            del self._contexts[context_id]

    def _cancel(self, context_id: str) -> None:
        if context_id in self._contexts:
            _, task = self._contexts.pop(context_id)
            task.cancel()

    async def _send(self, message: Message) -> None:
        """Raises WebSocketDisconnect, also when another context has seen it already."""
        if self._socket.application_state is not WebSocketState.CONNECTED:
            raise WebSocketDisconnect
        await self._socket.send_text(json.dumps(message))


def _parsed(text: str | None) -> dict[str, Any]:
    """Raises Refused unless it is an object of JSON."""
    try:
        content = json.loads(text or "")
    except (ValueError, RecursionError) as error:
        raise Refused("A message must be a JSON object, sent as text.") from error
    if not isinstance(content, dict):
        raise Refused("A message must be a JSON object, sent as text.")
    return content

"""`/tts/bytes` and `/tts/sse`: a text spoken into the response, which is on its way while the rest is being spoken."""

import json
import threading
from collections.abc import Generator
from contextlib import closing
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from playground.api.dependencies import GivenLimiter, GivenParts
from playground.api.errors import EXPECTED, fault_of
from playground.api.speech_messages import Messages, error_message
from playground.api.speech_schemas import MEDIA_TYPES, Speech, TimedSpeech
from playground.api.streaming import Live, LiveResponse
from playground.services.speech_plan import SpeechPlan

if TYPE_CHECKING:
    from model.encoding import Encoder
    from model.engines.protocol import Stretch

router = APIRouter(prefix="/tts", tags=["speech"])

AUDIO = {200: {"content": {kind: {} for kind in MEDIA_TYPES.values()}, "description": "Audio, in chunks."}}
EVENTS = {200: {"content": {"text/event-stream": {}}, "description": "Messages of audio and times."}}


@router.post("/bytes", response_class=Response, responses=AUDIO)  # type: ignore[arg-type]
async def speak(body: Speech, request: Request, parts: GivenParts, limiter: GivenLimiter) -> Response:
    """X-Model-Id names the model that speaks; X-Fine-Tune says of a clone's voice whether its weights are active.

    Going away ends the speech; what was spoken until then is charged.
    """
    body.require_offered()
    plan = await run_in_threadpool(parts.speech.plan, body.to_request())
    left = threading.Event()
    encoder = body.output_format.encoder()
    live = Live(encoded(parts.speech.stretches(plan, left=left), encoder, volume=body.volume), limiter, left)
    await live.begin(request)
    return LiveResponse(live, media_type=MEDIA_TYPES[body.output_format.container], headers=headers_of(plan))


@router.post("/sse", response_class=Response, responses=EVENTS)  # type: ignore[arg-type]
async def speak_in_events(body: TimedSpeech, request: Request, parts: GivenParts, limiter: GivenLimiter) -> Response:
    """Events with raw audio in base64 and, on demand, with the times of words and phonemes, from the beginning.

    The last one has the type `done`, or `error` when the speech breaks off.
    """
    body.require_offered()
    plan = await run_in_threadpool(parts.speech.plan, body.to_request())
    left = threading.Event()
    events = _events(parts.speech.stretches(plan, left=left), body, request.state.request_id)
    live = Live(events, limiter, left)
    await live.begin(request)
    return LiveResponse(live, media_type="text/event-stream", headers=headers_of(plan))


def encoded(stretches: "Generator[Stretch]", encoder: "Encoder", *, volume: float = 1.0) -> Generator[bytes]:
    """The bytes of a speech as they come."""
    with closing(stretches):
        for stretch in stretches:
            yield from filter(None, [encoder.feed(stretch.waveform * volume)])
    yield from filter(None, [encoder.finish()])


def headers_of(plan: SpeechPlan) -> dict[str, str]:
    """What spoke."""
    headers = {"X-Model-Id": plan.base.id}
    if plan.fine_tuned is not None:
        headers["X-Fine-Tune"] = "active" if plan.fine_tuned else "inactive"
    return headers


def _events(stretches: "Generator[Stretch]", body: TimedSpeech, request_id: str) -> Generator[bytes]:
    messages = Messages(body)
    has_begun = False
    try:
        with closing(stretches):
            for stretch in stretches:
                for message in messages.of(stretch):
                    has_begun = True
                    yield event(message)
        for message in messages.rest():
            yield event(message)
        yield event(messages.done())
    except EXPECTED as error:
        if not has_begun:
            raise
        yield event(error_message(fault_of(error), request_id=request_id, context_id=body.context_id))


def event(message: dict[str, object]) -> bytes:
    """A message as a server-sent event."""
    return f"data: {json.dumps(message)}\n\n".encode()

"""`/tts/bytes`: a text spoken into the response, the first bytes on their way while the rest is being spoken."""

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

from anyio import CapacityLimiter
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from playground.api.dependencies import GivenParts
from playground.api.errors import NotOffered
from playground.api.speech_schemas import MEDIA_TYPES, Speech
from playground.api.streaming import LiveBytes, LiveResponse
from playground.services.speech import SpeechPlan

if TYPE_CHECKING:
    from model.engines.protocol import Waveform

router = APIRouter(prefix="/tts", tags=["speech"])

UNOFFERED = ("accent", "save")
AUDIO = {200: {"content": {kind: {} for kind in MEDIA_TYPES.values()}, "description": "Audio, in chunks."}}


@router.post("/bytes", response_class=Response, responses=AUDIO)  # type: ignore[arg-type]
async def speak(body: Speech, request: Request, parts: GivenParts) -> Response:
    """X-Model-Id names the model that speaks; X-Fine-Tune says of a clone's voice whether its weights are active."""
    asked = [name for name in UNOFFERED if getattr(body, name)]
    if asked:
        raise NotOffered(f"{asked[0]} is not offered here yet; leave it out.")
    plan = await run_in_threadpool(parts.speech.plan, body.to_request())
    limiter: CapacityLimiter = request.app.state.speaking
    live = LiveBytes(_encoded(parts.speech.stream(plan), body), limiter)
    await live.begin()
    return LiveResponse(live, media_type=MEDIA_TYPES[body.output_format.container], headers=_headers(plan))


def _encoded(phrases: "Iterator[Waveform]", body: Speech) -> Generator[bytes]:
    encoder = body.output_format.encoder()
    for phrase in phrases:
        yield from filter(None, [encoder.feed(phrase * body.volume)])
    yield from filter(None, [encoder.finish()])


def _headers(plan: SpeechPlan) -> dict[str, str]:
    headers = {"X-Model-Id": plan.base.id}
    if plan.fine_tuned is not None:
        headers["X-Fine-Tune"] = "active" if plan.fine_tuned else "inactive"
    return headers

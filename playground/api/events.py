"""`/fine-tunes/{id}/events`: a training as it goes, as server-sent events that can be taken up again."""

from collections.abc import AsyncIterator
from typing import Annotated

import anyio
from fastapi import APIRouter, Header
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel

from playground.api import fine_tune_schemas as schemas
from playground.api.dependencies import GivenCaller, GivenParts
from playground.api.fine_tunes import GivenFineTune
from playground.parts import Parts
from playground.services.errors import KeyRefused
from storage import records
from storage.errors import NotFound

router = APIRouter(prefix="/fine-tunes", tags=["fine-tunes"])

LOOK_SECONDS = 1.0
LARGEST_ID = 2**63 - 1


class Step(BaseModel):
    """One point of the curve."""

    attempt: int
    at: str
    stage: str
    step: int
    steps: int
    loss: float | None
    message: str


@router.get("/{fine_tune_id}/events", response_class=EventSourceResponse)
async def stream_fine_tune_events(
    fine_tune: GivenFineTune,
    parts: GivenParts,
    caller: GivenCaller,
    last_event_id: Annotated[int, Header(ge=0, le=LARGEST_ID, description="Goes on behind this event.")] = 0,
) -> AsyncIterator[ServerSentEvent]:
    """`step`: a point of the curve, with an id. `state`: the fine-tune, when it has changed. `end`: the same, the last.

    Close the stream at `end`: the history of all attempts comes first when it is opened again without Last-Event-ID.
    """
    sent: schemas.FineTune | None = None
    while True:
        try:
            await run_in_threadpool(parts.access.require_still, caller)
            row, steps = await run_in_threadpool(_look, parts, fine_tune.id, last_event_id)
        except (NotFound, KeyRefused):
            return
        for step in steps:
            last_event_id = step.id or last_event_id
            yield ServerSentEvent(event="step", id=str(step.id), data=Step.model_validate(step, from_attributes=True))
        state = schemas.FineTune.of(row)
        if not row.status.is_running:
            yield ServerSentEvent(event="end", data=state)
            return
        if state != sent:
            sent = state
            yield ServerSentEvent(event="state", data=state)
        await anyio.sleep(LOOK_SECONDS)


def _look(parts: Parts, fine_tune_id: str, after: int) -> tuple[records.FineTune, list[records.TrainingEvent]]:
    """The row first: when it says that the run has ended, all its events are there."""
    return parts.fine_tuning.get(fine_tune_id), parts.fine_tuning.events(fine_tune_id, after=after)

"""`/fine-tunes`: trainings, which make the voices of a clone. Drafts of the page are not among them."""

import hashlib
from typing import Annotated

from fastapi import APIRouter, Depends, Header

from playground.api import fine_tune_schemas as schemas
from playground.api.dependencies import GivenCaller, GivenParts
from playground.api.paging import GivenPaging
from playground.api.schemas import Page
from playground.api.voice_schemas import Voice
from playground.services.asking import Asked
from playground.services.clone_form import CloneForm
from storage.errors import NotFound
from storage.records import FineTune, Status

router = APIRouter(prefix="/fine-tunes", tags=["fine-tunes"])


def _sent(fine_tune_id: str, parts: GivenParts) -> FineTune:
    """A clone that has been sent to training; raises NotFound."""
    fine_tune = parts.fine_tuning.get(fine_tune_id)
    if fine_tune.status == Status.DRAFT:
        raise NotFound("fine-tune", fine_tune_id)
    return fine_tune


GivenFineTune = Annotated[FineTune, Depends(_sent)]


@router.get("")
def list_fine_tunes(parts: GivenParts, paging: GivenPaging) -> Page[schemas.FineTune]:
    return paging.envelope(parts.fine_tuning.page(**paging.arguments()), schemas.FineTune.of)


@router.post("")
def create_fine_tune(
    body: schemas.NewFineTune,
    parts: GivenParts,
    caller: GivenCaller,
    idempotency_key: Annotated[
        str, Header(max_length=255, description="The same key and body again give the same fine-tune.")
    ] = "",
    x_stainless_retry_count: Annotated[
        int, Header(description="Above 0, the same body within 10 minutes gives the same fine-tune.")
    ] = 0,
) -> schemas.FineTune:
    """Send a dataset to training; answers at once. Refused when it is known already that it holds too little.

    The end is told to `webhook_url`, signed as in Standard Webhooks with the secret that the page shows under “API”.
    """
    form = CloneForm(
        name=body.name,
        description=body.description,
        language=body.language,
        gender=body.gender or "",
        model_id=body.model_id,
        accent=body.accent,
    )
    asked = Asked(
        caller=caller.id,
        request_sha256=hashlib.sha256(body.model_dump_json().encode()).hexdigest(),
        idempotency_key=idempotency_key,
        webhook_url=str(body.webhook_url or ""),
    )
    return schemas.FineTune.of(
        parts.fine_tuning.start(
            form,
            dataset_id=body.dataset,
            minutes=body.training_minutes,
            asked=asked,
            is_repeated=x_stainless_retry_count > 0,
        )
    )


@router.get("/{fine_tune_id}")
def get_fine_tune(fine_tune: GivenFineTune) -> schemas.FineTune:
    return schemas.FineTune.of(fine_tune)


@router.delete("/{fine_tune_id}", status_code=204)
def delete_fine_tune(fine_tune: GivenFineTune, parts: GivenParts) -> None:
    """Delete a clone, its model and its voices; a training that runs is stopped."""
    parts.fine_tuning.delete(fine_tune.id)


@router.get("/{fine_tune_id}/voices")
def list_fine_tune_voices(fine_tune: GivenFineTune, parts: GivenParts, paging: GivenPaging) -> Page[Voice]:
    """The four voices, and those made of it later (POST /voices/clone); none before it is completed."""
    return paging.envelope(parts.fine_tuning.voices_page(fine_tune.id, **paging.arguments()), Voice.of)


@router.post("/{fine_tune_id}/retry")
def retry_fine_tune(fine_tune: GivenFineTune, parts: GivenParts) -> schemas.FineTune:
    """Try a failed training again, as the same record; it goes on from its checkpoint where that fits."""
    return schemas.FineTune.of(parts.fine_tuning.retry(fine_tune.id))


@router.post("/{fine_tune_id}/cancel")
def cancel_fine_tune(fine_tune: GivenFineTune, parts: GivenParts) -> schemas.FineTune:
    """Stop a training: at once while it waits, within seconds while it runs. Nothing is charged."""
    return schemas.FineTune.of(parts.fine_tuning.cancel(fine_tune.id))

"""`/datasets/{id}/clips`: what is said in a dataset, to review and to correct. Beyond Cartesia's contract."""

from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import FileResponse, StreamingResponse

from playground.api import dataset_schemas as schemas
from playground.api.audio import sound_response
from playground.api.dependencies import GivenParts
from playground.api.paging import GivenPaging
from playground.api.schemas import Page
from playground.parts import Parts
from playground.services.errors import Refused
from storage.errors import NotFound
from storage.records import Clip

router = APIRouter(prefix="/datasets/{dataset_id}", tags=["datasets"])


@router.get("/clips")
def list_clips(dataset_id: str, parts: GivenParts, paging: GivenPaging) -> Page[schemas.Clip]:
    """The clips that the recordings were cut into, with what is said in them."""
    return paging.envelope(parts.transcripts.page(dataset_id, **paging.arguments()), schemas.Clip.of)


@router.patch("/clips/{clip_id}")
def update_clip(dataset_id: str, clip_id: str, body: schemas.ClipChange, parts: GivenParts) -> schemas.Clip:
    """Correct what is said in a clip, or leave it out of trainings; nothing but you changes its text then."""
    clip = _clip_of(parts, dataset_id, clip_id)
    if body.text is None and body.is_excluded is None:
        raise Refused("Give text, is_excluded, or both.")
    if body.text is not None:
        clip = parts.transcripts.edit(clip_id, body.text)
    if body.is_excluded is not None:
        clip = (parts.transcripts.exclude if body.is_excluded else parts.transcripts.include)(clip_id)
    return schemas.Clip.of(clip)


@router.get("/clips/{clip_id}/audio", response_class=FileResponse)
def clip_audio(dataset_id: str, clip_id: str, parts: GivenParts, without_noise: bool = False) -> FileResponse:
    """A clip as it is trained on: WAV, 24 kHz, mono; or what noise reduction makes of it, which may take seconds."""
    clip = _clip_of(parts, dataset_id, clip_id)
    path = parts.noise_reduction.before_and_after(clip.id)[1] if without_noise else parts.transcripts.clip_path(clip)
    return sound_response(path, "clip", clip_id)


@router.get("/export", response_class=StreamingResponse)
def export_dataset(dataset_id: str, parts: GivenParts) -> StreamingResponse:
    """The whole dataset as a zip in LJSpeech's layout, with the recordings as they came; uploaded, it is one again."""
    filename = parts.archive.filename(dataset_id)
    return StreamingResponse(
        parts.archive.stream(dataset_id),
        media_type="application/zip",
        headers={"Content-Disposition": f"attachment; filename*=utf-8''{quote(filename)}"},
    )


def _clip_of(parts: Parts, dataset_id: str, clip_id: str) -> Clip:
    """A clip that is in this dataset; raises NotFound."""
    parts.datasets.get(dataset_id)
    clip = parts.transcripts.get(clip_id)
    if clip.dataset_id != dataset_id:
        raise NotFound("clip", clip_id)
    return clip

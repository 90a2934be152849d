"""`/voices`: the Library."""

import shutil
from typing import Annotated

from fastapi import APIRouter, File, Form, HTTPException, Query, Request, UploadFile

from playground.api import voice_schemas as schemas
from playground.api.accents import AddedAccents, NewLocalVoice
from playground.api.dependencies import GivenParts
from playground.api.paging import GivenPaging
from playground.api.schemas import Gender, Page
from playground.services.accents import LocalForm
from playground.services.instant_voices import InstantForm
from storage.records import Voice

router = APIRouter(prefix="/voices", tags=["voices"])

Expand = Annotated[list[str], Query(alias="expand[]", description="preview_file_url")]
MAX_CLIP_BYTES = 16 * 1024**2
BASE_VOICE = "A clone's voice: its fine-tuned model speaks in the style of the clip. Any other is kept as a note."


@router.get("")
def list_voices(
    request: Request,
    parts: GivenParts,
    paging: GivenPaging,
    q: Annotated[str, Query(description="Words in name, description or id.")] = "",
    is_owner: bool | None = None,
    gender: Gender | None = None,
    language: str | None = None,
    expand: Expand = [],  # noqa: B006
) -> Page[schemas.Voice]:
    """One's own voices are those of clones, of clips, and localized ones."""
    page = parts.voices.page(
        search=q,
        is_owner=is_owner,
        gender=gender,
        language=language or None,
        **paging.arguments(),
    )
    return paging.envelope(page, lambda voice: _body(voice, request, expand))


@router.post("/clone")
def clone_voice(
    parts: GivenParts,
    clip: Annotated[UploadFile, File(description="2 to 60 s of one speaker, 16 MB at most.")],
    language: Annotated[str, Form()],
    name: Annotated[str, Form()],
    description: Annotated[str, Form()] = "",
    tagline: Annotated[str, Form()] = "",
    accent: Annotated[str, Form(description="Of GET /accents; british makes en speak as in Britain.")] = "",
    base_voice_id: Annotated[str, Form(description=BASE_VOICE)] = "",
) -> schemas.VoiceMetadata:
    """An instant voice: the base model, or a clone's, in the style of one clip, at once and without training."""
    if (clip.size or 0) > MAX_CLIP_BYTES:
        raise HTTPException(413, f"The clip is larger than {MAX_CLIP_BYTES // 1024**2} MB.")
    with parts.storage.media.scratch_folder() as folder:
        upload = folder / "clip"
        with upload.open("wb") as file:
            shutil.copyfileobj(clip.file, file)
        form = InstantForm(
            name=name,
            language=language,
            description=description,
            tagline=tagline,
            accent=accent or None,
            base_voice_id=base_voice_id,
        )
        voice = parts.instant_voices.clone(form, upload, filename=clip.filename or "clip")
    return schemas.VoiceMetadata.of(voice)


@router.post("/localize")
def localize_voice(body: NewLocalVoice, parts: GivenParts) -> schemas.VoiceMetadata:
    """A stock voice in another language, as a voice of one's own. Voices made from recordings keep their language."""
    form = LocalForm(
        name=body.name,
        accent=body.accent,
        language=body.language,
        description=body.description,
        tagline=body.tagline,
    )
    return schemas.VoiceMetadata.of(parts.accents.localize(body.voice_id, form))


@router.get("/{voice_id}")
def get_voice(voice_id: str, request: Request, parts: GivenParts, expand: Expand = []) -> schemas.Voice:  # noqa: B006
    return _body(parts.voices.get(voice_id), request, expand)


@router.patch("/{voice_id}")
def update_voice(voice_id: str, body: schemas.VoiceChange, parts: GivenParts) -> schemas.Voice:
    """Rename or describe an own voice, or give it another accent of its language."""
    takes_gender_away = "gender" in body.model_fields_set and body.gender is None
    gender = "" if takes_gender_away else body.gender
    changed = parts.voices.update(
        voice_id,
        name=body.name,
        description=body.description,
        gender=gender,
        tagline=body.tagline,
        accent=body.accent,
    )
    return schemas.Voice.of(changed)


@router.delete("/{voice_id}", status_code=204)
def delete_voice(voice_id: str, parts: GivenParts) -> None:
    """Delete an own voice; its clone and the other voices stay."""
    parts.voices.delete(voice_id)


@router.patch("/{voice_id}/accents")
def add_voice_accents(voice_id: str, body: AddedAccents, parts: GivenParts) -> schemas.Voice:
    """Name accents that an instant voice is meant to speak with beside its own."""
    return schemas.Voice.of(parts.accents.add(voice_id, body.accents))


@router.delete("/{voice_id}/accents/{accent_id}")
def delete_voice_accent(voice_id: str, accent_id: str, parts: GivenParts) -> schemas.Voice:
    return schemas.Voice.of(parts.accents.remove(voice_id, accent_id))


def _body(voice: Voice, request: Request, expand: list[str]) -> schemas.Voice:
    is_expanded = "preview_file_url" in expand
    url = f"{request.base_url}voices/{voice.id}/preview" if is_expanded else None
    return schemas.Voice.of(voice, preview_file_url=url)

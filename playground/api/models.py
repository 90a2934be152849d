"""`/models`: what speaks and what hears."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from model.base_models import BASE_MODELS
from playground.services.recognition import NAMES

router = APIRouter(tags=["models"])

Capability = Literal["tts", "stt"]


class Model(BaseModel):
    """`aliases` are other ids that mean the same; every `sonic-*` id means the production model."""

    id: str
    name: str
    capability: Capability
    languages: list[str]
    aliases: list[str]
    is_production: bool


class Models(BaseModel):
    data: list[Model]
    has_more: bool = False
    next_page: str | None = None


@router.get("/models")
def list_models(capability: Capability | None = None) -> Models:
    """The base models of speech, and that of recognition, which detects the language itself where none is given."""
    speaking = [
        Model(
            id=base.id,
            name=base.title,
            capability="tts",
            languages=[*base.languages],
            aliases=[*base.aliases],
            is_production=base.is_production,
        )
        for base in BASE_MODELS
    ]
    hearing = Model(
        id=NAMES[0], name="Whisper base", capability="stt", languages=[], aliases=[*NAMES[1:]], is_production=True
    )
    return Models(data=[model for model in (*speaking, hearing) if capability in (None, model.capability)])

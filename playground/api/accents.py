"""`/accents`: the accents that are spoken here, and what requests about them look like."""

from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import AfterValidator, BaseModel, Field

from model import accents

router = APIRouter(tags=["voices"])


class Accent(BaseModel):
    """One accent of the catalogue."""

    id: str
    name: str
    language: str
    locale: str
    is_locale_default: bool
    is_localizable: bool = Field(description="Whether stock voices can be localized to it.")

    @classmethod
    def of(cls, accent: accents.Accent) -> Self:
        return cls(
            id=accent.id,
            name=accent.name,
            language=accent.language,
            locale=accent.locale,
            is_locale_default=True,
            is_localizable=True,
        )


class AccentList(BaseModel):
    """Sorted by id."""

    accents: list[Accent]


def _all_different(ids: list[str]) -> list[str]:
    if len(set(ids)) < len(ids):
        raise ValueError("each accent may be named once")
    return ids


class AddedAccents(BaseModel):
    accents: Annotated[list[str], Field(min_length=1, max_length=9), AfterValidator(_all_different)]


class NewLocalVoice(BaseModel):
    voice_id: str = Field(description="A stock voice.")
    name: str
    accent: str = Field(description="Of GET /accents; it decides the language.")
    language: str = ""
    dialect: str | None = Field(None, description="Accepted; the accent decides.")
    description: str = ""
    tagline: str = ""
    original_speaker_gender: str | None = Field(None, description="Accepted; the voice's own is known.")


@router.get("/accents")
def list_accents(
    is_localizable: bool | None = None,
    language: str | None = None,
    locale: Annotated[str | None, Query(description="Such as en-GB or en_GB.")] = None,
) -> AccentList:
    found = [Accent.of(accent) for accent in accents.ACCENTS]
    wanted = locale and locale.replace("_", "-").lower()
    return AccentList(
        accents=[
            accent
            for accent in found
            if is_localizable in (None, accent.is_localizable)
            and language in (None, accent.language)
            and (not wanted or accent.locale.lower() == wanted)
        ]
    )

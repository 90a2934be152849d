"""How voices look."""

from typing import Literal, Self

from pydantic import BaseModel, Field

from model.accents import Accent, find_accent, native_accent
from playground.api.schemas import OWNER, Gender
from storage import records


class VoiceLocale(BaseModel):
    locale: str
    is_native: bool


class VoiceAccent(BaseModel):
    accent: str
    locale: str
    is_native: bool

    @classmethod
    def of(cls, accent: Accent, *, is_native: bool) -> Self:
        return cls(accent=accent.id, locale=accent.locale, is_native=is_native)


class PrivateAccess(BaseModel):
    """As older clients say it."""

    type: Literal["private"]


class VoiceChange(BaseModel):
    """What is absent stays."""

    name: str | None = None
    description: str | None = None
    gender: Gender | None = Field(None, description="null takes it away.")
    accent: str | None = Field(None, description="Of the same language; a clone keeps that of its recordings.")
    tagline: str | None = Field(None, description="32 characters at most.")
    access: Literal["private"] | PrivateAccess | None = Field(None, description="Voices here are private.")


class VoiceMetadata(BaseModel):
    """An instant voice as it was made."""

    id: str
    user_id: str
    name: str
    tagline: str
    description: str
    language: str
    access: Literal["private", "public"]
    visibility: Literal["owner", "all"]
    is_public: bool
    created_at: str

    @classmethod
    def of(cls, voice: records.Voice) -> Self:
        return cls(
            id=voice.id,
            user_id=OWNER,
            name=voice.name,
            tagline=voice.tagline,
            description=voice.description,
            language=voice.language,
            access="private",
            visibility="owner",
            is_public=False,
            created_at=voice.created_at,
        )


class Voice(BaseModel):
    """A stock voice, one of a fine-tune, or one made from a clip."""

    id: str
    name: str
    tagline: str
    description: str
    language: str
    gender: Gender | None
    country: str
    accent: str
    locales: list[VoiceLocale]
    accents: list[VoiceAccent]
    access: Literal["private", "public"]
    visibility: Literal["owner", "all"]
    is_owner: bool
    is_public: bool
    is_pro: bool = Field(description="Whether it is a Pro Voice Clone's.")
    status: Literal["active"]
    created_at: str
    preview_file_url: str | None = Field(description="Given with expand[]=preview_file_url.")
    model_id: str = Field(description="The dated id that it speaks with when none is asked for.")
    fine_tune_id: str | None

    @classmethod
    def of(cls, voice: records.Voice, *, preview_file_url: str | None = None) -> Self:
        is_own = not voice.is_stock
        native = native_accent(voice.language)
        accents = [VoiceAccent.of(native, is_native=True)]
        accents += [VoiceAccent.of(added, is_native=False) for added in map(find_accent, voice.accents) if added]
        return cls(
            id=voice.id,
            name=voice.name,
            tagline=voice.tagline,
            description=voice.description,
            language=voice.language,
            gender=voice.gender or None,
            country=native.locale.rpartition("-")[2],
            accent=native.id,
            locales=[VoiceLocale(locale=accent.locale, is_native=accent.is_native) for accent in accents],
            accents=accents,
            access="private" if is_own else "public",
            visibility="owner" if is_own else "all",
            is_owner=is_own,
            is_public=not is_own,
            is_pro=voice.fine_tune_id is not None,
            status="active",
            created_at=voice.created_at,
            preview_file_url=preview_file_url,
            model_id=voice.model_id,
            fine_tune_id=voice.fine_tune_id,
        )

"""What requests and responses look like: Cartesia's fields, and beside them a few that only we have."""

from typing import Any, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, Field, HttpUrl

from model.accents import Accent, find_accent, native_accent
from storage import records

Item = TypeVar("Item")
Gender = Literal["masculine", "feminine", "gender_neutral"]
RunStatus = Literal["created", "training", "completed", "failed"]

DEFAULT_TRAINING_MINUTES = 60
OWNER = "local"
"""Whoever runs this installation: there are no accounts."""


class Error(BaseModel):
    """Every answer from 400 upwards."""

    error_code: str | None = Field(description="Stable for programs.")
    title: str
    message: str = Field(description="What happened and what to do.")
    request_id: str = Field(description="Also in the header X-Request-Id and in the log.")


class OpenAIFault(BaseModel):
    message: str
    type: str
    param: str | None = None
    code: str | None


class OpenAIError(BaseModel):
    """Every answer from 400 upwards under `/v1`."""

    error: OpenAIFault


class ServerStatus(BaseModel):
    """That the server is there, and which version of the API it speaks."""

    ok: bool
    version: str


class Page(BaseModel, Generic[Item]):
    """Some items of a list, newest first."""

    data: list[Item]
    has_more: bool
    next_page: str | None = Field(description="The cursor that goes on in the same direction; null at the end.")


class NewDataset(BaseModel):
    name: str
    description: str = ""


class DatasetChange(BaseModel):
    name: str
    description: str | None = Field(None, description="Stays as it is when absent.")
    reduces_noise: bool | None = Field(None, description="Stays as it is when absent.")


class Dataset(BaseModel):
    """The recordings of one speaker."""

    id: str
    name: str
    description: str
    created_at: str
    reduces_noise: bool = Field(description="Whether trainings take steady noise out of the clips.")

    @classmethod
    def of(cls, dataset: records.Dataset) -> Self:
        return cls.model_validate(dataset, from_attributes=True)


class Finding(BaseModel):
    """One thing that keeps a recording from being good."""

    kind: str = Field(description="Stable for programs: noise, music, speaker, language, duplicate and others.")
    verdict: str = Field(description="usable, poor or rejected.")
    reason: str
    advice: str


class DatasetFile(BaseModel):
    """One recording. It is checked after the upload; until then `verdict` is null."""

    id: str
    filename: str
    created_at: str
    size: int = Field(description="Bytes.")
    duration_seconds: float | None
    usable_seconds: float
    issues: list[str] = Field(description="The reasons of the findings.")
    verdict: str | None = Field(description="good, usable, poor or rejected.")
    reason: str
    findings: list[Finding] = Field(description="Empty for a good recording.")
    language: str | None = Field(description="Heard in it; null until it was listened to.")

    @classmethod
    def of(cls, file: records.DatasetFile) -> Self:
        return cls(
            id=file.id,
            filename=file.filename,
            created_at=file.created_at,
            size=file.size,
            duration_seconds=file.duration_seconds,
            usable_seconds=file.usable_seconds,
            issues=[finding["reason"] for finding in file.findings],
            verdict=file.verdict or None,
            reason=file.reason,
            findings=[Finding.model_validate(finding) for finding in file.findings],
            language=file.language or None,
        )


class Clip(BaseModel):
    """A stretch of a recording, with what is said in it."""

    id: str
    file: str = Field(description="The file's id.")
    start_seconds: float
    duration_seconds: float
    text: str = Field(description="Empty until it has been heard.")
    source: Literal["heard", "given", "edited"] | None = Field(description="By recognition, in a file of text, here.")
    confidence: float | None = Field(description="Of recognition, 0 to 1; null where it has not listened.")
    is_doubtful: bool = Field(description="Recognition was unsure, or heard something else than the given text.")
    is_excluded: bool = Field(description="Not used by trainings.")

    @classmethod
    def of(cls, clip: records.Clip) -> Self:
        return cls(
            id=clip.id,
            file=clip.file_id,
            start_seconds=clip.start_seconds,
            duration_seconds=clip.duration_seconds,
            text=clip.transcript,
            source=clip.transcript_source.value or None,
            confidence=clip.confidence,
            is_doubtful=clip.is_doubtful,
            is_excluded=clip.is_excluded,
        )


class ClipChange(BaseModel):
    """What is absent stays."""

    text: str | None = None
    is_excluded: bool | None = None


class NewFineTune(BaseModel):
    """Sent to training at once. By sending it you say that you have the right to clone the voice."""

    name: str
    description: str = ""
    language: str
    model_id: str = Field(description="A dated id or an alias; the answer names the dated one.")
    dataset: str = Field(description="The dataset's id.")
    accent: str | None = None
    gender: Gender | None = None
    training_minutes: int = Field(DEFAULT_TRAINING_MINUTES, description="From the request to Completed.")
    webhook_url: HttpUrl | None = Field(None, description="Called when the training has ended.")


class UserError(BaseModel):
    code: str
    message: str


class FineTune(BaseModel):
    """One run on one dataset. `model_id` is the dated id that its voices are pinned to."""

    id: str
    name: str
    description: str
    language: str
    model_id: str
    dataset: str = Field(description="Empty once the dataset has been deleted.")
    accent: str | None
    status: RunStatus
    created_at: str
    training_minutes: int
    attempt: int
    stage: str
    progress: float = Field(description="Of the whole, 0 to 1.")
    eta_seconds: float | None
    error: str
    user_errors: list[UserError]
    stage_seconds: dict[str, float]
    webhook_url: str
    report: dict[str, Any]

    @classmethod
    def of(cls, fine_tune: records.FineTune) -> Self:
        shared = {name: getattr(fine_tune, name) for name in cls.model_fields if name not in ("dataset", "status")}
        return cls(**shared, dataset=fine_tune.dataset_id or "", status=fine_tune.status.value)


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
    """A stock voice, or one of the four of a fine-tune."""

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

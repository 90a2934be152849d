"""How datasets, their files and their clips look."""

from typing import Literal, Self

from pydantic import BaseModel, Field

from storage import records


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

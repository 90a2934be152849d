"""How fine-tunes look."""

from typing import Any, Literal, Self

from pydantic import BaseModel, Field, HttpUrl

from playground.api.schemas import Gender
from storage import records

RunStatus = Literal["created", "training", "completed", "failed"]

DEFAULT_TRAINING_MINUTES = 60


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

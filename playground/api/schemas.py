"""What all resources share: how errors and pages look. Cartesia's fields, and beside them a few that only we have."""

from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, Field

Item = TypeVar("Item")
Gender = Literal["masculine", "feminine", "gender_neutral"]
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

"""`/pronunciation-dicts`: how some words shall be said, for requests for speech that name a dictionary."""

from typing import Any, Literal, Self

from fastapi import APIRouter
from pydantic import AliasChoices, BaseModel, Field

from playground.api import schemas
from playground.api.dependencies import GivenParts
from playground.api.paging import GivenPaging
from playground.services.pronunciation import Entry, entries_of
from storage import records

router = APIRouter(prefix="/pronunciation-dicts", tags=["pronunciation"])


class NewItem(BaseModel):
    """Whole words only. Newer clients call the alias `pronunciation`."""

    text: str
    alias: str = Field(
        validation_alias=AliasChoices("alias", "pronunciation"),
        description="What is said instead: other words, or phonemes of IPA as <<ˈ|æ|k|m|i>>.",
    )
    case_sensitive: bool = Field(
        False, description="If true, a text in lower case is also meant at the start of a sentence."
    )


class Item(BaseModel):
    text: str
    alias: str
    pronunciation: str = Field(description="The alias, as newer clients call it.")
    case_sensitive: bool


class NewDictionary(BaseModel):
    name: str
    items: list[NewItem] | None = None
    description: str = ""


class DictionaryChange(BaseModel):
    """What is absent stays; items replace all that were there."""

    name: str | None = None
    items: list[NewItem] | None = None
    description: str | None = None


class Dictionary(BaseModel):
    id: str
    name: str
    description: str
    created_at: str
    items: list[Item]
    owner_id: str
    is_owner: Literal[True]
    pinned: Literal[False]
    access: Literal["private"]
    visibility: Literal["owner"]

    @classmethod
    def of(cls, dictionary: records.PronunciationDict) -> Self:
        return cls(
            id=dictionary.id,
            name=dictionary.name,
            description=dictionary.description,
            created_at=dictionary.created_at,
            items=[
                Item(text=e.text, alias=e.alias, pronunciation=e.alias, case_sensitive=e.case_sensitive)
                for e in entries_of(dictionary)
            ],
            owner_id=schemas.OWNER,
            is_owner=True,
            pinned=False,
            access="private",
            visibility="owner",
        )


@router.get("")
def list_pronunciation_dicts(parts: GivenParts, paging: GivenPaging) -> schemas.Page[Dictionary]:
    return paging.envelope(parts.pronunciation.page(**paging.arguments()), Dictionary.of)


@router.post("")
def create_pronunciation_dict(body: NewDictionary, parts: GivenParts) -> Dictionary:
    return Dictionary.of(parts.pronunciation.create(body.name, _entries(body.items or []), body.description))


@router.get("/{dict_id}")
def get_pronunciation_dict(dict_id: str, parts: GivenParts) -> Dictionary:
    return Dictionary.of(parts.pronunciation.get(dict_id))


@router.patch("/{dict_id}")
def update_pronunciation_dict(dict_id: str, body: DictionaryChange, parts: GivenParts) -> Dictionary:
    changes: dict[str, Any] = {"name": body.name, "description": body.description}
    if body.items is not None:
        changes["entries"] = _entries(body.items)
    return Dictionary.of(parts.pronunciation.update(dict_id, **changes))


@router.delete("/{dict_id}", status_code=204)
def delete_pronunciation_dict(dict_id: str, parts: GivenParts) -> None:
    parts.pronunciation.delete(dict_id)


def _entries(items: list[NewItem]) -> list[Entry]:
    return [Entry(**item.model_dump()) for item in items]

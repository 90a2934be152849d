"""Lists by cursor: `limit`, `starting_after` or `ending_before`, and the envelope of the answer."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query

from playground.api import schemas
from playground.services.errors import Refused
from storage.table import Page

Record = TypeVar("Record")
Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True)
class Paging:
    """Which part of a list is asked for."""

    limit: int
    starting_after: str | None
    ending_before: str | None

    def arguments(self) -> dict[str, Any]:
        """As services take them."""
        return asdict(self)

    def envelope(self, page: Page[Record], item: Callable[[Record], Item]) -> schemas.Page[Item]:
        """The answer. Its end is an empty page too: some clients ask on until they see one."""
        data = [item(record) for record in page.records]
        cursor = (data[0] if self.ending_before else data[-1]) if page.has_more else None
        return schemas.Page(data=data, has_more=page.has_more, next_page=getattr(cursor, "id", None))


def _paging(
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
    starting_after: Annotated[str | None, Query(description="An id; the list goes on behind it.")] = None,
    ending_before: Annotated[str | None, Query(description="An id; the list ends before it.")] = None,
) -> Paging:
    if starting_after and ending_before:
        raise Refused("Give starting_after or ending_before, not both.")
    return Paging(limit=limit, starting_after=starting_after or None, ending_before=ending_before or None)


GivenPaging = Annotated[Paging, Depends(_paging)]

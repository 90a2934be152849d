"""One table of records: rows in, frozen values out, newest first, with cursor paging."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Generic, TypeVar, get_type_hints

from sqlite_utils import Database

from storage.errors import NotFound, UnknownCursor

Record = TypeVar("Record")

NEWEST_FIRST = "created_at desc, rowid desc"


@dataclass(frozen=True, kw_only=True)
class Page(Generic[Record]):
    """Some rows of a list, and whether more follow in the direction of reading."""

    records: list[Record]
    has_more: bool


class Table(Generic[Record]):
    """The rows of one record type. `kind` is the word for it in errors."""

    name: str
    kind: str
    record: type[Record]

    def __init__(self, db: Database) -> None:
        self._db = db
        self._rows = db.table(self.name)

    def insert(self, record: Record) -> Record:
        row = _to_row(record)
        columns, values = ", ".join(f"[{name}]" for name in row), ", ".join(f":{name}" for name in row)
        self._db.execute(f"insert into [{self.name}] ({columns}) values ({values})", row)
        return record

    def find(self, id: str) -> Record | None:
        """The record, or None."""
        found = self.where("id = ?", [id])
        return found[0] if found else None

    def get(self, id: str) -> Record:
        """The record; raises NotFound."""
        record = self.find(id)
        if record is None:
            raise NotFound(self.kind, id)
        return record

    def update(self, id: str, **changes: Any) -> Record:
        """Write some columns and give the row as it then is; raises NotFound."""
        assignments = ", ".join(f"[{column}] = :{column}" for column in changes)
        rows = self._query(
            f"update [{self.name}] set {assignments} where id = :id returning *",
            {**{column: _to_value(value) for column, value in changes.items()}, "id": id},
        )
        if not rows:
            raise NotFound(self.kind, id)
        return rows[0]

    def delete(self, id: str) -> None:
        self.delete_where("id = ?", [id])

    def delete_where(self, where: str, params: Sequence[Any]) -> None:
        self._rows.delete_where(where, list(params))

    def where(
        self,
        where: str = "1",
        params: Sequence[Any] = (),
        *,
        order_by: str = "rowid",
        limit: int | None = None,
    ) -> list[Record]:
        bound = "" if limit is None else f" limit {int(limit)}"
        return self._query(f"select * from [{self.name}] where {where} order by {order_by}{bound}", list(params))

    def count(self, where: str = "1", params: Sequence[Any] = ()) -> int:
        return int(self._rows.count_where(where, list(params)))

    def page(
        self,
        where: str = "1",
        params: Sequence[Any] = (),
        *,
        limit: int,
        starting_after: str | None = None,
        ending_before: str | None = None,
    ) -> Page[Record]:
        """`limit` rows newest first, after or before the row of an id; raises UnknownCursor."""
        cursor = starting_after or ending_before
        order = NEWEST_FIRST
        bound: list[Any] = list(params)
        if cursor is not None:
            compare = "<" if starting_after else ">"
            position = next(
                self._db.query(f"select created_at, rowid as row from [{self.name}] where id = ?", [cursor]),
                None,
            )
            if position is None:
                raise UnknownCursor(f"There is no {self.kind} with the id {cursor!r} to go on from.")
            where = f"({where}) and (created_at, rowid) {compare} (?, ?)"
            bound += [position["created_at"], position["row"]]
            if not starting_after:
                order = "created_at, rowid"
        found = self.where(where, bound, order_by=order, limit=limit + 1)
        records = found[:limit]
        if order != NEWEST_FIRST:
            records.reverse()
        return Page(records=records, has_more=len(found) > limit)

    def _query(self, sql: str, params: Any) -> list[Record]:
        hints = self._hints()
        return [self._from_row(row, hints) for row in self._db.query(sql, params)]

    @classmethod
    @cache
    def _hints(cls) -> dict[str, Any]:
        """The types of the record's fields; to find them takes longer than to read a row."""
        return get_type_hints(cls.record)

    def _from_row(self, row: dict[str, Any], hints: dict[str, Any]) -> Record:
        return self.record(**{f.name: _from_value(row[f.name], hints[f.name]) for f in fields(self.record)})  # type: ignore[arg-type]


def _to_row(record: Any) -> dict[str, Any]:
    return {f.name: _to_value(getattr(record, f.name)) for f in fields(record)}


def _to_value(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def _from_value(value: Any, hint: Any) -> Any:
    if value is None:
        return None
    origin = getattr(hint, "__origin__", hint)
    if origin in (dict, list):
        return json.loads(value)
    return origin(value) if isinstance(origin, type) else value

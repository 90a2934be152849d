"""Errors of the storage layer."""


class StorageError(Exception):
    """Base of all expected faults in `storage/`."""


class NotFound(StorageError):
    """No row has this id."""

    def __init__(self, kind: str, id: str) -> None:
        super().__init__(f"There is no {kind} with the id {id!r}.")
        self.kind = kind
        self.id = id


class Locked(StorageError):
    """Somebody else is writing, and it was not to be waited for."""


class UnknownCursor(StorageError):
    """A page was asked for after or before a row that is not in the list."""

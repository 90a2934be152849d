"""Recordings from multipart forms, written to disk as they come: never whole in memory, never twice on disk."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from fastapi.concurrency import run_in_threadpool
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from model.decoding import FORMATS
from playground.services.errors import Refused

FILE_PART = b"file"
UNNAMED = "upload"
UPLOAD_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {
                            "type": "string",
                            "format": "binary",
                            "description": f"A recording (its content decides; {', '.join(FORMATS)}) or a transcript.",
                        },
                        "purpose": {"type": "string", "example": "fine_tune"},
                    },
                }
            }
        },
    }
}
"""What the upload takes, in the words of OpenAPI."""


@dataclass(frozen=True, kw_only=True)
class ReceivedFile:
    """An upload on disk; `filename` is as the client gave it."""

    filename: str
    path: Path


async def receive_files(request: Request, folder: Path) -> list[ReceivedFile]:
    """Write the parts named `file` to `folder`, wherever they stand in the form; raises Refused."""
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise Refused("Send the recording as multipart/form-data with a part named “file”.")
    form = _Form(folder)
    try:
        parser = MultipartParser(options[b"boundary"], form.callbacks())  # type: ignore[arg-type]
        async for chunk in request.stream():
            await run_in_threadpool(parser.write, chunk)
    except FormParserError as error:
        raise Refused(f"The form cannot be read: {error}") from error
    finally:
        form.close()
    if not form.is_whole:
        raise Refused("The upload ended before the form was complete. Send it again.")
    if not form.received:
        raise Refused("The form has no part named “file”.")
    return form.received


class _Form:
    """Follows the parser through the parts of a form."""

    def __init__(self, folder: Path) -> None:
        self.received: list[ReceivedFile] = []
        self.is_whole = False
        self._folder = folder
        self._file: BinaryIO | None = None
        self._name = self._value = self._disposition = b""

    def callbacks(self) -> dict[str, Any]:
        return {
            "on_part_begin": self._begin_part,
            "on_header_field": self._read_header_name,
            "on_header_value": self._read_header_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._open,
            "on_part_data": self._write,
            "on_part_end": self.close,
            "on_end": self._end,
        }

    def close(self) -> None:
        """Close the file that is being written, if any."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin_part(self) -> None:
        self._disposition = b""

    def _read_header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _read_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition = self._value
        self._name = self._value = b""

    def _open(self) -> None:
        _, options = parse_options_header(self._disposition)
        if options.get(b"name") != FILE_PART:
            return
        path = self._folder / str(len(self.received))
        self._file = path.open("wb")
        filename = options.get(b"filename", b"").decode("utf-8", errors="replace")
        self.received.append(ReceivedFile(filename=filename or UNNAMED, path=path))

    def _write(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(data[start:end])

    def _end(self) -> None:
        self.is_whole = True

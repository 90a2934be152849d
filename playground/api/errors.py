"""Every error as JSON of one shape, with the id under which the log knows the request."""

from dataclasses import dataclass, replace
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse

from model.errors import (
    AudioError,
    FormatUnknown,
    LanguageNotSupported,
    ModelError,
    ModelNotFound,
    TranscriptUnreadable,
    WeightsUnavailable,
)
from playground.api.schemas import Error, OpenAIError, OpenAIFault
from playground.services.errors import ServiceError
from storage.errors import NotFound, UnknownCursor

MODEL_ERRORS = {
    AudioError: (400, "Recording not readable"),
    TranscriptUnreadable: (400, "Text not readable"),
    FormatUnknown: (400, "Audio format not supported"),
    ModelNotFound: (404, "Model not found"),
    LanguageNotSupported: (400, "Language not supported"),
    WeightsUnavailable: (503, "Weights unavailable"),
}
PLACES = ("body", "query", "path", "header", "cookie")
LASTING = (HTTPStatus.CONFLICT, HTTPStatus.NOT_IMPLEMENTED)
"""What the official clients would ask for again, in vain."""
HTTP_CODES = {403: "forbidden", 404: "not_found", 405: "method_not_allowed", 413: "file_too_large"}


class NotOffered(ServiceError):
    """Part of the contract, but not of this server yet."""

    code = "not_implemented"
    status = 501
    title = "Not offered yet"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What went wrong, for every shape in which it is told."""

    status: int
    title: str
    message: str
    code: str | None
    retry_after: int | None = None


def fault_of(error: Exception) -> Fault:
    """What an expected error tells; raises it again when it is none."""
    match error:
        case ServiceError():
            return Fault(
                status=error.status,
                title=error.title,
                message=str(error),
                code=error.code,
                retry_after=error.retry_after,
            )
        case NotFound():
            code = error.kind.replace("-", "_").replace(" ", "_") + "_not_found"
            return Fault(status=404, title=f"{error.kind.capitalize()} not found", message=str(error), code=code)
        case UnknownCursor():
            return Fault(status=400, title="Unknown cursor", message=str(error), code="unknown_cursor")
        case ModelError():
            status, title = MODEL_ERRORS.get(type(error), (500, "The model failed"))
            return Fault(status=status, title=title, message=str(error), code=error.code)
        case HTTPException():
            return Fault(
                status=error.status_code,
                title=HTTPStatus(error.status_code).phrase,
                message=error.detail,
                code=HTTP_CODES.get(error.status_code),
            )
        case ValidationError() | RequestValidationError():
            message = "; ".join(_problem(**problem) for problem in error.errors()[:3]) + "."
            return Fault(status=400, title="Invalid request", message=message, code="invalid_request")
    raise error


EXPECTED = (ServiceError, NotFound, UnknownCursor, ModelError, HTTPException, ValidationError)
"""What `fault_of` tells of, outside requests with a body that FastAPI reads."""


def error_response(
    request: HTTPConnection, *, status: int, title: str, message: str, code: str | None, retry_after: int | None = None
) -> JSONResponse:
    """The answer to a request that failed. Conflicts and what is not offered stay so: clients shall not try again."""
    if f"{request.url.path}/".startswith("/v1/"):
        body: BaseModel = OpenAIError(error=openai_fault(status=status, message=message, code=code))
    else:
        body = Error(error_code=code, title=title, message=message, request_id=request.state.request_id)
    headers = {"x-should-retry": "false"} if status in LASTING else {}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return JSONResponse(body.model_dump(), status_code=status, headers=headers)


def openai_fault(*, status: int, message: str, code: str | None, **_: object) -> OpenAIFault:
    """What OpenAI's clients read of a `Fault`."""
    kind = "invalid_request_error" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "server_error"
    return OpenAIFault(message=message, type=kind, code=code)


def add_error_handlers(app: FastAPI) -> None:
    """Teach the app to answer all expected errors."""
    for kind in (ServiceError, NotFound, UnknownCursor, ModelError, HTTPException):
        app.add_exception_handler(kind, _answer)
    app.add_exception_handler(RequestValidationError, _answer_validation)


def _answer(request: Request, error: Exception) -> JSONResponse:
    return error_response(request, **vars(fault_of(error)))


def _answer_validation(request: Request, error: Exception) -> JSONResponse:
    fault = fault_of(error)
    if "application/json" not in request.headers.get("content-type", "application/json"):
        hint = " Send JSON with the header Content-Type: application/json."
        fault = replace(fault, message=fault.message + hint)
    return error_response(request, **vars(fault))


def _problem(*, loc: tuple[str | int, ...], msg: str, type: str, **_: object) -> str:
    """`output_format.wav.sample_rate: Input should be …`: the field without the place where it was looked for."""
    if type == "json_invalid":
        return "The body is not valid JSON"
    places = loc[1:] if loc and loc[0] in PLACES else loc
    return f"{'.'.join(str(part) for part in places) or (loc or ('body',))[0]}: {msg}"

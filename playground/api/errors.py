"""Every error as JSON of one shape, with the id under which the log knows the request."""

import logging
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from model.errors import (
    AudioError,
    LanguageNotSupported,
    ModelError,
    ModelNotFound,
    TranscriptUnreadable,
    WeightsUnavailable,
)
from playground.api.schemas import Error
from playground.services.errors import ServiceError
from storage.errors import NotFound, UnknownCursor

log = logging.getLogger(__name__)

MODEL_ERRORS = {
    AudioError: (400, "Recording not readable"),
    TranscriptUnreadable: (400, "Text not readable"),
    ModelNotFound: (404, "Model not found"),
    LanguageNotSupported: (400, "Language not supported"),
    WeightsUnavailable: (503, "Weights unavailable"),
}
HTTP_CODES = {403: "forbidden", 404: "not_found", 405: "method_not_allowed", 413: "file_too_large"}


class NotOffered(ServiceError):
    """Part of the contract, but not of this server yet."""

    code = "not_implemented"
    status = 501
    title = "Not offered yet"


def error_response(request: Request, *, status: int, title: str, message: str, code: str | None) -> JSONResponse:
    """The answer to a request that failed. A conflict stays one when tried again, so clients are told not to."""
    body = Error(error_code=code, title=title, message=message, request_id=request.state.request_id)
    headers = {"x-should-retry": "false"} if status == HTTPStatus.CONFLICT else None
    return JSONResponse(body.model_dump(), status_code=status, headers=headers)


def add_error_handlers(app: FastAPI) -> None:
    """Teach the app to answer all expected errors."""
    app.add_exception_handler(ServiceError, _of_service)
    app.add_exception_handler(NotFound, _of_missing_row)
    app.add_exception_handler(UnknownCursor, _of_cursor)
    app.add_exception_handler(ModelError, _of_model)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_http)


def _of_service(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ServiceError)
    return error_response(request, status=error.status, title=error.title, message=str(error), code=error.code)


def _of_missing_row(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, NotFound)
    code = error.kind.replace("-", "_").replace(" ", "_") + "_not_found"
    return error_response(
        request, status=404, title=f"{error.kind.capitalize()} not found", message=str(error), code=code
    )


def _of_cursor(request: Request, error: Exception) -> JSONResponse:
    return error_response(request, status=400, title="Unknown cursor", message=str(error), code="unknown_cursor")


def _of_model(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ModelError)
    status, title = MODEL_ERRORS.get(type(error), (500, "The model failed"))
    return error_response(request, status=status, title=title, message=str(error), code=error.code)


def _of_validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    message = "; ".join(_fault(**fault) for fault in error.errors()[:3]) + "."
    if "application/json" not in request.headers.get("content-type", "application/json"):
        message += " Send JSON with the header Content-Type: application/json."
    return error_response(request, status=400, title="Invalid request", message=message, code="invalid_request")


def _fault(*, loc: tuple[str | int, ...], msg: str, type: str, **_: object) -> str:
    """`output_format.wav.sample_rate: Input should be …`: the field without the place where it was looked for."""
    if type == "json_invalid":
        return "The body is not valid JSON"
    return f"{'.'.join(str(part) for part in loc[1:]) or loc[0]}: {msg}"


def _of_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    status = error.status_code
    return error_response(
        request,
        status=status,
        title=HTTPStatus(status).phrase,
        message=error.detail,
        code=HTTP_CODES.get(status),
    )

"""The OpenAPI document, with what is true of every answer, and the page that shows it without asking another host."""

from typing import Any

from fastapi import FastAPI
from fastapi_swagger import patch_fastapi

REQUEST_ID = {"X-Request-Id": {"description": "The id of the request in the log.", "schema": {"type": "string"}}}
OF_REFUSALS = {
    "Retry-After": {"description": "With 429: seconds to wait.", "schema": {"type": "string"}},
    "x-should-retry": {"description": "With 409: false.", "schema": {"type": "string"}},
    "WWW-Authenticate": {"description": "With 401: Bearer.", "schema": {"type": "string"}},
}
SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key or an access token."},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "A key."},
}


class DocumentedApi(FastAPI):
    """An app whose middleware answers too: its headers and its keys are in the document."""

    def openapi(self) -> dict[str, Any]:
        is_new = self.openapi_schema is None
        document = super().openapi()
        if is_new:
            _complete(document)
        return document


def add_docs_page(app: FastAPI) -> None:
    """Swagger UI at /docs; no validator of another host is asked about the document."""
    options = {"validatorUrl": None, "tryItOutEnabled": True, "persistAuthorization": True, "filter": True}
    patch_fastapi(app, redirect_from_root_to_docs=False, swagger_ui_parameters=options)


def _complete(document: dict[str, Any]) -> None:
    document["components"]["securitySchemes"] = SECURITY
    document["security"] = [{name: []} for name in SECURITY] + [{}]
    for path in document["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                if status in ("4XX", "5XX"):  # of event streams too
                    response["content"] = {"application/json": next(iter(response["content"].values()))}
                response["headers"] = REQUEST_ID | (OF_REFUSALS if status == "4XX" else {})

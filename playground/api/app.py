"""Puts the API together. The page is mounted behind it, at `/`."""

from anyio import CapacityLimiter
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.middleware import Middleware

from playground.api import (
    accents,
    access_tokens,
    audio,
    clips,
    datasets,
    events,
    fallback,
    fine_tunes,
    models,
    openai,
    pronunciation_dicts,
    recognition,
    schemas,
    sign_in,
    speech,
    speech_socket,
    status,
    voices,
)
from playground.api.access import AccessControl
from playground.api.document import DocumentedApi, add_docs_page
from playground.api.errors import add_error_handlers
from playground.api.rate import Rate
from playground.api.requests import OneSlashForm, RequestIds
from playground.api.security import BodyLimit, Guard
from playground.parts import Parts

RESOURCES = (
    status,
    sign_in,
    access_tokens,
    datasets,
    clips,
    fine_tunes,
    events,
    voices,
    accents,
    pronunciation_dicts,
    speech,
    speech_socket,
    recognition,
    models,
    openai,
    audio,
    fallback,
)
REFUSING_AT_ONCE = 4
"""Threads beside those that speak or wait for their turn: whoever is too many is told at once."""

DESCRIPTION = """Pro Voice Cloning on your own machine, with the addresses and fields of Cartesia's API.

Every path is also answered with a slash at its end. Errors of every kind have one shape.

On the machine itself no key is needed unless the settings say so; a revoked key is refused everywhere. Keys, and access
tokens (`POST /access-token`), are sent as `Authorization: Bearer KEY` or `X-API-Key: KEY`; WebSockets take them as
`?api_key=` or `?access_token=` too. Keys for speech only are refused (403) where data is read or changed.
Above the rate of the settings the answer is 429 with `Retry-After`."""


def create_api(parts: Parts) -> FastAPI:
    """The API on the parts of a playground, guarded; whatever is mounted on it later is guarded too."""
    rate = Rate(parts.settings.requests_per_minute)
    app = DocumentedApi(
        title="Voice Playground",
        description=DESCRIPTION + speech_socket.ABOUT,
        version=status.API_VERSION,
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
        responses={"4XX": {"model": schemas.Error}, "5XX": {"model": schemas.Error}},
        middleware=[
            Middleware(RequestIds),
            Middleware(Guard, settings=parts.settings),
            Middleware(AccessControl, access=parts.access, rate=rate),
            Middleware(BodyLimit, settings=parts.settings),
            Middleware(OneSlashForm),
        ],
    )
    app.state.parts = parts
    app.state.rate = rate
    settings = parts.settings
    app.state.speaking = CapacityLimiter(settings.speeches_at_once + settings.speeches_waiting + REFUSING_AT_ONCE)
    add_error_handlers(app)
    add_docs_page(app)
    for resource in RESOURCES:
        app.include_router(resource.router)
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name

"""Puts the API together. The page is mounted behind it, at `/`."""

from anyio import CapacityLimiter
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.middleware import Middleware

from playground.api import audio, clips, datasets, fallback, fine_tunes, schemas, speech, status, voices
from playground.api.errors import add_error_handlers
from playground.api.requests import OneSlashForm, RequestIds
from playground.api.security import BodyLimit, Guard
from playground.parts import Parts

SPEAKING_AT_ONCE = 16
"""Requests for speech that have a thread; more wait their turn without one."""

DESCRIPTION = """Pro Voice Cloning on your own machine, with the addresses and fields of Cartesia's API.

Every path is also answered with a slash at its end. Errors of every kind have one shape."""


def create_api(parts: Parts) -> FastAPI:
    """The API on the parts of a playground, guarded; whatever is mounted on it later is guarded too."""
    app = FastAPI(
        title="Voice Playground",
        description=DESCRIPTION,
        version=status.API_VERSION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
        responses={"4XX": {"model": schemas.Error}, "5XX": {"model": schemas.Error}},
        middleware=[
            Middleware(RequestIds),
            Middleware(Guard, settings=parts.settings),
            Middleware(BodyLimit, settings=parts.settings),
            Middleware(OneSlashForm),
        ],
    )
    app.state.parts = parts
    app.state.speaking = CapacityLimiter(SPEAKING_AT_ONCE)
    add_error_handlers(app)
    for resource in (status, datasets, clips, fine_tunes, voices, speech, audio, fallback):
        app.include_router(resource.router)
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name

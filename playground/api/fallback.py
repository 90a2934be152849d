"""What the contract has and we do not yet (501), and what nobody has (404, 405), under the API's own names only."""

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.routing import Match

from playground.api.errors import NotOffered
from playground.api.requests import API_NAMES, NOT_YET

router = APIRouter(include_in_schema=False)

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
NOT_OFFERED = (*(f"/{name}{rest}" for name in NOT_YET for rest in ("", "/{rest:path}")),)


def not_offered(request: Request) -> None:
    raise NotOffered(f"{request.url.path} is part of the API that this server follows, but it is not offered here yet.")


def unknown(request: Request) -> None:
    path = request.url.path
    if any(route.matches(request.scope)[0] == Match.PARTIAL for route in request.app.routes):
        raise HTTPException(405, f"{path} does not take {request.method}.")
    raise HTTPException(404, f"There is nothing at {path}.")


for path in NOT_OFFERED:
    router.add_api_route(path, not_offered, methods=METHODS)
for name in sorted(API_NAMES):
    router.add_api_route(f"/{name}", unknown, methods=METHODS)
    router.add_api_route(f"/{name}/{{rest:path}}", unknown, methods=METHODS)

"""`GET /` for programs: the same address is the page for people."""

from fastapi import APIRouter, Response
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.routing import Match
from starlette.types import Scope

from playground.api.schemas import ServerStatus

API_VERSION = "2026-08-14"
"""The version of the contract that this server speaks, by its date."""


class RouteForPrograms(APIRoute):
    """Matches only where JSON is preferred to HTML; whoever prefers HTML goes on to the page."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] == "http" and prefers_json(Headers(scope=scope).get("accept", "")):
            return super().matches(scope)
        return Match.NONE, {}


router = APIRouter(route_class=RouteForPrograms, tags=["status"])


@router.get("/", responses={200: {"content": {"text/html": {"schema": {"type": "string"}}}}})
def get_status(response: Response) -> ServerStatus:
    """Answers where the header Accept prefers application/json to text/html; else `/` is the page."""
    response.headers["Vary"] = "Accept"
    return ServerStatus(ok=True, version=API_VERSION)


def prefers_json(accept: str) -> bool:
    """Whether an Accept header gives application/json more weight than text/html (RFC 9110, 12.5.1)."""
    weights = dict(_weight(part) for part in accept.lower().split(","))
    return _quality(weights, "application/json") > _quality(weights, "text/html")


def _weight(part: str) -> tuple[str, float]:
    kind, *parameters = (piece.strip() for piece in part.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return kind, float(value)
            except ValueError:
                return kind, 0.0
    return kind, 1.0


def _quality(weights: dict[str, float], kind: str) -> float:
    """The weight of the most specific range that holds a media type."""
    ranges = (kind, kind.split("/")[0] + "/*", "*/*")
    return next((weights[name] for name in ranges if name in weights), 0.0)

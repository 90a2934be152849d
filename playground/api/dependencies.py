"""What routes are given: the parts of the playground, and who asks."""

from typing import Annotated, cast

from fastapi import Depends
from starlette.requests import Request

from playground.parts import Parts
from playground.services.keys import Caller


def _parts(request: Request) -> Parts:
    return cast(Parts, request.app.state.parts)


def _caller(request: Request) -> Caller:
    return cast(Caller, request.state.caller)


GivenParts = Annotated[Parts, Depends(_parts)]
GivenCaller = Annotated[Caller, Depends(_caller)]
"""As the middleware `AccessControl` has found it."""

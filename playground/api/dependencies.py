"""What routes are given: the parts of the playground, and who asks."""

from typing import Annotated, cast

from anyio import CapacityLimiter
from fastapi import Depends
from starlette.requests import HTTPConnection

from playground.api.rate import Rate
from playground.parts import Parts
from playground.services.keys import Caller


def _parts(connection: HTTPConnection) -> Parts:
    return cast(Parts, connection.app.state.parts)


def _limiter(connection: HTTPConnection) -> CapacityLimiter:
    return cast(CapacityLimiter, connection.app.state.speaking)


def _caller(request: HTTPConnection) -> Caller:
    return cast(Caller, request.state.caller)


def _rate(connection: HTTPConnection) -> Rate:
    return cast(Rate, connection.app.state.rate)


GivenParts = Annotated[Parts, Depends(_parts)]
GivenCaller = Annotated[Caller, Depends(_caller)]
"""As the middleware `AccessControl` has found it."""
GivenLimiter = Annotated[CapacityLimiter, Depends(_limiter)]
"""Of the threads in which speech is made."""
GivenRate = Annotated[Rate, Depends(_rate)]
"""For connections on which more is asked than once."""

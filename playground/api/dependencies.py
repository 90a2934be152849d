"""What routes are given: the parts of the playground."""

from typing import Annotated, cast

from fastapi import Depends
from starlette.requests import Request

from playground.parts import Parts


def _parts(request: Request) -> Parts:
    return cast(Parts, request.app.state.parts)


GivenParts = Annotated[Parts, Depends(_parts)]

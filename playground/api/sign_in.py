"""`/sign-in`: the way into the page where a key is needed. A key is exchanged for a cookie that scripts cannot read."""

from html import escape
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from playground.api.access import COOKIE, SIGN_IN, session_of
from playground.api.dependencies import GivenParts
from playground.services.access import SESSION_SECONDS
from playground.services.errors import KeyRefused

router = APIRouter(include_in_schema=False)

FORM = (Path(__file__).parent / "sign_in.html").read_text(encoding="utf-8")
NOT_KEPT = {"Cache-Control": "no-store"}


@router.get("/sign-in")
def show() -> HTMLResponse:
    return _form()


@router.post("/sign-in")
def sign_in(request: Request, parts: GivenParts, key: Annotated[str, Form()] = "") -> Response:
    try:
        session = parts.access.session(key)
    except KeyRefused as error:
        return _form(str(error), status=401)
    response = RedirectResponse("/", status_code=303)
    is_secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, session, max_age=SESSION_SECONDS, httponly=True, samesite="lax", secure=is_secure)
    return response


@router.post("/sign-out")
def sign_out(request: Request, parts: GivenParts) -> Response:
    parts.access.end(session_of(request.headers))
    response = RedirectResponse(SIGN_IN, status_code=303)
    response.delete_cookie(COOKIE)
    return response


def _form(fault: str = "", *, status: int = 200) -> HTMLResponse:
    return HTMLResponse(FORM.replace("FAULT", escape(fault)), status_code=status, headers=NOT_KEPT)

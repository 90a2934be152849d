"""`/access-token`: short-lived tokens for programs that shall not hold a key, such as browsers."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from playground.api.dependencies import GivenCaller, GivenParts
from playground.services.access import LONGEST_TOKEN_SECONDS
from playground.services.keys import Permission

router = APIRouter(prefix="/access-token", tags=["access"])


class Grants(BaseModel):
    """What the token is for. `agent` is accepted; there are no agents here."""

    tts: bool | None = None
    stt: bool | None = None
    agent: bool | None = None

    @property
    def permissions(self) -> list[Permission]:
        return [permission for permission in (Permission.TTS, Permission.STT) if getattr(self, permission)]


class NewToken(BaseModel):
    expires_in: int | None = Field(None, ge=1, le=LONGEST_TOKEN_SECONDS, description="Seconds; an hour when absent.")
    grants: Grants | None = Field(None, description="Speech and recognition when absent.")


class Token(BaseModel):
    token: str = Field(description="For Authorization: Bearer, or a WebSocket's query as access_token.")


@router.post("")
def create_access_token(body: NewToken, parts: GivenParts, caller: GivenCaller) -> Token:
    """A token that falls with the key that asked for it."""
    permissions = [Permission.TTS, Permission.STT] if body.grants is None else body.grants.permissions
    seconds = body.expires_in or LONGEST_TOKEN_SECONDS
    return Token(token=parts.access.token(caller, seconds=seconds, permissions=permissions))

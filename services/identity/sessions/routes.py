"""HTTP of sign-in, sessions and the public keys."""

from datetime import datetime
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel, Field

from services.identity.service import Deps, Service
from services.identity.sessions import operations, store
from services.identity.sessions.operations import SignedIn
from shared.access.caller import Caller
from shared.contracts import actions
from shared.http.body import Body
from shared.http.caller import may, public
from shared.http.client_address import client_address
from shared.http.openapi import refusals

router = APIRouter(tags=["sessions"])

UserAgent = Annotated[str | None, Header()]


class SignIn(Body):
    verbatim: ClassVar[frozenset[str]] = frozenset({"password"})

    email: str = Field(min_length=3, max_length=254)
    password: str = Field(min_length=1, max_length=1000)
    device_token: str | None = Field(
        default=None, pattern="^[A-Za-z0-9_-]{32,100}$", description="from an earlier sign-in of this browser"
    )


class RefreshTokenBody(Body):
    refresh_token: str = Field(min_length=1, max_length=500)


class PasswordChange(Body):
    verbatim: ClassVar[frozenset[str]] = frozenset({"current_password", "new_password"})

    current_password: str = Field(min_length=1, max_length=1000)
    new_password: str = Field(min_length=1, max_length=1000)


class TokensView(BaseModel):
    """`expires_in` counts seconds; the refresh token can be used once.

    `device_token` comes with a sign-in: a browser that keeps it and brings it next time has tries of its own, so that
    nobody can lock its owner out there.
    """

    access_token: str
    refresh_token: str
    token_type: str = "Bearer"
    expires_in: int
    user_id: str
    session_id: str
    device_token: str | None = None

    @classmethod
    def of(cls, signed_in: SignedIn) -> "TokensView":
        return cls(
            access_token=signed_in.access_token,
            refresh_token=signed_in.refresh_token,
            expires_in=signed_in.expires_in,
            user_id=signed_in.user_id,
            session_id=signed_in.session_id,
            device_token=signed_in.device_token,
        )


class SessionView(BaseModel):
    session_id: str
    client: str | None
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    current: bool


class Sessions(BaseModel):
    items: list[SessionView]


@router.get("/v1/keys", dependencies=[public(actions.READ_KEYS)])
async def public_keys(deps: Deps, response: Response) -> dict[str, Any]:
    """The public keys of access tokens, as a JWK set."""
    response.headers["Cache-Control"] = "public, max-age=60"
    return deps.parts.signer.public_keys()


@router.post("/v1/sessions", status_code=201, dependencies=[public(actions.SIGN_IN)], responses=refusals(401, 429))
async def sign_in(
    body: SignIn, request: Request, response: Response, deps: Deps, user_agent: UserAgent = None
) -> TokensView:
    """Sign in. 401 `credentials_wrong` whatever was wrong; 429 `too_many_attempts` with Retry-After."""
    response.headers["Cache-Control"] = "no-store"
    signed_in = await operations.sign_in(
        deps,
        email=body.email,
        password=body.password,
        address=_address(deps, request),
        client=_client(user_agent),
        device_token=body.device_token,
    )
    return TokensView.of(signed_in)


@router.post("/v1/sessions/refresh", dependencies=[public(actions.KEEP_SESSION)], responses=refusals(401))
async def refresh(body: RefreshTokenBody, response: Response, deps: Deps) -> TokensView:
    """Exchange a refresh token. Using one twice ends the session."""
    response.headers["Cache-Control"] = "no-store"
    return TokensView.of(await operations.refresh(deps, refresh_token=body.refresh_token))


@router.post("/v1/sessions/sign-out", status_code=204, dependencies=[public(actions.KEEP_SESSION)])
async def sign_out(body: RefreshTokenBody, deps: Deps) -> None:
    """End the session of a refresh token."""
    await operations.sign_out(deps, refresh_token=body.refresh_token)


@router.get("/v1/sessions")
async def own_sessions(caller: Annotated[Caller, may(actions.LIST_SESSIONS)], deps: Deps) -> Sessions:
    """One's own open sessions, newest first."""
    items = [
        SessionView(
            session_id=session["_id"],
            client=session["client"],
            created_at=session["created_at"],
            last_used_at=session["last_used_at"],
            expires_at=session["expires_at"],
            current=session["_id"] == caller.session_id,
        )
        for session in await store.of_user(deps.db, caller.id)
    ]
    return Sessions(items=items)


@router.delete("/v1/sessions/{session_id}", status_code=204)
async def revoke_session(session_id: str, caller: Annotated[Caller, may(actions.END_SESSION)], deps: Deps) -> None:
    """End one of one's own sessions."""
    await operations.revoke(deps, caller=caller, session_id=session_id)


@router.post("/v1/me/password", status_code=204, responses=refusals(429))
async def change_password(
    body: PasswordChange, request: Request, caller: Annotated[Caller, may(actions.CHANGE_PROFILE)], deps: Deps
) -> None:
    """Change one's own password; all other sessions end."""
    await operations.change_password(
        deps, caller=caller, current=body.current_password, new=body.new_password, address=_address(deps, request)
    )


def _address(deps: Service, request: Request) -> str:
    return client_address(request, deps.parts.front_door_key)


def _client(user_agent: str | None) -> str | None:
    return user_agent[:200] if user_agent else None

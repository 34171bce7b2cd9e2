"""HTTP of machine clients."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import AfterValidator, BaseModel, Field

from services.identity.clients import domain, operations
from services.identity.service import Deps
from shared.access.caller import Caller
from shared.contracts import actions
from shared.http.body import Body
from shared.http.caller import may, public
from shared.http.commands import CommandDep
from shared.http.openapi import refusals

router = APIRouter(tags=["machine clients"])


def _scope(text: str) -> str:
    if not domain.is_scope(text):
        raise ValueError("there is no such scope")
    return text


class NewClient(Body):
    name: str = Field(min_length=1, max_length=100)
    scopes: list[Annotated[str, AfterValidator(_scope)]] = Field(max_length=50)


class ClientSecret(BaseModel):
    """The secret is shown this once."""

    client_id: str
    client_secret: str


class ClientCredentials(Body):
    client_id: str = Field(min_length=1, max_length=100)
    client_secret: str = Field(min_length=1, max_length=500)


class ClientTokenView(BaseModel):
    access_token: str
    token_type: str = "Bearer"
    expires_in: int


class ClientView(BaseModel):
    client_id: str
    name: str
    scopes: list[str]
    created_at: datetime


class Clients(BaseModel):
    items: list[ClientView]


@router.post("/v1/clients/token", dependencies=[public(actions.GET_CLIENT_TOKEN)], responses=refusals(401))
async def client_token(body: ClientCredentials, response: Response, deps: Deps) -> ClientTokenView:
    """Client credentials in, access token out."""
    response.headers["Cache-Control"] = "no-store"
    token = await operations.client_token(deps, client_id=body.client_id, client_secret=body.client_secret)
    return ClientTokenView(access_token=token.access_token, expires_in=token.expires_in)


@router.post("/v1/clients", status_code=201)
async def create_client(
    body: NewClient,
    caller: Annotated[Caller, may(actions.MANAGE_CLIENTS)],
    command: CommandDep,
    response: Response,
    deps: Deps,
) -> ClientSecret:
    """Create a machine client. Repeating the request answers 409 `client_exists`: a secret is shown only once.

    A client that creates another one can give it no more scopes than it has.
    """
    operations.require_scopes(caller, body.scopes)
    response.headers["Cache-Control"] = "no-store"
    client_id = command.document_id
    secret = await operations.create_client(
        deps, client_id=client_id, name=body.name, scopes=body.scopes, created_by=caller.id
    )
    return ClientSecret(client_id=client_id, client_secret=secret)


@router.get("/v1/clients")
async def all_clients(caller: Annotated[Caller, may(actions.MANAGE_CLIENTS)], deps: Deps) -> Clients:
    """All machine clients with their scopes. There is one per party, so this is not paged."""
    found = deps.db[operations.COLLECTION].find().sort("name")
    items = [
        ClientView(client_id=row["_id"], name=row["name"], scopes=row["scopes"], created_at=row["created_at"])
        async for row in found
    ]
    return Clients(items=items)


@router.post("/v1/clients/{client_id}/secret")
async def rotate_secret(
    client_id: str, caller: Annotated[Caller, may(actions.MANAGE_CLIENTS)], response: Response, deps: Deps
) -> ClientSecret:
    """A new secret; the old one works on for the grace time. A client can do this to one with its own scopes alone."""
    response.headers["Cache-Control"] = "no-store"
    secret = await operations.rotate_secret(deps, caller=caller, client_id=client_id)
    return ClientSecret(client_id=client_id, client_secret=secret)


@router.delete("/v1/clients/{client_id}", status_code=204)
async def remove_client(client_id: str, caller: Annotated[Caller, may(actions.MANAGE_CLIENTS)], deps: Deps) -> None:
    """Remove a machine client; its tokens open nothing from then on."""
    await operations.remove_client(deps, caller=caller, client_id=client_id)

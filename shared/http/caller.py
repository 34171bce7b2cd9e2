"""Who asks: the caller of a request, from its bearer token."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from shared.access.caller import Caller
from shared.access.callers import Callers
from shared.problems import Unauthenticated

_bearer = HTTPBearer(auto_error=False, description="an access token of identity")


async def _caller(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Caller:
    if credentials is None:
        raise Unauthenticated(headers={"WWW-Authenticate": "Bearer"})
    callers: Callers = request.app.state.service.callers
    return await callers.of_token(credentials.credentials)


CallerDep = Annotated[Caller, Depends(_caller)]

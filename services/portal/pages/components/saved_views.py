"""Views of lists that a person keeps under a name of his own: the query of an address, in the portal's store."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Request
from pymongo import ASCENDING
from pymongo.asynchronous.database import AsyncDatabase
from starlette.responses import Response

from services.portal.gateway.sessions import Session
from services.portal.pages.base.page import FormDep, may, see_other
from shared.contracts import actions
from shared.contracts.texts import one_line
from shared.ids import derived_id

COLLECTION = "saved_views"
PATHS = frozenset({"/tickets", "/devices"})
NAME_LENGTH = 60
QUERY_LENGTH = 2_000
MOST = 20
"""Of one person and list."""

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class SavedView:
    name: str
    query: Mapping[str, str]


class SavedViews:
    """All people's views; each is found by its owner, its list and its name alone."""

    def __init__(self, db: AsyncDatabase[dict[str, Any]]) -> None:
        self._views = db[COLLECTION]

    async def prepare(self) -> None:
        await self._views.create_index([("user_id", ASCENDING), ("path", ASCENDING)])

    async def of(self, user_id: str, path: str) -> list[SavedView]:
        """The views of a person's list, by name."""
        found = await self._views.find({"user_id": user_id, "path": path}).to_list()
        views = [SavedView(row["name"], dict(parse_qsl(row["query"]))) for row in found]
        return sorted(views, key=lambda view: view.name.casefold())

    async def keep(self, user_id: str, path: str, view: SavedView) -> bool:
        """Keep a view; one of the same name is replaced. False where there is no room."""
        view_id = _id(user_id, path, view.name)
        kept = await self._views.distinct("_id", {"user_id": user_id, "path": path})
        if view_id not in kept and len(kept) >= MOST:
            return False
        fields = {"name": view.name, "query": urlencode(view.query), "kept_at": datetime.now(UTC)}
        await self._views.update_one(
            {"_id": view_id}, {"$set": fields | {"user_id": user_id, "path": path}}, upsert=True
        )
        return True

    async def remove(self, user_id: str, path: str, name: str) -> SavedView | None:
        """Take a view away; what it was, or None where there is none."""
        row = await self._views.find_one_and_delete({"_id": _id(user_id, path, name)})
        return SavedView(row["name"], dict(parse_qsl(row["query"]))) if row else None


@router.post("/views")
async def keep_view(request: Request, session: Annotated[Session, may(actions.KEEP_VIEWS)], form: FormDep) -> Response:
    path = _path(form)
    query = dict(parse_qsl(form.get("query", "")[:QUERY_LENGTH]))
    name = one_line(form.get("name", ""))[:NAME_LENGTH].strip()
    if not name:
        return _back(path, query, kept="unnamed")
    views: SavedViews = request.app.state.views
    if not await views.keep(session.user_id, path, SavedView(name, query)):
        return _back(path, query, kept="full")
    return _back(path, query)


@router.post("/views/remove")
async def remove_view(
    request: Request, session: Annotated[Session, may(actions.KEEP_VIEWS)], form: FormDep
) -> Response:
    path = _path(form)
    views: SavedViews = request.app.state.views
    name, query = form.get("name", ""), dict(parse_qsl(form.get("query", "")[:QUERY_LENGTH]))
    gone = await views.remove(session.user_id, path, name)
    if gone is None:
        return _back(path, query)
    return _back(path, query, removed=gone.name, removed_view=urlencode(gone.query))


def _path(form: Mapping[str, str]) -> str:
    return form["path"] if form.get("path") in PATHS else "/tickets"


def _back(path: str, query: Mapping[str, str], **more: str) -> Response:
    asked = {**query, **more}
    return see_other(path + (f"?{urlencode(asked)}" if asked else ""))


def _id(user_id: str, path: str, name: str) -> str:
    return derived_id("saved-view", user_id, path, name.casefold())

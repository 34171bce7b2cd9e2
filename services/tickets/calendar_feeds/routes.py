"""HTTP of calendar feeds."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, BaseModel

from services.tickets.calendar_feeds import operations
from services.tickets.service import Deps
from shared.access.caller import Caller
from shared.contracts import actions
from shared.http.caller import may, public
from shared.http.commands import CommandDep

router = APIRouter(tags=["calendar feeds"])


class NewFeedView(BaseModel):
    """`url_token` is told once: it is missing when the request is repeated."""

    feed_id: str
    url_token: str | None


class FeedView(BaseModel):
    feed_id: str
    created_at: AwareDatetime


class FeedList(BaseModel):
    items: list[FeedView]


@router.post("/v1/calendar-feeds", status_code=201)
async def create_feed(
    caller: Annotated[Caller, may(actions.KEEP_FEEDS)], command: CommandDep, deps: Deps
) -> NewFeedView:
    """Make a feed of all visits that the caller sees; its address is shown this once."""
    feed = await operations.create(deps, caller, command)
    return NewFeedView(feed_id=feed.feed_id, url_token=feed.url_token)


@router.get("/v1/calendar-feeds")
async def own_feeds(caller: Annotated[Caller, may(actions.KEEP_FEEDS)], deps: Deps) -> FeedList:
    """The caller's feeds, without their addresses."""
    feeds = await operations.feeds_of(deps, caller)
    return FeedList(items=[FeedView(feed_id=feed["_id"], created_at=feed["created_at"]) for feed in feeds])


@router.get("/v1/calendar-feeds/{token}.ics", response_class=Response, dependencies=[public(actions.READ_FEED)])
async def read_feed(token: str, deps: Deps) -> Response:
    """For calendar programs, which cannot sign in: the secret token is the right, as long as its owner has any."""
    return Response(
        await operations.feed(deps, token),
        media_type="text/calendar",
        headers={"Cache-Control": "private, no-store", "Referrer-Policy": "no-referrer"},
    )


@router.delete("/v1/calendar-feeds/{feed_id}", status_code=204)
async def revoke_feed(feed_id: str, caller: Annotated[Caller, may(actions.REVOKE_FEED)], deps: Deps) -> None:
    """End a feed; its address answers 404 from now on."""
    await operations.revoke(deps, caller, feed_id)

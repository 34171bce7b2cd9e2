"""Asking an endpoint as every caller, and what must not stand in an answer."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from tests.permissions.cast import Member
from tests.permissions.endpoints import Endpoint
from tests.permissions.examples import Example
from tests.permissions.expectations import LET_IN, Thing, expected, sees_all
from tests.permissions.stage import PLACES, Stage

AT_ONCE = 12


@dataclass(frozen=True)
class Case:
    """One caller at one endpoint with one object, or with one query."""

    endpoint: Endpoint
    example: Example
    member: Member
    thing: Thing | None
    expected: int
    query: dict[str, str] | None = None

    def __str__(self) -> str:
        what = f" on {self.thing.place}" if self.thing else f" with {self.query}" if self.query else ""
        return f"{self.endpoint} as {self.member.name}{what}"

    @property
    def action(self) -> Any:
        assert self.endpoint.action is not None
        return self.endpoint.action


def cases_of(stage: Stage, endpoint: Endpoint, example: Example) -> Iterator[Case]:
    assert endpoint.action is not None, f"{endpoint} declares no action"
    for member in stage.members:
        if member.token and example.visitors_only:
            continue
        things = [stage.thing(example.thing, place, member) for place in PLACES] if example.thing else [None]
        for thing in things:
            if example.thing and thing is None:
                continue
            status = expected(member, endpoint.action, thing, example.sight)
            yield Case(endpoint, example, member, thing, status)
            if example.aimed and status == LET_IN:
                yield from (Case(endpoint, example, member, None, status, query) for query in example.aimed(stage))


async def each(cases: list[Case], ask: Callable[[Case], Awaitable[str | None]]) -> list[str]:
    """The faults of all cases, some asked at once."""
    places, turns = asyncio.Semaphore(AT_ONCE), asyncio.Semaphore(1)

    async def one(case: Case) -> str | None:
        async with turns if case.example.in_turn and case.expected == LET_IN else places:
            fault = await ask(case)
            return f"{case}: {fault}" if fault else None

    return [fault for fault in await asyncio.gather(*map(one, cases)) if fault]


async def prepared(stage: Stage, case: Case) -> tuple[Thing | None, dict[str, str]] | None:
    """The object to use and headers to send; None where the caller has nothing of his own to do this to."""
    thing, example = case.thing, case.example
    if example.in_turn and case.expected == LET_IN and thing is not None:
        thing = stage.spare(thing)
        page = await stage.ask(stage.root, "catalog", "GET", f"/v1/devices/{thing.id}")
        return thing, {"If-Match": page.headers["ETag"]}
    if case.expected == LET_IN and example.fresh is not None and thing is not None:
        if thing.place == "own" and example.thing in ("user", "grants"):
            return None  # himself: what he may do with others he may do with a colleague
        thing = await example.fresh(stage, case.member, thing)
        return (thing, {}) if thing is not None else None
    return thing, {"If-Match": '"v1"'} if example.in_turn or (case.endpoint.method == "PUT" and thing) else {}


def address(case: Case, thing: Thing | None) -> str:
    return case.endpoint.path.replace(":path}", "}").format(
        **{**case.example.params, **(thing.params if thing else {})}
    )


def query_of(case: Case, thing: Thing | None) -> dict[str, str] | None:
    return case.example.query(thing) if case.example.query and thing is not None else case.query


def fault_in(stage: Stage, case: Case, answer: httpx.Response, outcome: int | None = None) -> str | None:
    """What is wrong with an answer, or None. `outcome`: what its status stands for, where that differs."""
    status = answer.status_code if outcome is None else outcome
    good = httpx.codes.is_success(status) if case.example.let_in is None else status == case.example.let_in
    if case.expected == LET_IN and not good:
        return f"{answer.status_code} instead of being let in: {answer.text[:300]}"
    if case.expected != LET_IN and status != case.expected:
        return f"{answer.status_code} instead of {case.expected}: {answer.text[:300]}"
    if answer.status_code == 403 and (unnamed := _unnamed(case, answer)):
        return f"the refusal does not name {unnamed}: {answer.text[:300]}"
    if told := betrayed(stage, case, answer):
        return f"it tells {told}"
    if case.query and not sees_all(case.member, case.action) and not _is_empty(answer):
        return f"it finds something foreign: {answer.text[:300]}"
    return None


def betrayed(stage: Stage, case: Case, answer: httpx.Response) -> str | None:
    """A mark, or an id of something foreign, that stands in the answer though the caller sees no such thing."""
    if sees_all(case.member, case.example.sight or case.action.seen_by):
        return None
    sent = " ".join([*(case.thing.params.values() if case.thing else ()), *(case.query or {}).values()])
    secrets = [stage.theirs.mark, *stage.foreign_ids]
    if not any(right.whole for right in case.member.rights):
        secrets.append(stage.hidden)
    heard = f"{answer.headers} {answer.text}".replace("\r\n ", "").lower()
    return next((secret for secret in secrets if secret.lower() in heard and secret not in sent), None)


def _unnamed(case: Case, answer: httpx.Response) -> str | None:
    """A role or scope that could, which a refusal does not name."""
    if "json" not in answer.headers["content-type"]:
        return None
    body = answer.json()
    could = {role.value for role in (*case.action.customer, *case.action.staff)} | case.action.scopes
    named = {*body["roles"], *body["scopes"]}
    if case.thing is not None and case.thing.owner == case.member.user_id and case.member.staff:
        return None if named and named <= could | {"staff:write"} else "who manages staff"
    return ", ".join(sorted(could - named)) or None


def _is_empty(answer: httpx.Response) -> bool:
    if "html" in answer.headers["content-type"]:
        return True  # it repeats what was asked for; that nothing is linked, `betrayed` sees by the ids
    if "csv" in answer.headers["content-type"]:
        return len(answer.text.strip().splitlines()) == 1
    return _holds_nothing(answer.json())


def _holds_nothing(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_holds_nothing, value.values()))
    return value in (None, 0, []) and value is not False

"""What one ticket costs the machine on its whole way: from the request until its mail is in the sink."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import httpx

from tests.bench.commands import over_http
from tests.bench.load import Measured
from tests.bench.processes import Spent
from tests.support.stack import Stack
from tests.support.waiting import eventually

WARM_UP_SECONDS = 60.0
SECONDS = 60.0
NOT_COUNTED = frozenset({"mail"})
"""The mail catcher stands for somebody else's mail server."""


async def mails(stack: Stack) -> int:
    """How many mails the catcher has taken so far."""
    async with httpx.AsyncClient(timeout=30) as client:
        answer = await client.get(f"{stack.mail_url}/api/messages", params={"limit": 1})
        answer.raise_for_status()
        return int(answer.json()[0]["id"]) if answer.json() else 0


async def measured(
    stack: Stack, token: str, devices: Sequence[str], *, warm_up: float = WARM_UP_SECONDS, seconds: float = SECONDS
) -> tuple[dict[str, Any], list[str]]:
    """Open tickets as fast as they are accepted, and wait for all mails; figures and failures."""
    sent = await mails(stack)
    warm, _ = await over_http(stack, token, devices, seconds=warm_up)
    sent = await _all_sent(stack, sent, warm)
    before = await asyncio.to_thread(Spent.so_far, stack)
    began = time.perf_counter()
    opened, _ = await over_http(stack, token, devices, seconds=seconds)
    await _all_sent(stack, sent, opened)
    took = time.perf_counter() - began
    await asyncio.sleep(1.0)  # what is written down behind the mail belongs to its price
    spent = (await asyncio.to_thread(Spent.so_far, stack)).since(before)
    count = len(opened.durations)
    figures = {
        "cpu_ms_per_ticket": round(sum(ms for name, ms in spent.cpu_ms.items() if name not in NOT_COUNTED) / count, 2),
        "cpu_ms_by_program": {name: round(ms / count, 2) for name, ms in spent.cpu_ms.items()},
        "wal_kb_per_ticket": round(spent.wal_kb / count, 1),
        "wal_records_per_ticket": round(spent.wal_records / count, 1),
        "store_calls_per_ticket": round(spent.calls / count, 2),
        "tickets_accepted_per_second": round(opened.per_second, 1),
        "tickets_mailed_per_second": round(count / took, 1),
    }
    return figures, warm.failures + opened.failures


async def _all_sent(stack: Stack, before: int, opened: Measured) -> int:
    wanted = before + len(opened.durations)

    async def there() -> bool:
        return await mails(stack) >= wanted

    await eventually(there, within=300, every=0.2, what=f"{len(opened.durations)} mails")
    return wanted

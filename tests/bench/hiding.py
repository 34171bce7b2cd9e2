"""What is hidden answers as what does not exist: the same 404, and in the same time."""

import time
from statistics import median

from shared.ids import new_id
from tests.bench.load import Connection
from tests.support.world import World

REQUESTS = 200


async def hidden_vs_unknown(world: World) -> dict[str, float]:
    """By request: the median time of a foreign object's 404 ÷ that of an unknown id's, asked by turns.

    Raises AssertionError where an answer is not a 404, or where the two bodies differ.
    """
    mine, foreign = await world.account("FI"), await world.account("DE")
    stranger = await world.manager(mine, whole=True)
    device = await world.device(foreign)
    ticket = await world.open_ticket(await world.manager(foreign, devices=[device]), device)
    colleague = await world.manager(foreign, whole=True)
    targets = {
        "tickets GET ticket": ("tickets", "GET", "/v1/tickets/{}", ticket["ticket_id"]),
        "tickets POST cancel": ("tickets", "POST", "/v1/tickets/{}/cancel", ticket["ticket_id"]),
        "catalog GET device": ("catalog", "GET", "/v1/devices/{}", device.device_id),
        "identity GET user": ("identity", "GET", "/v1/users/{}", colleague.user_id),
    }
    ratios = {}
    for name, (service, method, path, foreign_id) in targets.items():
        connection = Connection(world.stack.url(service), stranger.token)
        try:
            ratios[name] = round(await _ratio(connection, method, path, foreign_id), 3)
        finally:
            connection.close()
    return ratios


async def _ratio(connection: Connection, method: str, path: str, foreign_id: str) -> float:
    hidden: list[float] = []
    unknown: list[float] = []
    bodies: set[bytes] = set()
    for _ in range(REQUESTS):
        for durations, one in ((hidden, foreign_id), (unknown, new_id())):
            started = time.perf_counter()
            key = new_id() if method == "POST" else ""
            status, body = await connection.request(method, path.format(one), key=key)
            durations.append(time.perf_counter() - started)
            bodies.add(body)
            assert status == 404, (status, body[:200])
    assert len(bodies) == 1, "a foreign object's answer differs from that of an unknown id"
    return median(hidden) / median(unknown)

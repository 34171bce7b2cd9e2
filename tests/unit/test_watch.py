"""When the watch looks again after it has lost the broker."""

import asyncio

import pytest

from shared.consumers import watch
from shared.settings import BrokerSettings


class Broken(watch.Watch):
    """Loses its connection after a round, and gets none any more."""

    def __init__(self) -> None:
        super().__init__(BrokerSettings(username="", password=""), [], frozenset())
        self.attempts = 0

    async def _watch(self) -> None:
        self.attempts += 1
        if self.attempts == 1:
            self._rounds += 1
        raise ConnectionError("closed")


async def test_a_connection_that_worked_is_renewed_at_once_and_one_that_did_not_after_a_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watch, "PERIOD_SECONDS", 3600)
    broken = Broken()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await broken.run()
    assert broken.attempts == 2

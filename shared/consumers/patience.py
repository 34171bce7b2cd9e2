"""What is waited out, what is tried again, and what is a reason to give a record up."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from aiokafka.errors import KafkaError
from pydantic import ValidationError
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ConnectionFailure, ExecutionTimeout, OperationFailure, PyMongoError

from shared import metrics
from shared.consumers.in_hand import LONGEST_REASON, GivenBack, InHand
from shared.consumers.subscription import Refused
from shared.outbox.write import TooManyWriters
from shared.problems import Problem, Unavailable, field_errors
from shared.wire.envelope import Malformed

log = logging.getLogger(__name__)

R = TypeVar("R")

TRANSIENT = (ConnectionFailure, ExecutionTimeout, KafkaError, TimeoutError, OSError, Unavailable, TooManyWriters)
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0


class Patience:
    """Repeats the work on the batch in hand. All of it raises GivenBack as soon as the batch is asked for."""

    def __init__(self, db: AsyncDatabase[dict[str, Any]], in_hand: InHand) -> None:
        self._db = db
        self._in_hand = in_hand

    async def tried(self, work: Callable[[], Awaitable[None]], attempts: int) -> None:
        """Do the work; an error that is neither transient nor a refusal is a bug, or a race that is over next time."""
        for attempt in range(1, attempts + 1):
            try:
                await self.waiting_out(work)
            except (GivenBack, Refused, Problem, ValidationError):
                raise
            except Exception:
                log.exception("handler failed", extra={"group": self._in_hand.group, "attempt": attempt})
                if attempt == attempts:
                    raise
                metrics.RETRIED.labels(self._in_hand.group).inc()
                await self._in_hand.pause(FIRST_PAUSE_SECONDS * 2**attempt)
            else:
                return

    async def waiting_out(self, work: Callable[[], Awaitable[R]]) -> R:
        """Repeat the work through transient failures; the partition waits and order is kept."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                return await work()
            except (*TRANSIENT, OperationFailure) as error:
                if isinstance(error, OperationFailure) and await self._store_answers():
                    raise
                metrics.RETRIED.labels(self._in_hand.group).inc()
                log.warning("waiting for store or broker", extra={"group": self._in_hand.group, "error": repr(error)})
                await self._in_hand.pause(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _store_answers(self) -> bool:
        """Whether a refused operation is about the operation: a store that has lost its own database refuses, too."""
        try:
            await self._db.command("ping")
        except PyMongoError:
            return False
        return True


def reason_of(error: Exception) -> str:
    """Why, without the rejected values: they may be personal."""
    if isinstance(error, ValidationError):
        reason = "; ".join(f"{item.field}: {item.message}" for item in field_errors(error))
    elif isinstance(error, Refused | Problem | Malformed):
        reason = str(error)
    else:
        reason = f"{type(error).__name__}: {error}"
    return reason[:LONGEST_REASON]

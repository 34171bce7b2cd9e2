"""What belongs to the request or record in hand, for logs and for the events it causes."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
correlation_id: ContextVar[str | None] = ContextVar("correlation_id", default=None)
traceparent: ContextVar[str | None] = ContextVar("traceparent", default=None)


@contextlib.contextmanager
def of_record(*, correlation: str, trace: str | None) -> Iterator[None]:
    """Within it, logs and events belong to a record; afterwards to whatever they belonged to before."""
    correlation_before, trace_before = correlation_id.set(correlation), traceparent.set(trace)
    try:
        yield
    finally:
        traceparent.reset(trace_before)
        correlation_id.reset(correlation_before)

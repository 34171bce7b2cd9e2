"""The outbox inside the document: one atomic write changes the state and holds its events until the broker has them.

`write.py` is the command's side, with `memory.py` for what came before, `statements.py` for what commands share at the
store, and `show.py` for the list rows that follow a document. `drain.py` publishes: what waits is in
`backlog.py`, how one document goes to the broker in `publish.py`. `sweep.py` finds what a crash left behind,
`restate.py` tells again what a late send may have overtaken, `history.py` keeps the rows that reads and audits need.
"""

from shared.outbox.entry import Aggregate, Cause, OutboxFull, Row, Shown, Tombstone, waiting_rows
from shared.outbox.history import HistoryRow
from shared.outbox.memory import Source
from shared.outbox.write import Change, Duplicate, Outbox, Stale

__all__ = [
    "Aggregate",
    "Cause",
    "Change",
    "Duplicate",
    "HistoryRow",
    "Outbox",
    "OutboxFull",
    "Row",
    "Shown",
    "Source",
    "Stale",
    "Tombstone",
    "waiting_rows",
]

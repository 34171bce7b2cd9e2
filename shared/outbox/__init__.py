"""The outbox inside the document: one atomic write changes the state and holds its events until the broker has them.

`write.py` is the command's side, `drain.py` publishes, `sweep.py` finds what a crash left behind, `history.py` keeps
the rows that reads and audits need.
"""

from shared.outbox.entry import Aggregate, Cause, Row, To, waiting_rows
from shared.outbox.history import HistoryRow
from shared.outbox.write import Change, Duplicate, Outbox, Source, Stale

__all__ = [
    "Aggregate",
    "Cause",
    "Change",
    "Duplicate",
    "HistoryRow",
    "Outbox",
    "Row",
    "Source",
    "Stale",
    "To",
    "waiting_rows",
]

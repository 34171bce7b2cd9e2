"""What waits to be drained in one process: in which order, how much of it in memory, and what rests after a failure."""

import random
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from shared.outbox.entry import Aggregate, Entry, bytes_of
from shared.outbox.publish import Acknowledged

DOCUMENTS_AT_ONCE = 256
BYTES_AT_ONCE = 4_000_000
MOST_PLACES = 20_000
MOST_BYTES = 16_000_000
YOUNG_SECONDS = 2.0
FIRST_REST_SECONDS = 0.5
LONGEST_REST_SECONDS = 30.0

Place = tuple[Aggregate, str]


@dataclass(slots=True, eq=False)
class Offer:
    """One document that has something to publish. Without `entries` they are read when its turn comes.

    `acknowledged` is what the broker has, though the document still holds it. `in_doubt` says that a send of before
    may still arrive. `again` says that more was written while it was in work.
    """

    place: Place
    entries: list[Entry] | None = None
    bytes: int = 0
    since: float = field(default_factory=time.monotonic)
    is_swept: bool = False
    in_doubt: bool = False
    again: bool = False
    failures: int = 0
    acknowledged: Acknowledged = field(default_factory=dict)

    def forget_entries(self) -> None:
        self.entries, self.bytes = None, 0


class Backlog:
    """Documents wait in order, are in work, or rest; each is in one of these once, however often it is offered.

    At most so many documents are kept, and so many bytes of entries: the sweeper finds the others, and what is not in
    memory is read again. What is in work is bounded likewise.
    """

    def __init__(self) -> None:
        self._waiting: OrderedDict[Place, Offer] = OrderedDict()
        self._resting: dict[Place, Offer] = {}
        self._in_work: dict[Place, Offer] = {}
        self._bytes_waiting = 0
        self._bytes_in_work = 0
        self._is_full = False
        self.takes_old = True
        """Whether this process publishes what has waited long: of several, one does, the one that sweeps."""

    def __len__(self) -> int:
        return len(self._waiting) + len(self._resting) + len(self._in_work)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def resting(self) -> int:
        return len(self._resting)

    @property
    def is_idle(self) -> bool:
        return not self._waiting and not self._in_work

    def add(self, place: Place, entries: list[Entry] | None = None, *, is_swept: bool = False) -> bool:
        """Offer a document; False where it is known already, or there is no room."""
        is_in_work = self.more_in(place)
        waiting = self._waiting.get(place)
        if waiting is not None:
            self._bytes_waiting -= waiting.bytes
            waiting.forget_entries()
        if is_in_work or waiting is not None or place in self._resting or len(self) >= MOST_PLACES:
            return False
        self._wait(Offer(place, entries, bytes_of(entries or ()), is_swept=is_swept, in_doubt=is_swept))
        return True

    def more_in(self, place: Place) -> bool:
        """Whether a document is in work, to which more was written meanwhile; it comes again then."""
        known = self._in_work.get(place)
        if known is not None:
            known.again = True
        return known is not None

    def take(self) -> list[Offer]:
        """The next documents to work on, as far as there is room; those without entries need `admit`."""
        taken: list[Offer] = []
        while self._waiting and not self._is_full and len(self._in_work) < DOCUMENTS_AT_ONCE:
            offer = next(iter(self._waiting.values()))
            if not self._has_room(offer.bytes):
                break
            del self._waiting[offer.place]
            self._bytes_waiting -= offer.bytes
            if self._is_for_the_sweeper(offer):
                continue
            self._in_work[offer.place] = offer
            self._bytes_in_work += offer.bytes
            taken.append(offer)
        return taken

    def admit(self, offer: Offer, entries: list[Entry]) -> bool:
        """Let a taken document be worked on with entries that were read; False when there is no room for them."""
        size = bytes_of(entries)
        if not self._has_room(size):
            self._is_full = True
            return False
        offer.entries, offer.bytes = entries, size
        self._bytes_in_work += size
        return True

    def give_back(self, offers: Iterable[Offer]) -> None:
        """Put taken documents back to the head of the queue, in their order."""
        for offer in reversed(list(offers)):
            del self._in_work[offer.place]
            self._bytes_in_work -= offer.bytes
            if offer.again:
                offer.forget_entries()
                offer.again = False
            self._wait(offer)
            self._waiting.move_to_end(offer.place, last=False)

    def finish(self, offer: Offer, *, more: bool = False) -> None:
        """Take a document out of work; it comes again at once where there is `more`."""
        self._leave_work(offer)
        if more or offer.again:
            self._wait(Offer(offer.place))

    def retry(self, offer: Offer) -> None:
        """Let a document that another one's failure took along come again at once."""
        self._leave_work(offer)
        offer.failures += 1
        offer.again = False
        self._wait(offer)

    def rest(self, offer: Offer) -> float:
        """Let a document that failed rest; for how many seconds. `wake` ends it."""
        self._leave_work(offer)
        offer.failures += 1
        offer.again = False
        self._resting[offer.place] = offer
        longest = min(FIRST_REST_SECONDS * 2 ** min(offer.failures, 10), LONGEST_REST_SECONDS)
        return random.uniform(longest / 2, longest)

    def wake(self, offer: Offer) -> None:
        if self._resting.pop(offer.place, None) is not None:
            self._wait(offer)

    def _has_room(self, size: int) -> bool:
        return not self._bytes_in_work or self._bytes_in_work + size <= BYTES_AT_ONCE

    def _leave_work(self, offer: Offer) -> None:
        del self._in_work[offer.place]
        self._bytes_in_work -= offer.bytes
        self._is_full = False
        offer.forget_entries()

    def _wait(self, offer: Offer) -> None:
        if self._bytes_waiting + offer.bytes > MOST_BYTES:
            offer.forget_entries()
        self._bytes_waiting += offer.bytes
        self._waiting[offer.place] = offer

    def _is_for_the_sweeper(self, offer: Offer) -> bool:
        """Two processes that publish the same document would send its events twice."""
        is_old = time.monotonic() - offer.since > YOUNG_SECONDS
        return is_old and not self.takes_old and not offer.is_swept and not offer.acknowledged

"""What the page shows, made from the services' figures. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from babel import dates

from services.portal.locale.texts import Texts, mark
from services.portal.pages.components.labels import Label, party
from services.portal.pages.operations.answers import HOPS, is_out, lag_is_out, outbox_is_out
from services.portal.pages.operations.durations import span
from shared.hops import MINUTES_KEPT, Counts, Hop, merged, quantile
from shared.operations.models import Backlog, Consumer, Figures, ParkedKey

RUNS = (mark("Runs"), "check-circle", "good")
DEGRADED = (mark("Degraded"), "alert", "wait")
NOT_READY = (mark("Not ready"), "alert", "late")
AWAY = (mark("Does not answer"), "alert", "late")

BACKLOGS = {
    "mails": mark("Mails that wait to leave"),
    "failed_mails": mark("Mails that have failed since yesterday"),
    "timers": mark("Timers due: %(what)s"),
}

CHART_HEIGHT, BAR, GAP = 96, 8, 2


@dataclass(frozen=True)
class ServiceTile:
    name: str
    state: Label
    waiting: str
    """Of the outbox."""
    waits_too_long: bool
    process: str | None


@dataclass(frozen=True)
class Count:
    """A row: what it is, how many, since when the oldest."""

    text: str
    number: str
    oldest: str | None
    out: bool


@dataclass(frozen=True)
class Group:
    group: str
    topic: str
    lag: str
    state: Label | None


@dataclass(frozen=True)
class ParkedRow:
    service: str
    key: ParkedKey
    records: str
    since: str


@dataclass(frozen=True)
class Bar:
    """One minute in the chart: from the bottom to p99, with the part up to p50."""

    x: int
    height: float
    middle: float


@dataclass(frozen=True)
class TimeRow:
    text: str
    count: str
    p50: str
    p99: str


@dataclass(frozen=True)
class Chart:
    """The time of one hop in the last hour, of all processes together; with the tables behind it."""

    name: str
    title: str
    note: str
    count: int
    p50: str
    p99: str
    longest: str
    bars: tuple[Bar, ...]
    minutes: tuple[TimeRow, ...]
    processes: tuple[TimeRow, ...]
    width: int = MINUTES_KEPT * (BAR + GAP)
    height: int = CHART_HEIGHT


def tiles(texts: Texts, services: Mapping[str, Figures | None]) -> list[ServiceTile]:
    return [_tile(texts, name, figures) for name, figures in services.items()]


def _tile(texts: Texts, name: str, figures: Figures | None) -> ServiceTile:
    if figures is None:
        return ServiceTile(name.capitalize(), _label(texts, AWAY), "", False, None)
    outbox = figures.outbox
    waiting = texts.text("Nothing waits to be published")
    if outbox.waiting:
        waiting = texts.plural(
            "One change waits to be published", "%(num)s changes wait to be published", outbox.waiting
        )
        if outbox.oldest_seconds is not None:
            waiting += " · " + span(texts, outbox.oldest_seconds)
    if outbox.resting:
        waiting += " · " + texts.plural("one rests", "%(num)s rest", outbox.resting)
    state = {"ready": RUNS, "degraded": DEGRADED, "not ready": NOT_READY}[figures.status]
    since = texts.moment(figures.started_at)
    process = texts.text("%(process)s, since %(when)s", process=figures.instance, when=since)
    return ServiceTile(name.capitalize(), _label(texts, state), waiting, outbox_is_out(figures), process)


def _label(texts: Texts, state: tuple[str, str, str]) -> Label:
    words, icon, tone = state
    return Label(texts.text(words), icon, tone)


def waits(texts: Texts, services: Mapping[str, Figures | None]) -> list[Count]:
    """Mails and timers."""
    return [
        _count(texts, texts.text(BACKLOGS[one.what], what=one.of) if one.of else texts.text(BACKLOGS[one.what]), one)
        for one in _backlogs(services)
        if one.what in BACKLOGS
    ]


def receipts(texts: Texts, services: Mapping[str, Figures | None]) -> list[Count]:
    """What each party has been sent and has not seen."""
    return [_count(texts, party(texts, one.of), one) for one in _backlogs(services) if one.what == "receipts"]


def _backlogs(services: Mapping[str, Figures | None]) -> list[Backlog]:
    return [one for figures in services.values() if figures for one in figures.backlogs]


def _count(texts: Texts, text: str, one: Backlog) -> Count:
    number = texts.number(one.number) + ("+" if one.is_more else "")
    oldest = span(texts, one.oldest_seconds) if one.oldest_seconds is not None and one.number else None
    return Count(text, number, oldest, is_out(one))


def groups(texts: Texts, services: Mapping[str, Figures | None]) -> list[Group]:
    """All groups, those that are behind first."""
    each = [one for figures in services.values() if figures for one in figures.consumers]
    each.sort(key=lambda one: (not one.stopped, -(one.lag or 0), one.group))
    return [Group(one.group, one.topic, _lag(texts, one), _group_state(texts, one)) for one in each]


def lag_is_unknown(services: Mapping[str, Figures | None]) -> bool:
    """Whether some group may be behind without anybody knowing."""
    return any(one.lag is None for figures in services.values() if figures for one in figures.consumers)


def _lag(texts: Texts, one: Consumer) -> str:
    return texts.number(one.lag) if one.lag is not None else texts.text("not known")


def _group_state(texts: Texts, one: Consumer) -> Label | None:
    if one.stopped:
        return Label(texts.text("Stopped"), "alert", "late")
    return Label(texts.text("Behind"), "hourglass", "wait") if lag_is_out(one.lag) else None


def parked(texts: Texts, services: Mapping[str, Figures | None]) -> list[ParkedRow]:
    """The parked keys of all services, the oldest first."""
    rows = [
        ParkedRow(name, key, texts.plural("one record", "%(num)s records", key.records), texts.moment(key.since))
        for name, figures in services.items()
        if figures
        for key in figures.parked.items
    ]
    return sorted(rows, key=lambda row: row.key.since)


def parked_beside(services: Mapping[str, Figures | None]) -> int:
    """How many parked keys are not shown."""
    return sum(figures.parked.keys - len(figures.parked.items) for figures in services.values() if figures)


def charts(texts: Texts, services: Mapping[str, Figures | None], now: datetime) -> list[Chart]:
    return [_chart(texts, hop, services, now) for hop in Hop]


def _chart(texts: Texts, hop: Hop, services: Mapping[str, Figures | None], now: datetime) -> Chart:
    by_minute: dict[datetime, list[Counts]] = {}
    processes: list[TimeRow] = []
    for name, figures in services.items():
        for one in figures.hops if figures else ():
            if one.hop != hop or not one.count or figures is None:
                continue
            of = texts.text("%(service)s, process %(process)s", service=name.capitalize(), process=figures.instance)
            processes.append(_times(texts, of, merged(minute.counts for minute in one.minutes)))
            for minute in one.minutes:
                by_minute.setdefault(minute.at, []).append(minute.counts)
    minutes = {at: merged(counts) for at, counts in sorted(by_minute.items())}
    whole = merged(minutes.values())
    title, note = HOPS[hop]
    longest = max((quantile(counts, 0.99) or 0 for counts in minutes.values()), default=0.0)
    return Chart(
        name=hop,
        title=texts.text(title),
        note=texts.text(note),
        count=sum(whole.values()),
        p50=_told(texts, whole, 0.5),
        p99=_told(texts, whole, 0.99),
        longest=span(texts, longest),
        bars=_bars(minutes, longest, now),
        minutes=tuple(_times(texts, texts.clock(at), counts) for at, counts in reversed(minutes.items())),
        processes=tuple(processes),
    )


def _times(texts: Texts, text: str, counts: Counts) -> TimeRow:
    return TimeRow(text, texts.number(sum(counts.values())), _told(texts, counts, 0.5), _told(texts, counts, 0.99))


def _told(texts: Texts, counts: Counts, share: float) -> str:
    found = quantile(counts, share)
    return span(texts, found) if found is not None else "–"


def _bars(minutes: Mapping[datetime, Counts], longest: float, now: datetime) -> tuple[Bar, ...]:
    first = now.replace(second=0, microsecond=0) - timedelta(minutes=MINUTES_KEPT - 1)
    bars = []
    for at, counts in minutes.items():
        place = round((at - first).total_seconds() / 60)
        if 0 <= place < MINUTES_KEPT and longest > 0:
            p50, p99 = quantile(counts, 0.5) or 0, quantile(counts, 0.99) or 0
            scale = (CHART_HEIGHT - 4) / longest
            bars.append(Bar(place * (BAR + GAP), round(max(2.0, p99 * scale), 1), round(max(1.0, p50 * scale), 1)))
    return tuple(bars)


def as_of(texts: Texts, now: datetime) -> str:
    """The time of day with seconds: a page that does not change any more can be told by it."""
    return dates.format_skeleton("Hms", texts.local(now), locale=texts.locale)

"""What is wrong, in sentences: figures in, findings out. Pure; a figure's bound stands here and in the runbook."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from services.portal.locale.texts import Texts, mark
from services.portal.pages.components.answers import Answer
from services.portal.pages.components.labels import party
from services.portal.pages.operations.durations import span
from shared.hops import Hop, merged, quantile
from shared.operations.models import Backlog, Figures

OUTBOX_SECONDS = 10
LAG_RECORDS = 1_000
MAILS_SECONDS = 600
TIMERS_SECONDS = 60
RECEIPTS_SECONDS = 900
HOP_SECONDS = {Hop.PUBLISHED: 10, Hop.CONSUMED: 10, Hop.MAILED: 300}
"""How long one of a hundred may take."""

JUDGED = timedelta(minutes=5)
"""The time per hop is judged by its last minutes, so that what is over is not told for an hour."""

HOPS: Mapping[Hop, tuple[str, str]] = {
    Hop.PUBLISHED: (mark("From the write to the broker"), mark("Measured by the service that wrote.")),
    Hop.CONSUMED: (
        mark("From the broker to the reader"),
        mark("Measured by each service that reads, to the end of its handling."),
    ),
    Hop.MAILED: (
        mark("From the event to the mail server"),
        mark("Measured by the notifier, repeated attempts included."),
    ),
}


@dataclass(frozen=True)
class Finding:
    """One figure out of bounds: what is so, what it means, and where the runbook says what to do."""

    tone: str
    title: str
    meaning: str
    anchor: str


def findings(texts: Texts, services: Mapping[str, Figures | None]) -> list[Finding]:
    """Everything that is out of bounds, the worst first. What only follows from a broker that is away is left out."""
    found = [
        finding
        for name, figures in services.items()
        for finding in (_away(texts, name) if figures is None else _of_service(texts, name.capitalize(), figures))
    ]
    answering = {name.capitalize(): figures for name, figures in services.items() if figures}
    found += [*_broker(texts, answering), *_slow(texts, answering), *_parked(texts, answering)]
    return sorted(found, key=lambda one: one.tone != "late")


def headline(texts: Texts, found: list[Finding]) -> Answer:
    """How everything is, in one sentence."""
    if not found:
        return Answer("good", texts.text("Everything runs"), (texts.text("No figure is out of bounds."),))
    if len(found) == 1:
        return Answer(found[0].tone, found[0].title)
    return Answer(
        found[0].tone,
        texts.plural("One thing needs your attention", "%(num)s things need your attention", len(found)),
    )


def lag_is_out(lag: int | None) -> bool:
    return lag is not None and lag >= LAG_RECORDS


def is_out(backlog: Backlog) -> bool:
    """Whether something waits too long, or is there at all where nothing should be."""
    if backlog.what == "failed_mails":
        return backlog.number > 0
    bounds = {"mails": MAILS_SECONDS, "timers": TIMERS_SECONDS, "receipts": RECEIPTS_SECONDS}
    return (backlog.oldest_seconds or 0) >= bounds.get(backlog.what, float("inf"))


def outbox_is_out(figures: Figures) -> bool:
    return (figures.outbox.oldest_seconds or 0) >= OUTBOX_SECONDS


def sees_broker(figures: Figures) -> bool:
    return "broker" not in figures.degraded


def _away(texts: Texts, name: str) -> Iterator[Finding]:
    yield Finding(
        "late",
        texts.text("%(service)s does not answer", service=name.capitalize()),
        texts.text("What it owns cannot be read or changed until it is back. The others go on, and it catches up."),
        "a-service-does-not-answer",
    )


def _of_service(texts: Texts, name: str, figures: Figures) -> Iterator[Finding]:
    yield from _health(texts, name, figures)
    yield from _outbox(texts, name, figures)
    yield from _consumers(texts, figures)
    for backlog in figures.backlogs:
        if is_out(backlog):
            yield from _backlog(texts, backlog)


def _health(texts: Texts, name: str, figures: Figures) -> Iterator[Finding]:
    if figures.missing:
        yield Finding(
            "late",
            texts.text("%(service)s is not ready", service=name),
            texts.text("It lacks its store, or the keys by which it knows who asks, and serves nobody."),
            "a-service-is-not-ready",
        )
    if "rights" in figures.degraded and sees_broker(figures):
        yield Finding(
            "late",
            texts.text("%(service)s does not know the newest rights", service=name),
            texts.text("It accepts only sign-ins of the last minute until its views have caught up."),
            "views-of-rights-are-behind",
        )
    if "consumers" in figures.degraded:
        yield Finding(
            "wait",
            texts.text("Consumers of %(service)s have not started", service=name),
            texts.text("The broker has not let them in yet. They try again by themselves."),
            "consumers-have-not-started",
        )
    if "dead" in figures.degraded:
        yield Finding(
            "late",
            texts.text("Background work of %(service)s has died", service=name),
            texts.text("The process answers, but part of its work is no longer done. Start it again."),
            "background-work-has-died",
        )


def _outbox(texts: Texts, name: str, figures: Figures) -> Iterator[Finding]:
    outbox = figures.outbox
    if not sees_broker(figures):
        return
    if outbox_is_out(figures):
        age = span(texts, outbox.oldest_seconds or 0)
        yield Finding(
            "late",
            texts.text("Changes of %(service)s have waited %(age)s for the broker", service=name, age=age),
            texts.text("The broker does not take them, or nobody offers them. Nothing is lost, but others hear late."),
            "the-outbox-is-old",
        )
    elif outbox.resting:
        yield Finding(
            "wait",
            texts.plural(
                "One document of %(service)s cannot be published",
                "%(num)s documents of %(service)s cannot be published",
                outbox.resting,
                service=name,
            ),
            texts.text("The broker refuses a topic or a record. It is tried again all the time; the log names it."),
            "documents-rest",
        )


def _consumers(texts: Texts, figures: Figures) -> Iterator[Finding]:
    for one in figures.consumers:
        if one.stopped:
            yield Finding(
                "late",
                texts.text("The consumer %(group)s has stopped", group=one.group),
                texts.text("Many records in a row were refused, so it takes none. Mend the handler, then restart."),
                "a-consumer-has-stopped",
            )
        elif lag_is_out(one.lag):
            yield Finding(
                "wait",
                texts.plural(
                    "%(group)s is one record behind",
                    "%(group)s is %(num)s records behind",
                    one.lag or 0,
                    group=one.group,
                ),
                texts.text("What it keeps or does comes late: it is slow, or repeats a record that fails."),
                "a-consumer-is-behind",
            )


def _backlog(texts: Texts, backlog: Backlog) -> Iterator[Finding]:
    age = span(texts, backlog.oldest_seconds or 0)
    if backlog.what == "mails":
        yield Finding(
            "wait",
            texts.text("A mail has waited %(age)s", age=age),
            texts.text("The mail server does not take it. It is tried again with growing pauses."),
            "mails-wait",
        )
    elif backlog.what == "failed_mails":
        yield Finding(
            "wait",
            texts.plural(
                "One mail has failed since yesterday", "%(num)s mails have failed since yesterday", backlog.number
            ),
            texts.text("Nobody sends it again. The log of mails says why it failed."),
            "mails-have-failed",
        )
    elif backlog.what == "timers":
        yield Finding(
            "late",
            texts.text("Timers of %(what)s are %(age)s late", what=backlog.of, age=age),
            texts.text("Warnings and deadlines come late: the service is overloaded, or firing fails again and again."),
            "timers-are-late",
        )
    elif backlog.what == "receipts":
        yield Finding(
            "wait",
            texts.plural(
                "%(party)s has not seen one change",
                "%(party)s has not seen %(num)s changes",
                backlog.number,
                party=party(texts, backlog.of),
            ),
            texts.text(
                "The oldest was sent %(age)s ago. They wait in its topic. Ask the party about its system.", age=age
            ),
            "a-party-does-not-read",
        )


def _broker(texts: Texts, services: Mapping[str, Figures]) -> Iterator[Finding]:
    blind = [name for name, figures in services.items() if not sees_broker(figures)]
    if blind:
        yield Finding(
            "late",
            texts.plural(
                "One service does not see the broker: %(services)s",
                "%(num)s services do not see the broker: %(services)s",
                len(blind),
                services=", ".join(blind),
            ),
            texts.text("Commands are accepted, and the others hear of them later. Nothing is lost."),
            "the-broker-is-away",
        )


def _slow(texts: Texts, services: Mapping[str, Figures]) -> Iterator[Finding]:
    """Of each hop the slowest service."""
    for hop, (title, _) in HOPS.items():
        slowest = {name: _recent(figures, hop) for name, figures in services.items() if sees_broker(figures)}
        name, seconds = max(slowest.items(), key=lambda item: item[1], default=("", 0.0))
        if seconds > HOP_SECONDS[hop]:
            yield Finding(
                "wait",
                texts.text(
                    "%(hop)s: %(duration)s at %(service)s",
                    hop=texts.text(title),
                    duration=span(texts, seconds),
                    service=name,
                ),
                texts.text("One of a hundred took this long in the last five minutes. Look at lag and outbox first."),
                "a-hop-takes-long",
            )


def _recent(figures: Figures, hop: Hop) -> float:
    """How long one of a hundred has taken lately."""
    minutes = [minute for one in figures.hops if one.hop == hop for minute in one.minutes]
    return quantile(merged(one.counts for one in minutes if figures.at - one.at <= JUDGED), 0.99) or 0.0


def _parked(texts: Texts, services: Mapping[str, Figures]) -> Iterator[Finding]:
    keys = sum(figures.parked.keys for figures in services.values())
    if keys:
        yield Finding(
            "wait",
            texts.plural("Records of one key are parked", "Records of %(num)s keys are parked", keys),
            texts.text("A consumer has refused them. Read why, mend it, then handle them again."),
            "records-are-parked",
        )

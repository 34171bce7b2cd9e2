"""What the operators' page says: bounds, sentences, charts, and the runbook behind them. Pure."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.portal.locale.texts import LANGUAGES
from services.portal.pages.operations import view
from services.portal.pages.operations.answers import findings, headline
from services.portal.pages.operations.durations import span
from services.portal.pages.operations.runbook import as_html, slug
from shared.hops import Hop, step_of
from shared.operations.models import (
    Backlog,
    Consumer,
    Figures,
    HopFigures,
    Minute,
    Outbox,
    Parked,
    ParkedKey,
)
from tests.unit.portal_samples import texts

NOW = datetime(2026, 11, 27, 12, 0, 30, tzinfo=UTC)
NOTHING_PARKED = Parked(keys=0, records=0, is_more=False, items=[])


def figures(**changes: Any) -> Figures:
    well: dict[str, Any] = {
        "service": "tickets",
        "instance": "host.0",
        "started_at": NOW - timedelta(hours=3),
        "at": NOW,
        "status": "ready",
        "missing": [],
        "degraded": [],
        "consumers": [Consumer(group="tickets.dispatch", topic="inbound.dispatch", lag=0, stopped=False)],
        "outbox": Outbox(waiting=2, resting=0, oldest_seconds=0.2),
        "backlogs": [],
        "parked": NOTHING_PARKED,
        "hops": [],
    }
    return Figures(**{**well, **changes})


def hop(name: Hop, *durations: float, minutes_ago: int = 0) -> HopFigures:
    counts: dict[int, int] = {}
    for seconds in durations:
        counts[step_of(seconds)] = counts.get(step_of(seconds), 0) + 1
    at = NOW.replace(second=0) - timedelta(minutes=minutes_ago)
    minute = Minute(at=at, counts=counts)
    return HopFigures(hop=name, count=len(durations), p50_seconds=None, p99_seconds=None, minutes=[minute])


def parked_key(**changes: Any) -> ParkedKey:
    whole: dict[str, Any] = {
        "id": "tickets.dispatch/inbound.dispatch/0/7",
        "group": "tickets.dispatch",
        "topic": "inbound.dispatch",
        "key": "WO-1",
        "type": "dispatch.visit.planned.v1",
        "records": 2,
        "attempts": 1,
        "reason": "work order WO-1 is not known",
        "since": NOW,
    }
    return ParkedKey(**{**whole, **changes})


PARKED = Parked(keys=3, records=5, is_more=False, items=[parked_key()])
UNSEEN = Backlog(what="receipts", of="dispatch", number=4, oldest_seconds=901)
STOPPED = Consumer(group="tickets.dispatch", topic="inbound.dispatch", lag=5, stopped=True)


@pytest.mark.parametrize(
    ("changes", "title", "anchor", "tone"),
    [
        ({"missing": ["store"]}, "Tickets is not ready", "a-service-is-not-ready", "late"),
        (
            {"degraded": ["broker", "rights"], "outbox": Outbox(waiting=9, resting=9, oldest_seconds=99)},
            "One service does not see the broker: Tickets",
            "the-broker-is-away",
            "late",
        ),
        ({"degraded": ["rights"]}, "Tickets does not know the newest rights", "views-of-rights-are-behind", "late"),
        ({"degraded": ["consumers"]}, "Consumers of Tickets have not started", "consumers-have-not-started", "wait"),
        ({"degraded": ["dead"]}, "Background work of Tickets has died", "background-work-has-died", "late"),
        (
            {"outbox": Outbox(waiting=1, resting=1, oldest_seconds=42)},
            "Changes of Tickets have waited 42 secs for the broker",
            "the-outbox-is-old",
            "late",
        ),
        (
            {"outbox": Outbox(waiting=1, resting=1, oldest_seconds=3)},
            "One document of Tickets cannot be published",
            "documents-rest",
            "wait",
        ),
        (
            {"consumers": [Consumer(group="tickets.users", topic="identity.users", lag=12_345, stopped=False)]},
            "tickets.users is 12,345 records behind",
            "a-consumer-is-behind",
            "wait",
        ),
        ({"consumers": [STOPPED]}, "The consumer tickets.dispatch has stopped", "a-consumer-has-stopped", "late"),
        (
            {"backlogs": [Backlog(what="mails", number=3, oldest_seconds=900)]},
            "A mail has waited 15 mins",
            "mails-wait",
            "wait",
        ),
        (
            {"backlogs": [Backlog(what="failed_mails", number=1, oldest_seconds=5)]},
            "One mail has failed since yesterday",
            "mails-have-failed",
            "wait",
        ),
        (
            {"backlogs": [Backlog(what="timers", of="tickets", number=1, oldest_seconds=300)]},
            "Timers of tickets are 5 mins late",
            "timers-are-late",
            "late",
        ),
        ({"backlogs": [UNSEEN]}, "Visit planning has not seen 4 changes", "a-party-does-not-read", "wait"),
        ({"parked": PARKED}, "Records of 3 keys are parked", "records-are-parked", "wait"),
        (
            {"hops": [hop(Hop.PUBLISHED, 0.1, 60)]},
            "From the write to the broker: 62 secs at Tickets",
            "a-hop-takes-long",
            "wait",
        ),
    ],
)
def test_a_figure_out_of_bounds_is_one_sentence_with_its_place_in_the_runbook(
    changes: dict[str, Any], title: str, anchor: str, tone: str
) -> None:
    (found,) = findings(texts(), {"tickets": figures(**changes)})
    assert (found.title, found.anchor, found.tone) == (title, anchor, tone)
    assert found.meaning
    answer = headline(texts(), [found])
    assert (answer.headline, answer.tone) == (title, tone)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"outbox": Outbox(waiting=500, resting=0, oldest_seconds=9.9)},
        {"outbox": Outbox(waiting=0, resting=0, oldest_seconds=None)},
        {"consumers": [Consumer(group="g", topic="t", lag=999, stopped=False)]},
        {"consumers": [Consumer(group="g", topic="t", lag=None, stopped=False)]},
        {"backlogs": [Backlog(what="failed_mails", number=0), Backlog(what="something new", number=9)]},
        {"backlogs": [UNSEEN.model_copy(update={"oldest_seconds": 899})]},
        {"hops": [hop(Hop.PUBLISHED, 60, minutes_ago=6), hop(Hop.CONSUMED, 8)]},
    ],
)
def test_what_is_within_its_bounds_is_no_finding(changes: dict[str, Any]) -> None:
    found = findings(texts(), {"tickets": figures(**changes)})
    assert found == [] and headline(texts(), found).headline == "Everything runs"


def test_a_service_that_is_away_comes_first_and_the_others_are_still_told() -> None:
    found = findings(texts(), {"tickets": figures(parked=PARKED), "catalog": None})
    assert [one.title for one in found] == ["Catalog does not answer", "Records of 3 keys are parked"]
    answer = headline(texts(), found)
    assert (answer.headline, answer.tone) == ("2 things need your attention", "late")


def test_what_many_services_say_of_one_broker_is_one_finding_without_its_consequences() -> None:
    blind = figures(degraded=["broker", "rights"], hops=[hop(Hop.PUBLISHED, 60), hop(Hop.CONSUMED, 60)])
    found = findings(texts(), {"identity": blind, "catalog": blind, "tickets": figures()})
    assert [one.title for one in found] == ["2 services do not see the broker: Identity, Catalog"]


def test_of_a_slow_hop_the_slowest_service_is_named() -> None:
    services = {"identity": figures(hops=[hop(Hop.PUBLISHED, 30)]), "catalog": figures(hops=[hop(Hop.PUBLISHED, 90)])}
    (found,) = findings(texts(), services)
    assert found.title.endswith("at Catalog")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_a_sentence_for_everything_at_once(language: str) -> None:
    everything = figures(
        missing=["store"],
        degraded=["rights", "consumers", "dead"],
        outbox=Outbox(waiting=9, resting=9, oldest_seconds=1e6),
        consumers=[STOPPED],
        backlogs=[UNSEEN, Backlog(what="timers", of="tickets", number=10_000, is_more=True, oldest_seconds=1e9)],
        parked=PARKED,
        hops=[hop(one, 4_000) for one in Hop],
    )
    services = {"tickets": everything, "catalog": None}
    own = texts(language)
    assert len(findings(own, services)) == 13
    assert view.tiles(own, services) and view.waits(own, services) and view.receipts(own, services)
    assert len(view.charts(own, services, NOW)) == 3 and view.groups(own, services) and view.parked(own, services)
    assert view.parked_beside(services) == 2


def test_a_chart_has_a_bar_for_each_minute_of_all_processes_and_the_tables_behind_it() -> None:
    services = {
        "tickets": figures(hops=[hop(Hop.PUBLISHED, 0.1, 0.1, 2)]),
        "catalog": figures(service="catalog", instance="other.1", hops=[hop(Hop.PUBLISHED, 1, minutes_ago=59)]),
        "identity": None,
    }
    published, consumed, _ = view.charts(texts(), services, NOW)
    assert published.count == 4 and [bar.x for bar in published.bars] == [0, 590]
    assert all(0 < bar.middle <= bar.height <= published.height for bar in published.bars)
    assert [row.count for row in published.minutes] == ["3", "1"]
    assert {row.text for row in published.processes} == {"Tickets, process host.0", "Catalog, process other.1"}
    assert (consumed.count, consumed.bars, consumed.p50) == (0, (), "–")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 ms"),
        (0.0123, "12 ms"),
        (1.44, "1.4 secs"),
        (59.6, "60 secs"),
        (125, "2 mins"),
        (7_800, "2 hrs 10 mins"),
        (200_000, "2.3 days"),
    ],
)
def test_a_duration_is_told_in_the_unit_that_says_enough(seconds: float, words: str) -> None:
    assert span(texts(), seconds) == words


def test_the_runbook_shows_its_few_forms_and_escapes_everything_else() -> None:
    html = as_html(
        "# Top\n\nA **strong** *word*, `a | <b>` and a [link](#top), one [elsewhere](other.md).\n\n"
        '| a | b |\n| --- | --- |\n| `x{y="z"}` | <script> |\n\n'
        "    code <here>\n\n- one\n- two\n\n1. first\n2. second"
    )
    assert '<h1 id="top">Top</h1>' in html
    assert "<strong>strong</strong> <em>word</em>, <code>a | &lt;b&gt;</code>" in html
    assert '<a href="#top">link</a>' in html and "other.md" not in html
    assert "<td>&lt;script&gt;</td>" in html and "<code>x{y=&#34;z&#34;}</code>" in html
    assert "<code>code &lt;here&gt;</code>" in html
    assert "<ul><li>one</li><li>two</li></ul>" in html and "<ol><li>first</li><li>second</li></ol>" in html


def test_an_anchor_is_the_one_that_code_hosts_make() -> None:
    assert slug("New consumers, new partitions, long stops") == "new-consumers-new-partitions-long-stops"

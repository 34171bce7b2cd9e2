"""Tickets: the requests of customers, their service levels and visits, and what the parties are told."""

from functools import partial

from fastapi import FastAPI

from services.tickets.aggregate import store
from services.tickets.aggregate.numbers import Numbers
from services.tickets.answers import operations as answers
from services.tickets.answers.routes import router as answers_router
from services.tickets.calendar_feeds import operations as calendar_feeds
from services.tickets.calendar_feeds.routes import router as calendar_feeds_router
from services.tickets.clocks.routes import router as clocks_router
from services.tickets.clocks.store import Calendars
from services.tickets.contact_centre.consumers import hear_contact_centre
from services.tickets.devices import store as devices
from services.tickets.devices.consumers import follow_accounts, follow_devices, follow_people, pass_site_on
from services.tickets.explanations.routes import router as explanations_router
from services.tickets.lists.routes import router as lists_router
from services.tickets.live.routes import router as live_router
from services.tickets.receipts import operations as receipts
from services.tickets.receipts.queries import backlogs
from services.tickets.service import Parts, Service
from services.tickets.settings import Settings
from services.tickets.tickets.routes import router as tickets_router
from services.tickets.visits.consumers import hear_dispatch, hear_engineers
from services.tickets.visits.routes import router as visits_router
from shared.application import create_service_app
from shared.contracts.tickets import TicketEvent
from shared.http.live import Live
from shared.joined import Joined
from shared.timers import TimerRule


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application of tickets."""

    async def prepare(service: Service) -> None:
        await store.prepare(service.db)
        await service.outbox.rows.complete(store.TICKETS)
        await devices.prepare(service.db)
        await calendar_feeds.prepare(service.db)
        await service.parts.calendars.prepare()
        await service.parts.numbers.prepare()

    async def stream(service: Service) -> None:
        await service.parts.live.run()

    return create_service_app(
        settings or Settings(),
        title="Lockstep tickets",
        about="Faults from the report to the closing: entries, visits, deadlines, live changes.",
        # Longer and fixed paths are looked for before those of one ticket.
        routers=[
            clocks_router,
            explanations_router,
            visits_router,
            answers_router,
            live_router,
            calendar_feeds_router,
            lists_router,
            tickets_router,
        ],
        build_parts=lambda db, settings: Parts(
            Calendars(db),
            Numbers(db),
            Live(settings.broker, "tickets.tickets", events=(TicketEvent,), look_up=partial(store.sights, db)),
            devices.Views(db),
            Joined(partial(store.open_tickets_of, db)),
        ),
        aggregates=[store.TICKETS],
        subscriptions=[
            follow_devices,
            follow_accounts,
            follow_people,
            pass_site_on,
            hear_dispatch,
            hear_engineers,
            hear_contact_centre,
        ],
        prepare=[prepare],
        timers=[TimerRule(store.TICKETS, answers.fire)],
        tasks=[stream, receipts.watch],
        backlogs=backlogs,
        followed={"devices": devices.DEVICES, "accounts": devices.ACCOUNTS},
    )

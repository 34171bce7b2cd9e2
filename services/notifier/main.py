"""The notifier: follows tickets and people, and mails who should know."""

import asyncio
import contextlib

from fastapi import FastAPI

from services.notifier.messages import operations, queries, store
from services.notifier.messages.consumers import mail_ticket_events
from services.notifier.messages.departures import Departures
from services.notifier.messages.routes import router as messages_router
from services.notifier.messages.smtp import MailServer
from services.notifier.preferences.routes import router as preferences_router
from services.notifier.recipients.consumers import follow_editions, follow_people
from services.notifier.recipients.store import Views
from services.notifier.service import Parts, Service
from services.notifier.settings import Settings
from services.notifier.templates.render import Templates
from shared.application import create_service_app
from shared.timers import TimerRule


def create_app(settings: Settings | None = None) -> FastAPI:
    """The notifier's application. Raises for a broken template or catalogue: none is found at the first mail."""
    chosen = settings or Settings()
    templates = Templates(public_url=chosen.portal.public_url)

    async def prepare(service: Service) -> None:
        await store.prepare(service.db)

    return create_service_app(
        chosen,
        title="Lockstep notifier",
        about="Mails about tickets: who wants which, and what became of each.",
        routers=[messages_router, preferences_router],
        build_parts=lambda db, settings: Parts(templates, MailServer(settings.smtp), Views(db), Departures()),
        aggregates=[store.MESSAGES],
        subscriptions=[mail_ticket_events, follow_people, follow_editions],
        prepare=[prepare],
        timers=[TimerRule(store.MESSAGES, operations.leave)],
        tasks=[_let_leave],
        backlogs=queries.backlogs,
    )


async def _let_leave(service: Service) -> None:
    """Let mails leave; close connections that nobody uses, and all of them at the end."""
    server = service.parts.mail_server
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.close_idle())
            await service.parts.departures.run(lambda mail: operations.leave_fresh(service, mail, service.clock()))
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2):
                await server.close()

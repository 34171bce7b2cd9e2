"""The form of the service that everything in the notifier uses, and its own parts."""

from dataclasses import dataclass
from typing import Annotated, TypeAlias

from fastapi import Depends

from services.notifier.messages.departures import Departures
from services.notifier.messages.smtp import MailServer
from services.notifier.recipients.store import Views
from services.notifier.settings import Settings
from services.notifier.templates.render import Templates
from shared import service


@dataclass(frozen=True, slots=True)
class Parts:
    templates: Templates
    mail_server: MailServer
    views: Views
    departures: Departures


Service: TypeAlias = service.Service[Settings, Parts]
Deps = Annotated[Service, Depends(service.service_of)]

"""What the services answer, as far as the pages need it. Unknown fields are ignored, missing ones have a default."""

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from shared.contracts.actions import ACTIONS, HANDLE_TICKET
from shared.contracts.catalog import DeviceState
from shared.contracts.identity import EditionState, Role, StaffRole
from shared.contracts.tickets import PromiseState, TicketState


class View(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class MyRight(View):
    account_id: str
    account_name: str | None = None
    service_number: str | None = None
    role: Role
    whole: bool = False


class Me(View):
    """The signed-in person, from identity's /me."""

    user_id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    phone: str | None = None
    language: str = "en"
    time_zone: str = "UTC"
    country: str = ""
    staff_roles: tuple[StaffRole, ...] = ()
    rights: tuple[MyRight, ...] = ()
    allowed_actions: frozenset[str] = frozenset()
    version: int = 0

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.email

    @property
    def is_staff(self) -> bool:
        return bool(self.staff_roles)

    def may(self, name: str) -> bool:
        """Whether the person may do this somewhere. Raises KeyError for what is no action."""
        return ACTIONS[name].public or name in self.allowed_actions

    @property
    def at_desk(self) -> bool:
        """Whether the person answers customers' tickets."""
        return self.may(HANDLE_TICKET.name)


class DeviceView(DeviceState):
    version: int = 0
    contract_state: Literal["valid", "ending", "expired", "none"] = "none"
    open_ticket_ids: tuple[str, ...] = ()
    open_tickets: int = 0
    account_name: str | None = None
    service_number: str | None = None


class Receipt(View):
    """Which party was told what, and when it took notice."""

    party: str
    what: str | None = None
    sent_at: AwareDatetime | None = None
    seen_at: AwareDatetime | None = None


class FlagView(View):
    """A party's message that contradicts the ticket; for the desk."""

    at: AwareDatetime
    party: str
    reason: str


class ContactView(View):
    """Whom a ticket is about; for the desk."""

    user_id: str
    name: str | None = None
    phone: str | None = None
    email: str | None = None


class HeldView(View):
    """An answer that is about to leave, or could not; for the desk."""

    answer_id: str
    kind: str = "reply"
    text: str
    then: str = "nothing"
    cause: str | None = None
    author: str = ""
    due_at: AwareDatetime
    failed_at: AwareDatetime | None = None


class TicketView(TicketState):
    version: int = 0
    account_name: str | None = None
    service_number: str | None = None
    parties: tuple[Receipt, ...] = ()
    allowed_actions: tuple[str, ...] = ()
    flag_count: int = 0
    latest_flags: tuple[FlagView, ...] | None = None
    flags_settled: int | None = None
    held: tuple[HeldView, ...] | None = None
    contact: ContactView | None = None
    next_due_at: AwareDatetime | None = None


class SeenBy(View):
    party: str
    seen_at: AwareDatetime | None = None


class TimelineRow(View):
    line_id: str = ""
    at: AwareDatetime
    type: str
    actor: str | None = None
    actor_name: str | None = None
    actor_kind: str | None = None
    text: str | None = None
    data: dict[str, Any] = {}
    seen_by: tuple[SeenBy, ...] = ()


class OpenTicketRef(View):
    ticket_id: str
    number: str


class Outlook(View):
    """What a report sent now would be answered with."""

    entitled: bool
    reason: str | None = None
    promise: PromiseState | None = None
    open_ticket: OpenTicketRef | None = None


class EditionView(EditionState):
    open_now: bool = False
    opens_next_at: AwareDatetime | None = None
    closes_at: AwareDatetime | None = None


class SessionView(View):
    session_id: str
    created_at: AwareDatetime | None = None
    last_used_at: AwareDatetime | None = None
    client: str | None = None
    current: bool = False

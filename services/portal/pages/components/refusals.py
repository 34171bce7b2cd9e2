"""Why something was refused, in the reader's words: by the refusal's code or by the rule that a field breaks.

A service's own sentence never reaches a page; a code or a rule that is new here gets the general sentence.
"""

from datetime import datetime

from services.portal.gateway.backends import Refused
from services.portal.locale.texts import Texts, mark
from services.portal.pages.components.labels import ticket_state
from shared.contracts.tickets import TicketStatus

STATES = frozenset(status.value for status in TicketStatus)

GENERAL = mark("That was not possible. Load the page again, and if it stays so, please call us.")
GENERAL_OF_FIELD = mark("Please check this field.")

SENTENCES: dict[str, str] = {
    "transition_refused": mark("Meanwhile the request has moved on (now: %(state)s), so this no longer fits."),
    "ticket_moved_on": mark("Meanwhile the request has moved on (now: %(state)s). Please decide once more."),
    "window_changed": mark("Meanwhile the visit was moved to %(window)s. Does that suit you?"),
    "visit_not_planned": mark("This visit no longer takes place as it was planned. You see above what holds now."),
    "version_conflict": mark("Somebody else has just changed it. Look again, and send it once more."),
    "idempotency_key_reused": mark("It was sent before with another text. Load the page again, please."),
    "answer_not_held": mark("It has been sent already, or was taken back."),
    "too_many_answers_held": mark("Several answers are about to leave here. Write the next one in a moment."),
    "not_your_answer": mark("Only its author takes an answer back."),
    "not_entitled": mark("There is no contract that covers this."),
    "too_many_writers": mark("Many write here at this moment. Please send it again."),
    "too_many_work_orders": mark("So many visits were planned here that we would like to talk to you. Please call us."),
    "event_too_large": mark("That is too long. Please shorten it."),
    "too_many_requests": mark("Too many requests came from here. Try again in a minute."),
    "email_taken": mark("This address is already in use."),
    "ticket_already_open": mark("There is an open request for this device already."),
    "calendar_unknown": mark("We cannot promise a time for this device yet. Please call us."),
    "calendar_never_opens": mark("We cannot promise a time for this device yet. Please call us."),
    "device_not_found": mark("This device is not known here."),
    "ticket_not_found": mark("That is not there, or not for you to see."),
    "visit_not_found": mark("This visit no longer takes place as it was planned. You see above what holds now."),
    "not_found": mark("That is not there, or not for you to see."),
    "invalid": mark("Please check what you entered."),
    "cause_missing": mark("Please say what it was."),
    "body_too_large": mark("That is too much at once. Please send less."),
    "outbox_full": mark("Many write here at this moment. Please send it again."),
    "unavailable": mark("This is not answered right now. Please try again in a moment."),
    "password_too_weak": mark("Please choose a longer password, one that nobody guesses."),
    "current_password_wrong": mark("The current password is wrong."),
}

RULES: dict[str, str] = {
    "missing": mark("Please fill this in."),
    "string_too_short": mark("Please fill this in."),
    "cause_missing": mark("Please say what it was."),
    "phone_number": mark("Please write a number such as +358 40 123 4567, an extension after ext."),
    "email_address": mark("Please write an address such as name@company.example."),
    "string_too_long": mark("That is too long. Please shorten it."),
}


def sentence(texts: Texts, refusal: Refused) -> str:
    """What is wrong with the whole, in one sentence."""
    return texts.text(SENTENCES.get(refusal.reason, GENERAL), **_values(texts, refusal))


def by_field(texts: Texts, refusal: Refused) -> dict[str, str]:
    """What is wrong, by field; empty where no field is named."""
    rules = {str(e.get("field")): str(e.get("rule")) for e in refusal.values.get("errors", [])}
    return {name: texts.text(RULES.get(rule, GENERAL_OF_FIELD)) for name, rule in rules.items()}


def _values(texts: Texts, refusal: Refused) -> dict[str, str]:
    """What the sentences name: a state in the reader's words, a window on his clock."""
    match refusal.reason:
        case "transition_refused" | "ticket_moved_on":
            status = str(refusal.values.get("ticket_status", ""))
            return {"state": ticket_state(texts, TicketStatus(status)).text.lower() if status in STATES else "…"}
        case "window_changed":
            start, end = (datetime.fromisoformat(str(refusal.values[name])) for name in ("window_from", "window_to"))
            return {"window": texts.window(start, end)}
    return {}

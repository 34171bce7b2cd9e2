"""Silence closes a resolved ticket, after a warning (TIC-6)."""

from datetime import datetime, timedelta

from services.tickets.aggregate.draft import Draft
from services.tickets.aggregate.states import Action
from services.tickets.aggregate.values import Closing, Silence
from shared.contracts.tickets import ClockKind, TicketClosed, TicketUpdated

WARNING = {
    "de": "Ohne Ihre Antwort wird diese Meldung in {days} Tagen geschlossen. Eine Antwort öffnet sie wieder.",
    "en": "Without your reply this request will be closed in {days} days. A reply opens it again.",
    "fi": "Ellei meille vastata, tämä pyyntö suljetaan {days} päivän kuluttua. Vastaus avaa sen uudelleen.",
    "fr": "Sans réponse de votre part, cette demande sera close dans {days} jours. Une réponse la rouvre.",
    "it": "Senza una sua risposta, questa richiesta verrà chiusa tra {days} giorni. Una risposta la riapre.",
    "es": "Sin su respuesta, esta solicitud se cerrará en {days} días. Una respuesta la abre de nuevo.",
}
"""The system's entry in the ticket's language; English where a language has none."""


def scheduled(resolved: datetime, silence: Silence) -> Closing:
    """The moments counted from when the solution was told, so that a late report leaves the same time to answer."""
    return Closing(
        warn_at=resolved + timedelta(days=silence.warn_days), close_at=resolved + timedelta(days=silence.close_days)
    )


def next_moment(closing: Closing | None) -> datetime | None:
    """When silence has its next effect."""
    if closing is None:
        return None
    return closing.close_at if closing.warned_at else closing.warn_at


def let_silence_act(draft: Draft, warning_id: str) -> None:
    """Warn or close where the moment has come. A late warning puts the closing off: the announced days are given."""
    closing = draft.ticket.closing
    if closing is None:
        return
    if closing.warned_at is None and closing.warn_at <= draft.now:
        days = (closing.close_at - closing.warn_at).days
        text = WARNING.get(draft.state.language, WARNING["en"]).format(days=days)
        close_at = max(closing.close_at, draft.now + timedelta(days=days))
        draft.write(warning_id, "system", text, language=draft.state.language)
        draft.keep(closing=closing.model_copy(update={"warned_at": draft.now, "close_at": close_at}))
        draft.happened(TicketUpdated, draft.now)
        draft.tell_contact_centre("closing_announced")
    elif closing.warned_at is not None and closing.close_at <= draft.now and draft.act(Action.CLOSE, closing.close_at):
        close(draft, closing.close_at)


def close(draft: Draft, at: datetime) -> None:
    """What follows from closing, by silence or by a person."""
    draft.stop(at, ClockKind.ACKNOWLEDGE, ClockKind.RESPONSE, ClockKind.RESOLVE)
    draft.show(closed_at=at)
    draft.keep(closing=None)
    draft.happened(TicketClosed, at)
    draft.tell_contact_centre("closed")

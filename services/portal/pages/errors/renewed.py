"""A form whose token has passed: renewed and offered again with what was typed, instead of a dead end.

Whoever comes here sent a form of ours (`SameSite` has refused foreign pages before): the tab was open overnight, or the
session ended or began in another one.
"""

from fastapi import Request
from starlette.responses import Response

from services.portal.gateway.cookies import clear_session
from services.portal.pages.base.page import FormExpired, open_page, own_address, see_other

SHOWN = ("description", "text", "first_name", "last_name", "phone", "own_reference", "location_note", "error_code")
"""What people type, in the order in which it is shown again."""


async def form_again(request: Request, expired: FormExpired) -> Response:
    """Signing in and out go on where they lead to; any other form waits for one more press."""
    path = request.url.path
    if path == "/sign-out" and expired.session is None:
        response = see_other("/sign-in")
        clear_session(request.app.state.settings, response)
        return response
    if path == "/sign-in" and expired.session is not None:
        return see_other(own_address(expired.posted.get("next")))
    page = await open_page(request, expired.session)
    if path == "/sign-in":
        message = page.texts.text("This page was open for a long time. Please enter your password once more.")
        return page.render(
            "account/sign_in.html",
            status=403,
            next=own_address(expired.posted.get("next")),
            form={"email": expired.posted.get("email", "")},
            errors={"password": message},
            ended=False,
        )
    return page.render(
        "errors/form_again.html",
        status=403,
        action=path,
        fields={name: value for name, value in expired.posted.items() if name != "idempotency_key"},
        key=expired.posted.get("idempotency_key"),
        typed=[expired.posted[name] for name in SHOWN if expired.posted.get(name)],
        no_return=True,
    )

"""The areas that there are."""

from services.portal.pages.account import routes as account
from services.portal.pages.contact import routes as contact
from services.portal.pages.desk import routes as desk
from services.portal.pages.devices import editing
from services.portal.pages.devices import routes as devices
from services.portal.pages.home import routes as home
from services.portal.pages.operations import routes as operations
from services.portal.pages.report import routes as report
from services.portal.pages.showcase import routes as showcase
from services.portal.pages.tickets import routes as tickets

AREAS = (report, tickets, desk, devices, editing, home, account, operations, contact, showcase)
"""In the order in which addresses are matched: `/tickets/new` before `/tickets/{ticket_id}`."""

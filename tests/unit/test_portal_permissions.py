"""The portal shows what /me allows: it knows actions, and no roles."""

import re
from pathlib import Path

import pytest

from services.portal.locale.texts import FOLDER
from services.portal.pages.base.models import Me
from services.portal.pages.base.navigation import areas
from shared.access.permissions import allowed_actions
from shared.contracts.actions import ACTIONS
from shared.contracts.identity import Right, Role, StaffRole
from tests.unit.portal_samples import texts

PAGES = FOLDER.parent / "pages"
SOURCES = sorted([*PAGES.rglob("*.html"), *PAGES.rglob("*.py")])
CODES = "|".join([*Role, *StaffRole])
ROLE = re.compile(rf"""["']({CODES})["']|\bRole\.|\bStaffRole\.""")
NAMES_OF_ROLES = "labels.py"


def person(*roles: Role, staff: tuple[StaffRole, ...] = ()) -> Me:
    rights = [Right(account_id="a", role=role, whole=True) for role in roles]
    return Me(user_id="u", allowed_actions=frozenset(allowed_actions(rights, staff)))


def areas_of(me: Me) -> list[str]:
    return [area.href for area in areas(texts(), me)]


@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.DEVICE_MANAGER, Role.DEVICE_STOCK_MANAGER])
def test_who_looks_after_devices_finds_requests_and_devices(role: Role) -> None:
    assert areas_of(person(role)) == ["/", "/tickets", "/devices", "/contact"]


@pytest.mark.parametrize("roles", [(), (Role.KNOWLEDGE_USER,), (Role.STOCK_MANAGER,)])
def test_who_does_not_finds_neither(roles: tuple[Role, ...]) -> None:
    assert areas_of(person(*roles)) == ["/", "/contact"]


def test_the_desk_is_for_those_who_handle_tickets() -> None:
    assert person(staff=(StaffRole.CONTACT_CENTRE_AGENT,)).at_desk
    assert not person(Role.ADMINISTRATOR).at_desk and not person(staff=(StaffRole.OPERATOR,)).at_desk


def test_an_action_that_does_not_exist_is_a_mistake_of_the_page() -> None:
    with pytest.raises(KeyError):
        person().may("tickets.opne")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_a_page_asks_for_actions_that_exist_and_names_no_role(path: Path) -> None:
    source = path.read_text()
    assert set(re.findall(r'may\("([^"]+)"\)', source)) <= set(ACTIONS)
    if path.name != NAMES_OF_ROLES:
        assert not ROLE.search(source), ROLE.search(source)

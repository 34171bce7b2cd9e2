"""The callers: signed out, each customer role, each staff role, the parties' machine clients and others."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from deploy.seed.people import PARTIES
from shared.contracts.actions import SCOPES
from shared.contracts.identity import Right, Role, StaffRole
from tests.support.world import Account

READS = frozenset(scope for scope in SCOPES if scope.endswith(":read"))
CLIENTS: dict[str, frozenset[str]] = {
    **{
        f"client of {' and '.join(party for party in PARTIES if PARTIES[party] == scopes)}": frozenset(scopes)
        for scopes in PARTIES.values()
    },
    "client that reads": READS,
    "client that writes": SCOPES - READS,
    "client of identity": frozenset({"identity:read", "identity:write"}),
    "client of all": SCOPES,
}
CUSTOMERS: dict[str, Sequence[Role]] = {
    "administrator": [Role.ADMINISTRATOR],
    "device manager": [Role.DEVICE_MANAGER],
    "stock manager": [Role.STOCK_MANAGER],
    "device and stock manager": [Role.DEVICE_STOCK_MANAGER],
    "knowledge user": [Role.KNOWLEDGE_USER],
    "person without rights": [],
}


@dataclass(eq=False)
class Member:
    """One caller, and what is known of him without asking the services. Without a token he is signed out.

    The `password` is a machine client's secret.
    """

    name: str
    token: str = ""
    user_id: str = ""
    email: str = ""
    password: str = ""
    session_id: str = ""
    rights: tuple[Right, ...] = ()
    staff: frozenset[StaffRole] = frozenset()
    scopes: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    @property
    def is_person(self) -> bool:
        return bool(self.email)


SIGNED_OUT = Member("signed out")


@dataclass
class Casting:
    """Makes people and machine clients through identity's front door, as the first machine client."""

    identity: httpx.AsyncClient

    async def person(
        self,
        name: str,
        *,
        rights: Sequence[Right] = (),
        staff: Sequence[StaffRole] = (),
        mark: str = "",
        devices: Sequence[str] = (),
        groups: Sequence[str] = (),
    ) -> Member:
        """A signed-in user; `mark` stands in his names and address."""
        email, password = f"{secrets.token_hex(6)}{mark}@example.com", secrets.token_urlsafe(18)
        body = {
            "first_name": f"Maija {mark}".strip(),
            "last_name": f"Mäkinen {mark}".strip(),
            "email": email,
            "language": "en",
            "time_zone": "Europe/Helsinki",
            "country": "FI",
            "password": password,
            "staff_roles": list(staff),
            "rights": [right.model_dump(mode="json") for right in rights],
        }
        made = await self.identity.post("/v1/users", json=body)
        assert made.status_code == 201, made.text
        opened = await self.identity.post("/v1/sessions", json={"email": email, "password": password})
        assert opened.status_code == 201, opened.text
        return Member(
            name,
            opened.json()["access_token"],
            user_id=made.json()["user_id"],
            email=email,
            password=password,
            session_id=opened.json()["session_id"],
            rights=tuple(rights),
            staff=frozenset(staff),
            devices=frozenset(devices),
            groups=frozenset(groups),
        )

    async def renew(self, member: Member) -> None:
        """Get a new token before the old one ends."""
        if member.is_person:
            body = {"email": member.email, "password": member.password}
            answer = await self.identity.post("/v1/sessions", json=body)
        else:
            body = {"client_id": member.user_id, "client_secret": member.password}
            answer = await self.identity.post("/v1/clients/token", json=body)
        answer.raise_for_status()
        member.token = answer.json()["access_token"]

    async def customers(self, account: Account, devices: Sequence[str], groups: Sequence[str]) -> list[Member]:
        """One user of each role; whatever the role, each is given some devices and groups."""

        async def one(name: str, roles: Sequence[Role]) -> Member:
            rights = [
                Right(account_id=account.account_id, role=role, whole=role is Role.ADMINISTRATOR) for role in roles
            ]
            return await self.person(name, rights=rights, devices=devices, groups=groups)

        return list(await asyncio.gather(*(one(name, roles) for name, roles in CUSTOMERS.items())))

    async def staff(self) -> list[Member]:
        return list(await asyncio.gather(*(self.person(role.value, staff=[role]) for role in StaffRole)))

    async def clients(self) -> list[Member]:
        return list(await asyncio.gather(*(self._client(name, scopes) for name, scopes in CLIENTS.items())))

    async def _client(self, name: str, scopes: frozenset[str]) -> Member:
        made = await self.identity.post("/v1/clients", json={"name": name, "scopes": sorted(scopes)})
        assert made.status_code == 201, made.text
        token = await self.identity.post("/v1/clients/token", json=made.json())
        return Member(
            name,
            token.json()["access_token"],
            user_id=made.json()["client_id"],
            password=made.json()["client_secret"],
            scopes=scopes,
        )

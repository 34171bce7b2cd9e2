"""What the tests of the catalog need besides the world: master records in any order, the list as a person sees it."""

import secrets
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import httpx

from shared.contracts.catalog import Entitlement, Site
from shared.contracts.inbound import (
    BackOfficeContractUpdated,
    BackOfficeDeviceUpdated,
    BackOfficeMessage,
    BackOfficeModelUpdated,
)
from shared.ids import derived_id
from tests.support.waiting import eventually
from tests.support.world import Account, Device, Person, World

ENTITLEMENT = Entitlement(level="Next day", calendar="fi-standard", response_minutes=480)


def site(site_id: str, **changes: Any) -> Site:
    base = {"name": f"Site {site_id}", "street": "Satamakatu 4", "postcode": "33200", "city": "Tampere"}
    return Site.model_validate({"site_id": site_id, "country": "FI", "time_zone": "Europe/Helsinki", **base, **changes})


@dataclass
class Fleet:
    """The back office of one account, as it tells of models, devices and contracts."""

    world: World
    account: Account

    def ref(self) -> str:
        return f"{self.world.prefix}-{secrets.token_hex(4)}"

    async def tell(self, *messages: BackOfficeMessage) -> None:
        async with self.world.stack.wire("back-office").producer() as producer:
            for message in messages:
                await producer.send_and_wait(
                    message.topic,
                    message.model_dump_json().encode(),
                    key=message.ref.encode(),
                    headers=[
                        ("ce_id", secrets.token_hex(8).encode()),
                        ("ce_type", message.type.encode()),
                        ("ce_time", datetime.now(UTC).isoformat().encode()),
                    ],
                )

    def device(self, ref: str, *, revision: int = 1, **changes: Any) -> BackOfficeDeviceUpdated:
        fields: dict[str, Any] = {
            "serial": f"SN{ref.replace('-', '').upper()}",
            "model_ref": f"model-{self.world.prefix}",
            "account_ref": self.account.ref,
            "site": site(f"site-{self.account.ref}"),
            "occurred_at": datetime.now(UTC),
        }
        return BackOfficeDeviceUpdated(ref=ref, revision=revision, **(fields | changes))

    def line(
        self, device_ref: str, *, revision: int = 1, ref: str | None = None, **changes: Any
    ) -> BackOfficeContractUpdated:
        fields: dict[str, Any] = {
            "number": f"C-{device_ref}",
            "account_ref": self.account.ref,
            "device_ref": device_ref,
            "valid_from": date(2026, 1, 1),
            "entitlement": ENTITLEMENT,
            "occurred_at": datetime.now(UTC),
        }
        return BackOfficeContractUpdated(ref=ref or f"line-{device_ref}", revision=revision, **(fields | changes))

    def model(self, ref: str, name: str, *, revision: int = 1) -> BackOfficeModelUpdated:
        return BackOfficeModelUpdated(ref=ref, revision=revision, name=name, occurred_at=datetime.now(UTC))

    async def devices(self, *changes: dict[str, Any]) -> list[Device]:
        """Devices of the account with a contract line each, once the catalog shows them."""
        refs = [self.ref() for _ in changes]
        messages: list[BackOfficeMessage] = []
        for ref, change in zip(refs, changes, strict=True):
            messages += [self.device(ref, **change), self.line(ref)]
        await self.tell(*messages)
        made = []
        for message in messages[::2]:
            assert isinstance(message, BackOfficeDeviceUpdated)
            made.append(Device(derived_id("device", message.ref), message.ref, message.serial, self.account.account_id))
        for device in made:
            await self.page(device.device_id, contract_state="valid")
        return made

    async def page(self, device_id: str, **wanted: Any) -> dict[str, Any]:
        """The device page, once it shows what is wanted."""
        async with await self.world.api("catalog") as catalog:

            async def shown() -> dict[str, Any]:
                answer = await catalog.get(f"/v1/devices/{device_id}")
                assert answer.status_code == 200, answer.text
                body: dict[str, Any] = answer.json()
                seen = {field: body[field] for field in wanted}
                assert seen == wanted, f"{seen}, not {wanted}"
                return body

            return await eventually(shown)


async def listed(catalog: httpx.AsyncClient, **parameters: Any) -> list[str]:
    """The serials of one page of the list."""
    answer = await catalog.get("/v1/devices", params=parameters)
    assert answer.status_code == 200, answer.text
    return [item["serial"] for item in answer.json()["items"]]


async def administrator(world: World, *accounts: Account) -> Person:
    rights = [{"account_id": a.account_id, "role": "administrator", "whole": True} for a in accounts]
    return await world.person("FI", rights=rights)

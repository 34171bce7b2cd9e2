"""Numbers of devices that were stored before numbers were reserved, on the real store."""

import contextlib
import json
import uuid
from collections.abc import AsyncIterator

import pytest

from deploy.local.environment import broker_bootstrap, store_url
from deploy.local.keys import broker_password
from deploy.local.servers import Servers
from services.catalog.devices import domain, serials, store
from services.catalog.devices.serials import SerialTaken
from services.catalog.main import create_app
from services.catalog.service import Service
from services.catalog.settings import Settings
from shared.access.scope import EVERYTHING
from shared.application import connected
from shared.outbox import Cause
from shared.settings import BrokerSettings, StoreSettings, TokenSettings
from tests.unit.catalog_samples import NOW, master


@contextlib.asynccontextmanager
async def catalog(servers: Servers) -> AsyncIterator[Service]:
    profile = servers.profile
    settings = Settings(
        log_level="WARNING",
        store=StoreSettings(url=store_url(profile), database=f"catalog-{uuid.uuid4().hex[:12]}"),
        broker=BrokerSettings(
            bootstrap=broker_bootstrap(profile), username="catalog", password=broker_password(profile, "catalog")
        ),
        tokens=TokenSettings(key_set_url="http://127.0.0.1:9/keys"),
    )
    async with connected(create_app(settings)) as service:
        yield service


async def stored(service: Service, device_id: str, *, serial: str, status: str = "installed") -> None:
    device = domain.install(device_id, master(ref=f"ref-{device_id}", serial=serial, status=status)).device
    document = store.new_document(device, now=NOW)
    await service.outbox.insert(store.DEVICES, document, (), cause=Cause("test"), scope=EVERYTHING)


async def test_devices_of_before_keep_their_numbers(servers: Servers, capsys: pytest.CaptureFixture[str]) -> None:
    async with catalog(servers) as service:
        await stored(service, "a", serial="AB 1234")
        await stored(service, "b", serial="ab-1234")
        await stored(service, "c", serial="CD 1", status="removed")
        await serials.complete(service)
        await serials.complete(service)
        told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
        assert [line["ref"] for line in told if line["logger"] == serials.__name__] == ["ref-b"]
        with pytest.raises(SerialTaken) as taken:
            await serials.reserve(service, serial="AB1234", device_id="d")
        assert taken.value.extra == {"ref": "ref-a"}
        await serials.reserve(service, serial="CD1", device_id="d")

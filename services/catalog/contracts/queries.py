"""Answers about contract lines."""

from services.catalog.contracts import store
from services.catalog.contracts.domain import DeviceLine, device_contract
from services.catalog.service import Service


async def lines_of_device(deps: Service, device_id: str) -> dict[str, DeviceLine]:
    """The lines of a device by their id, each with its version; those that moved to another device without content."""
    found = store.contracts(deps.db).find({"$or": [{"device_id": device_id}, {"former_device_ids": device_id}]})
    lines = {}
    async for document in found:
        line = store.line_of(document)
        here = line.state.device_id == device_id
        lines[document["_id"]] = DeviceLine(
            version=document["version"], contract=device_contract(line.state) if here else None
        )
    return lines

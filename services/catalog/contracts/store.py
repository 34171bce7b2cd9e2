"""Contract lines in the store: kept on their own, so that one may arrive before its device."""

from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import ASCENDING
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from services.catalog.contracts.domain import ContractLine, DeviceLine, device_contract
from shared.contracts.catalog import ContractLineState
from shared.outbox import Aggregate

Document = dict[str, Any]

CONTRACTS = Aggregate(name="contracts", collection="contracts")


def contracts(db: AsyncDatabase[Document]) -> AsyncCollection[Document]:
    return db[CONTRACTS.collection]


async def prepare(db: AsyncDatabase[Document]) -> None:
    await contracts(db).create_index([("device_id", ASCENDING)], name="device")
    await contracts(db).create_index([("former_device_ids", ASCENDING)], name="former_devices")


def line_of(document: Mapping[str, Any]) -> ContractLine:
    return ContractLine(
        state=ContractLineState.model_validate(document),
        ref=document["ref"],
        revision=document["master_revision"],
        former_device_ids=document["former_device_ids"],
    )


def fields(line: ContractLine) -> Document:
    return {
        **line.state.model_dump(mode="json"),
        "ref": line.ref,
        "master_revision": line.revision,
        "former_device_ids": list(line.former_device_ids),
    }


async def lines_of(db: AsyncDatabase[Document], device_ids: Sequence[str]) -> list[dict[str, DeviceLine]]:
    """For each device its lines by their id, each with its version; those that moved to another one without content."""
    lines: dict[str, dict[str, DeviceLine]] = {device_id: {} for device_id in device_ids}
    named = {"$in": sorted(lines)}
    async for document in contracts(db).find({"$or": [{"device_id": named}, {"former_device_ids": named}]}):
        line = line_of(document)
        for device_id in {line.state.device_id, *line.former_device_ids} & lines.keys():
            here = line.state.device_id == device_id
            lines[device_id][document["_id"]] = DeviceLine(
                version=document["version"], contract=device_contract(line.state) if here else None
            )
    return [lines[device_id] for device_id in device_ids]

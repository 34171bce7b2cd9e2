"""The back office (ERP and CRM): sends its master records from a JSON-lines file.

One line is one record: `{"type": "back-office.device.updated.v1", "value": {"ref": ..., "revision": 1, ...}}`. The
topic and the key follow from the type and the ref. No more than `in_flight` records wait for the broker at a time.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from deploy.simulators import chaos as weather
from deploy.simulators.wire import Message, connection, producing, product_time, timestamp

SOURCE = "/parties/back-office"
TOPICS = {
    "back-office.account.updated.v1": "inbound.back-office.accounts",
    "back-office.user.updated.v1": "inbound.back-office.accounts",
    "back-office.model.updated.v1": "inbound.back-office.fleet",
    "back-office.device.updated.v1": "inbound.back-office.fleet",
    "back-office.contract.updated.v1": "inbound.back-office.fleet",
}
IN_FLIGHT = 500


def master_record(kind: str, value: Mapping[str, Any]) -> Message:
    """A master record as it goes over the wire. Raises ValueError for an unknown type or a value without a ref."""
    if kind not in TOPICS:
        raise ValueError(f"no such master record: {kind}")
    if not value.get("ref"):
        raise ValueError(f"{kind}: a master record needs a ref")
    dated = {"revision": 1, "occurred_at": timestamp(product_time()), **value}
    return Message(TOPICS[kind], dated["ref"], kind, dated, SOURCE, sequence=dated["revision"])


def read_file(file: Path) -> Iterator[Message]:
    """Raises ValueError naming the line that cannot be used."""
    with file.open() as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                yield master_record(row["type"], row["value"])
            except (KeyError, TypeError, ValueError) as wrong:
                raise ValueError(f"{file}, line {number}: {wrong}") from wrong


async def send_all(
    producer: AIOKafkaProducer,
    messages: Iterable[Message],
    *,
    in_flight: int = IN_FLIGHT,
    progress: Callable[[int], None] = lambda sent: None,
) -> int:
    """Send in order and return how many the broker has acknowledged; it never runs more than `in_flight` ahead."""
    acknowledged = 0
    waiting: list[asyncio.Future[Any]] = []
    for message in messages:
        waiting.append(
            await producer.send(message.topic, value=message.body, key=message.key.encode(), headers=message.headers())
        )
        if len(waiting) >= in_flight:
            await asyncio.gather(*waiting)
            acknowledged += len(waiting)
            waiting = []
            progress(acknowledged)
    await asyncio.gather(*waiting)
    progress(acknowledged + len(waiting))
    return acknowledged + len(waiting)


async def _run(file: Path, in_flight: int, storm: weather.Chaos) -> int:
    def all_of_it() -> Iterator[Message]:
        for message in read_file(file):
            yield from weather.disturb(storm, message)
        yield from weather.release(storm)

    async with producing(connection()) as producer:
        return await send_all(producer, all_of_it(), in_flight=in_flight)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.simulators.back_office",
        description="Sends accounts, users, models, devices and contracts from a JSON-lines file.",
        epilog="Connects with KAFKA_BOOTSTRAP, KAFKA_USERNAME and KAFKA_PASSWORD.",
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--in-flight", type=int, default=IN_FLIGHT, help="records that may wait for the broker")
    parser.add_argument("--chaos", default="", help=f"any of {','.join(weather.KINDS)}")
    parser.add_argument("--seed", type=int, default=0, help="of the chaos")
    options = parser.parse_args(arguments)
    try:
        sent = asyncio.run(_run(options.file, options.in_flight, weather.chaos(options.chaos, seed=options.seed)))
    except (KeyError, OSError, ValueError) as wrong:
        print(f"back-office: {wrong}", file=sys.stderr)
        return 2
    except KafkaError as failed:
        print(f"back-office: {failed}", file=sys.stderr)
        return 1
    print(f"back-office: {sent} records acknowledged")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""How every listening party runs: from the command line, by a script, or by itself."""

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from deploy.simulators import agenda as agendas
from deploy.simulators import chaos as weather
from deploy.simulators.wire import Message, Record, connection, consuming, producing, product_time, record_of, send

POLL_SECONDS = 0.2
REJECTED = "lockstep.record.rejected.v1"


@dataclass(frozen=True)
class Pace:
    """How long the party takes, in minutes of product time; None follows the appointments it was given."""

    minutes: float | None = None


Planned = tuple[datetime, Message]
React = Callable[[Record, agendas.Agenda, datetime, Pace], list[Planned]]
Say = Callable[..., Message]


@dataclass(frozen=True)
class Party:
    """What a party hears, where it is told of refused messages, what it does by itself, and what a script may say."""

    name: str
    topic: str
    rejected_topic: str
    group: str
    react: React
    phrases: Mapping[str, Say]


def main(party: Party, arguments: Sequence[str] | None = None) -> int:
    """Run a party; returns the exit code."""
    options = _parser(party).parse_args(arguments)
    if options.pace is not None and options.pace > 0 and options.book is None and options.auto:
        print("--pace needs --book: what is done later has to survive a restart", file=sys.stderr)
        return 2
    try:
        storm = weather.chaos(options.chaos, seed=options.seed)
        asyncio.run(_run(party, options, storm))
    except (KeyError, ValueError) as wrong:
        print(f"{party.name}: {wrong}", file=sys.stderr)
        return 2
    except (TimeoutError, KafkaError) as failed:
        print(f"{party.name}: {failed}", file=sys.stderr)
        return 1
    return 0


def _parser(party: Party) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m deploy.simulators.{party.name.replace('-', '_')}",
        description=f"Plays {party.name}: reads {party.topic} as {party.group}.",
        epilog="Connects with KAFKA_BOOTSTRAP, KAFKA_USERNAME, KAFKA_PASSWORD; CLOCK_OFFSET_FILE moves its clock.",
    )
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--auto", action="store_true", help="answer every record sensibly")
    how.add_argument("--script", type=Path, help="say what the steps in this JSON or YAML file tell")
    how.add_argument("--listen", action="store_true", help="take notice and print, say nothing")
    parser.add_argument("--once", action="store_true", help="end when everything that is there has been dealt with")
    parser.add_argument("--pace", type=float, help="minutes of product time between steps (default: by appointment)")
    parser.add_argument("--book", type=Path, help="file that keeps what is still to be done")
    parser.add_argument("--chaos", default="", help=f"any of {','.join(weather.KINDS)}")
    parser.add_argument("--seed", type=int, default=0, help="of the chaos")
    return parser


async def _run(party: Party, options: argparse.Namespace, storm: weather.Chaos) -> None:
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    access = connection()
    topics = [party.topic, party.rejected_topic]
    async with producing(access) as producer, consuming(access, topics, party.group) as consumer:
        if options.script is not None:
            await follow_script(party, consumer, producer, read_script(options.script), storm)
            return
        book = agendas.agenda(options.book)
        react = party.react if options.auto else _only_listen
        await attend(party.name, react, consumer, producer, book, Pace(options.pace), storm, stop, once=options.once)


async def attend(
    name: str,
    react: React,
    consumer: AIOKafkaConsumer,
    producer: AIOKafkaProducer,
    book: agendas.Agenda,
    pace: Pace,
    storm: weather.Chaos,
    stop: asyncio.Event,
    *,
    once: bool = False,
) -> None:
    """Take notice of each record (into the book, then its offset is committed) and say what is due.

    With `once` it ends when the topic is read and nothing more is due; else when `stop` is set.
    """
    while not stop.is_set():
        batches = await consumer.getmany(timeout_ms=int(POLL_SECONDS * 1000))
        now = product_time()
        for partition, raws in batches.items():
            for raw in raws:
                await _take_notice(name, react, raw, book, now, pace)
                await consumer.commit({TopicPartition(partition.topic, partition.partition): raw.offset + 1})
        said = 0
        for message in agendas.due(book, product_time()):
            for disturbed in weather.disturb(storm, message):
                await send(producer, disturbed)
            agendas.strike(book, message.id)
            print(f"{name}: said {message.type} {message.key} #{message.sequence}", flush=True)
            said += 1
        if not batches and not said:
            for held in weather.release(storm):
                await send(producer, held)
            if once and await _has_read_everything(consumer):
                return


async def _has_read_everything(consumer: AIOKafkaConsumer) -> bool:
    partitions = consumer.assignment()
    ends = await consumer.end_offsets(partitions) if partitions else {}
    return bool(ends) and all([await consumer.position(partition) >= end for partition, end in ends.items()])


async def _take_notice(name: str, react: React, raw: Any, book: agendas.Agenda, now: datetime, pace: Pace) -> None:
    try:
        record = record_of(raw)
    except ValueError as unreadable:
        print(f"{name}: skipped {unreadable}", file=sys.stderr, flush=True)
        return
    if record.type == REJECTED:
        print(f"{name}: refused {record.value['record_type']} {record.key}: {record.value['reason']}", flush=True)
        return
    print(f"{name}: heard {record.type} {record.key}", flush=True)
    for due, message in react(record, book, now, pace):
        agendas.take_on(book, due, message)


def _only_listen(record: Record, book: agendas.Agenda, now: datetime, pace: Pace) -> list[Planned]:
    print(json.dumps(record.value, indent=2, ensure_ascii=False), flush=True)
    return []


def read_script(file: Path) -> list[dict[str, Any]]:
    """The steps of a script. Raises ValueError where the file is not a list of steps."""
    text = file.read_text()
    steps = json.loads(text) if file.suffix == ".json" else yaml.safe_load(text)
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise ValueError(f"{file}: a script is a list of steps")
    return steps


async def follow_script(
    party: Party,
    consumer: AIOKafkaConsumer,
    producer: AIOKafkaProducer,
    steps: list[dict[str, Any]],
    storm: weather.Chaos,
    environment: Mapping[str, str] = os.environ,
) -> list[Message]:
    """Do the steps in order and return what was said (before any chaos).

    `{hear: TYPE, where: {path: value}}` waits for a record; `{wait_minutes: N}` waits in product time;
    `{say: PHRASE, with: {...}}` says one of the party's phrases about the record heard last.
    Raises TimeoutError when nothing fitting is heard for `within_seconds` (60) real seconds,
    ValueError for a wrong step.
    """
    heard: Record | None = None
    said: list[Message] = []
    for number, step in enumerate(steps, start=1):
        if "hear" in step:
            heard = await _hear(consumer, step, number)
        elif "wait_minutes" in step:
            until = product_time(environment) + timedelta(minutes=float(step["wait_minutes"]))
            await _reach(until, environment)
        elif step.get("say") in party.phrases:
            phrase = party.phrases[step["say"]]
            about = heard.value if heard is not None else {}
            message = phrase(about, now=product_time(environment), **step.get("with", {}))
            for disturbed in weather.disturb(storm, message):
                await send(producer, disturbed)
            said.append(message)
            print(f"{party.name}: said {message.type} {message.key} #{message.sequence}", flush=True)
        else:
            raise ValueError(f"step {number}: hear, wait_minutes, or say one of {', '.join(sorted(party.phrases))}")
    for held in weather.release(storm):
        await send(producer, held)
    return said


async def _reach(moment: datetime, environment: Mapping[str, str]) -> None:
    while True:  # looked at again and again, because the clock can be moved meanwhile
        if product_time(environment) >= moment:
            return
        await asyncio.sleep(POLL_SECONDS)


async def _hear(consumer: AIOKafkaConsumer, step: Mapping[str, Any], number: int) -> Record:
    async with asyncio.timeout(float(step.get("within_seconds", 60))) as limit:
        try:
            while True:
                raw = await consumer.getone()
                record = record_of(raw)
                await consumer.commit({TopicPartition(raw.topic, raw.partition): raw.offset + 1})
                wanted = step.get("where", {})
                if record.type == step["hear"] and all(_at(record.value, path) == is_ for path, is_ in wanted.items()):
                    return record
        except asyncio.CancelledError:
            if limit.expired():
                raise TimeoutError(f"step {number}: {step['hear']} was not heard") from None
            raise


def _at(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value

"""Kafka's own console consumer as a program of an outside party: nothing of ours on that end of the line."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local import installations
from tests.support.waiting import eventually
from tests.support.wire import Wire

PROGRAM = "org.apache.kafka.tools.consumer.ConsoleConsumer"


@dataclass
class Console:
    """The lines that it has printed: headers, key and value of a record each, separated by tabs."""

    lines: list[str] = field(default_factory=list)

    async def line_with(self, *words: str) -> str:
        """The first line that holds all the words."""

        async def found() -> str | None:
            return next((line for line in self.lines if all(word in line for word in words)), None)

        line = await eventually(found, what=f"a line with {words} on the console")
        assert line is not None
        return line


@contextlib.asynccontextmanager
async def console_consumer(wire: Wire, topic: str, group: str, folder: Path) -> AsyncIterator[Console]:
    """Run it on a topic from its beginning as one of the party's consumer groups."""
    module = "org.apache.kafka.common.security.scram.ScramLoginModule"
    properties = folder / "console-consumer.properties"
    properties.write_text(
        "security.protocol=SASL_PLAINTEXT\n"
        "sasl.mechanism=SCRAM-SHA-512\n"
        f'sasl.jaas.config={module} required username="{wire.username}" password="{wire.password}";\n'
    )
    with (folder / "console-consumer.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *("java", "-Xmx128m", "-cp", f"{installations.kafka_jars()}/*", PROGRAM),
            *("--bootstrap-server", wire.bootstrap, "--topic", topic, "--group", group, "--from-beginning"),
            *("--consumer.config", str(properties), "--property", "print.headers=true", "--property", "print.key=true"),
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            limit=2**20,
        )
    console = Console()
    reading = asyncio.create_task(_read(process, console))
    try:
        yield console
    finally:
        process.terminate()
        await process.wait()
        await reading


async def _read(process: asyncio.subprocess.Process, console: Console) -> None:
    assert process.stdout is not None
    async for line in process.stdout:
        console.lines.append(line.decode())

"""What services say of their own failures while tests run: nobody expects a traceback, or an answer of 500."""

import json
from datetime import datetime
from pathlib import Path

FAILED = ("error", "critical")
OURS = ("services.", "shared.", "uvicorn", "asyncio")
ANSWERED_500 = "unexpected error"


def failures(folder: Path, *, since: datetime) -> list[str]:
    """The lines of all logs in a folder that tell of a failure of ours, shortened."""
    return [
        f"{path.stem}: {line[:1500]}"
        for path in sorted(folder.glob("*.log"))
        for line in path.read_text(errors="replace").splitlines()
        if _tells(line, since)
    ]


def _tells(line: str, since: datetime) -> bool:
    try:
        told = json.loads(line)
        if datetime.fromisoformat(told["at"]) < since:
            return False
    except (ValueError, KeyError, TypeError):
        return False  # of a server, or of a log that was begun before
    if told.get("level") not in FAILED or not told.get("logger", "").startswith(OURS):
        return False
    return "Traceback" in str(told.get("error", "")) or told.get("message") == ANSWERED_500

"""How long `make demo` takes in a fresh clone: first with an empty cache, then again."""

import os
import subprocess
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PORTS = "8900"
LIMIT_SECONDS = 900


def measure_demo() -> dict[str, float]:
    """Clone the last commit, run `make demo` twice on ports of its own, and take it down.

    The package managers' own caches of this machine are left as they are; what the project caches starts empty.
    """
    with tempfile.TemporaryDirectory(prefix="lockstep-bench-") as folder:
        clone, cache = Path(folder) / "clone", Path(folder) / "cache"
        subprocess.run(["git", "clone", "-q", str(REPOSITORY), str(clone)], check=True)
        environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "PORTS": PORTS}
        environment.pop("VIRTUAL_ENV", None)
        try:
            cold = _timed("demo", clone, environment)
            _timed("down", clone, environment)
            warm = _timed("demo", clone, environment)
        finally:
            _timed("down", clone, environment)
        return {"demo_cold_s": round(cold, 1), "demo_warm_s": round(warm, 1)}


def _timed(target: str, clone: Path, environment: dict[str, str]) -> float:
    started = time.perf_counter()
    subprocess.run(
        ["make", target], cwd=clone, env=environment, check=True, timeout=LIMIT_SECONDS, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - started

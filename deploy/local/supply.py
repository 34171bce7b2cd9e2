"""What the product is made of, and whether anything known is wrong with it: bill of materials and audit."""

import json
import subprocess
import sys
from pathlib import Path

from deploy.local.layout import REPOSITORY
from deploy.local.progress import say

PROGRAMS = Path(sys.executable).parent
FOLDER = REPOSITORY / ".local"
RUNS = REPOSITORY / "requirements.txt"


def bill_of_materials() -> int:
    """CycloneDX 1.6 of what runs: Python from its lock file, page assets from theirs; written to `.local/`."""
    FOLDER.mkdir(exist_ok=True)
    python, assets = FOLDER / "sbom-python.json", FOLDER / "sbom-assets.json"
    command = ("requirements", str(RUNS), "--sv", "1.6", "--of", "JSON", "-o", str(python))
    if (code := _run(PROGRAMS / "cyclonedx-py", *command)) != 0:
        return code
    assets.write_text(json.dumps(_assets(), indent=2) + "\n")
    for path in (python, assets):
        say(f"  {path.relative_to(REPOSITORY)}: {len(json.loads(path.read_text())['components'])} components")
    return 0


def audit() -> int:
    """Known vulnerabilities of what runs, as the public databases tell today; needs the network."""
    python = _run(PROGRAMS / "pip-audit", "--requirement", str(RUNS), "--disable-pip", "--require-hashes")
    assets = _run("npm", "audit", "--omit=dev", "--audit-level=low", where=REPOSITORY)
    return python or assets


def _assets() -> dict[str, object]:
    lock = json.loads((REPOSITORY / "package-lock.json").read_text())
    components = [
        {
            "type": "library",
            "name": (name := place.removeprefix("node_modules/")),
            "version": package["version"],
            "purl": f"pkg:npm/{name.replace('@', '%40', 1)}@{package['version']}",
            **({"licenses": [{"license": {"id": package["license"]}}]} if "license" in package else {}),
        }
        for place, package in lock["packages"].items()
        if place and not package.get("dev")
    ]
    return {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": components}


def _run(program: Path | str, *arguments: str, where: Path | None = None) -> int:
    return subprocess.run([str(program), *arguments], cwd=where, check=False).returncode

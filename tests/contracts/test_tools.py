"""The documents as the field's own tools read them: without one warning."""

import subprocess
from pathlib import Path

from deploy.contracts import FOLDER
from deploy.local import installations

HERE = Path(__file__).parent


def said(*command: str) -> tuple[int, str]:
    done = subprocess.run(["node", *command], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_spectral_finds_nothing_in_openapi() -> None:
    spectral = installations.assets_directory() / "@stoplight/spectral-cli/dist/index.js"
    documents = [str(path) for path in sorted(FOLDER.glob("openapi-*.json"))]
    ruleset = ("--ruleset", str(HERE / "spectral.yaml"), "--fail-severity", "hint", "--display-only-failures")
    code, words = said(str(spectral), "lint", *ruleset, *documents)
    assert code == 0, words
    assert len(documents) == 4


def test_the_parser_finds_nothing_in_asyncapi() -> None:
    folder = installations.assets_directory()
    code, words = said(str(HERE / "asyncapi.mjs"), str(folder), str(FOLDER / "asyncapi.yaml"))
    assert code == 0, words

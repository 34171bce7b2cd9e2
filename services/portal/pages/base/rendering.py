"""Templates and files: one Jinja environment per language, assets with versions in their addresses."""

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from jinja2 import Environment, FileSystemLoader, PrefixLoader, StrictUndefined
from starlette.responses import Response

from services.portal.locale.texts import catalogue
from shared.contracts import actions
from shared.contracts.tickets import ENTRY_LIMIT
from shared.http.caller import public
from shared.problems import NotFound

PAGES = Path(__file__).parent.parent
STATIC = Path(__file__).parent / "static"
STYLES = "lockstep.css"
"""The file that the styles of all areas are added to."""

FONT = "@fontsource-variable/instrument-sans/files/instrument-sans"
FETCHED = {
    "pico.min.css": "@picocss/pico/css/pico.min.css",
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "font-latin.woff2": f"{FONT}-latin-wght-normal.woff2",
    "font-latin-ext.woff2": f"{FONT}-latin-ext-wght-normal.woff2",
}
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
COMPRESSED = {".css", ".js", ".svg"}
YEAR_SECONDS = 31_536_000

router = APIRouter()


class AssetsMissing(Exception):
    """The third-party files have not been fetched: run `make up`, or set LOCKSTEP_ASSETS_DIR."""


@dataclass(frozen=True, slots=True)
class Asset:
    content: bytes
    packed: bytes | None
    type: str
    version: str


def load_assets(directory: Path) -> dict[str, Asset]:
    """All files under `/assets/`, in memory. Raises AssetsMissing."""
    sources = {path.name: path for path in sorted(STATIC.iterdir())}
    sources |= {name: directory / place for name, place in FETCHED.items()}
    missing = [str(path) for path in sources.values() if not path.is_file()]
    if missing:
        raise AssetsMissing(f"{AssetsMissing.__doc__} Not found: {', '.join(missing)}")
    assets: dict[str, Asset] = {}
    for name, path in sorted(sources.items(), key=lambda item: item[1].suffix == ".css"):
        content = path.read_bytes()
        if name == STYLES:
            content += b"".join(area.read_bytes() for area in sorted(PAGES.glob("*/*.css")))
        if path.suffix == ".css":
            content = _with_versions(content, assets)
        packed = gzip.compress(content, 9, mtime=0) if path.suffix in COMPRESSED else None
        assets[name] = Asset(content, packed, TYPES[path.suffix], hashlib.sha256(content).hexdigest()[:10])
    return assets


def _with_versions(css: bytes, assets: Mapping[str, Asset]) -> bytes:
    def versioned(found: re.Match[bytes]) -> bytes:
        asset = assets.get(found[1].decode())
        return found[0] if asset is None else b"/assets/" + found[1] + b"?v=" + asset.version.encode()

    return re.sub(rb"/assets/([\w.-]+)", versioned, css)


@router.get("/assets/{name}", include_in_schema=False, dependencies=[public(actions.LOOK_AROUND)])
async def asset_file(request: Request, name: str, v: str = "") -> Response:
    assets: Mapping[str, Asset] = request.app.state.assets
    asset = assets.get(name)
    if asset is None:
        raise NotFound()
    lasting = f"public, max-age={YEAR_SECONDS}, immutable" if v == asset.version else "public, max-age=300"
    headers = {"Cache-Control": lasting, "ETag": f'"{asset.version}"', "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == f'"{asset.version}"':
        return Response(status_code=304, headers=headers)
    if asset.packed and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.packed, headers=headers | {"Content-Encoding": "gzip"}, media_type=asset.type)
    return Response(asset.content, headers=headers, media_type=asset.type)


class Templates:
    """Renders a page in one of the languages."""

    def __init__(self, assets: Mapping[str, Asset]) -> None:
        self._assets = assets

    def render(self, name: str, language: str, values: Mapping[str, Any]) -> str:
        return _environment(language).get_template(name).render(asset=self._address, **values)

    def _address(self, name: str) -> str:
        return f"/assets/{name}?v={self._assets[name].version}"


@cache
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=PrefixLoader({place.parent.name: FileSystemLoader(place) for place in PAGES.glob("*/templates")}),
        autoescape=True,
        auto_reload=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.globals["entry_limit"] = ENTRY_LIMIT
    environment.install_gettext_translations(catalogue(language), newstyle=True)  # type: ignore[attr-defined]
    return environment

"""Tornvald, an invented maker of printers and copiers: its models with counters, consumables and error families."""

from dataclasses import dataclass
from typing import Any

MAKER = "Tornvald"


@dataclass(frozen=True)
class Model:
    ref: str
    name: str
    counters: tuple[str, ...]
    consumables: tuple[str, ...]
    error_family: str

    def record(self) -> dict[str, Any]:
        """The value of its master record."""
        slug = self.name.lower().replace(" ", "-")
        return {
            "ref": self.ref,
            "name": f"{MAKER} {self.name}",
            "counters": list(self.counters),
            "consumables": list(self.consumables),
            "error_family": self.error_family,
            "links": [
                {"code": "manual", "url": f"https://support.tornvald.example/{slug}/manual"},
                {"code": "drivers", "url": f"https://support.tornvald.example/{slug}/drivers"},
            ],
        }


COLOUR = ("total", "bw", "colour", "copies", "scans", "duplex")
MONO = ("total", "copies", "scans", "duplex")
PRINT_ONLY = ("total", "duplex")


def _toner(series: str) -> tuple[str, ...]:
    return tuple(f"TV-{series}-{ink}" for ink in ("K", "C", "M", "Y"))


MODELS = (
    Model("TV-C300", "Aurora C300", COLOUR, (*_toner("A3"), "TV-WT-30"), "E6xx"),
    Model("TV-C550", "Aurora C550", COLOUR, (*_toner("A5"), "TV-WT-30", "TV-ST-10"), "E6xx"),
    Model("TV-C750", "Aurora C750 Pro", COLOUR, (*_toner("A7"), "TV-WT-70", "TV-ST-10"), "E7xx"),
    Model("TV-M220", "Basalt M220", MONO, ("TV-B2-K", "TV-DR-20"), "E2xx"),
    Model("TV-M440", "Basalt M440", MONO, ("TV-B4-K", "TV-DR-40", "TV-ST-10"), "E2xx"),
    Model("TV-L110", "Cirrus L110", PRINT_ONLY, ("TV-L1-K",), "#8xx"),
    Model("TV-L150", "Cirrus L150 Colour", PRINT_ONLY, _toner("L5"), "#8xx"),
    Model("TV-X900", "Dolomit X900", COLOUR, (*_toner("X9"), "TV-WT-90", "TV-FU-90"), "E9xx"),
)
SHARES = (6, 5, 2, 5, 4, 4, 3, 1)
"""How common each model is."""

"""Country editions and service calendars.

Telephone numbers are from ranges that the regulators keep for fiction (Germany, France, Great Britain) or begin with a
digit that no subscriber has (Finland, Italy, Spain).
"""

from collections.abc import Sequence
from typing import Any

from deploy.seed.customers import CUSTOMERS

WORKDAYS = range(5)
Hours = Sequence[tuple[str, str]]


def _edition(
    country: str,
    languages: Sequence[str],
    time_zone: str,
    hours: Hours,
    *,
    phone: str,
    address: str,
    team: str,
    saturday: Hours = (),
    closed: Sequence[str] = (),
    subdivision: str | None = None,
) -> dict[str, Any]:
    code = country.lower()
    days = [(day, segment) for day in WORKDAYS for segment in hours] + [(5, segment) for segment in saturday]
    return {
        "country": country,
        "languages": list(languages),
        "time_zone": time_zone,
        "holiday_country": country,
        "holiday_subdivision": subdivision,
        "closed_days": list(closed),
        "opening_hours": [{"weekday": day, "opens": opens, "closes": closes} for day, (opens, closes) in days],
        "phone": phone,
        "email": f"service.{code}@tornvald.example",
        "address": address,
        "terms_version": "2026-09",
        "team_name": team,
        "links": [
            {"code": "terms", "url": f"https://www.tornvald.example/{code}/terms"},
            {"code": "maker", "url": f"https://www.tornvald.example/{code}"},
            {"code": "training", "url": f"https://academy.tornvald.example/{code}"},
            {"code": "privacy", "url": f"https://www.tornvald.example/{code}/privacy"},
        ],
    }


EDITIONS = (
    _edition(
        "DE",
        ("de", "en"),
        "Europe/Berlin",
        (("07:30", "18:00"),),
        phone="+49 30 23125 110",
        address="Tornvald Deutschland GmbH\nAm Lichtpausenhof 4\n10115 Berlin",
        team="Tornvald Service-Team",
        closed=("2026-12-24", "2026-12-31", "2027-12-24", "2027-12-31"),
        subdivision="BE",
    ),
    _edition(
        "FI",
        ("fi", "en"),
        "Europe/Helsinki",
        (("08:00", "16:00"),),
        phone="+358 9 000 2110",
        address="Tornvald Finland Oy\nPainokuja 7\n00580 Helsinki",
        team="Tornvaldin asiakaspalvelu",
    ),
    _edition(
        "IT",
        ("it", "de", "en"),
        "Europe/Rome",
        (("08:30", "13:00"), ("14:00", "18:00")),
        phone="+39 02 0000 2110",
        address="Tornvald Italia S.r.l.\nVia della Stamperia 12\n20139 Milano MI",
        team="Assistenza Tornvald",
        subdivision="MI",
    ),
    _edition(
        "FR",
        ("fr", "en"),
        "Europe/Paris",
        (("08:30", "12:30"), ("13:30", "17:30")),
        phone="+33 1 99 00 21 10",
        address="Tornvald France SAS\n9, rue de l'Offset\n75013 Paris",
        team="L'équipe service Tornvald",
    ),
    _edition(
        "ES",
        ("es", "en"),
        "Europe/Madrid",
        (("09:00", "14:00"), ("15:30", "18:30")),
        phone="+34 500 002 110",
        address="Tornvald España S.L.\nCalle del Tipógrafo 21\n28045 Madrid",
        team="Servicio técnico Tornvald",
        subdivision="MD",
    ),
    _edition(
        "GB",
        ("en",),
        "Europe/London",
        (("08:00", "17:30"),),
        phone="+44 20 7946 0211",
        address="Tornvald UK Ltd\n3 Galley Proof Lane\nLondon SE8 4PR",
        team="Tornvald Service Team",
        saturday=(("09:00", "13:00"),),
        subdivision="ENG",
    ),
)

OFFICE: dict[str, tuple[str, Hours]] = {
    "FI": ("Europe/Helsinki", (("08:00", "16:00"),)),
    "DE": ("Europe/Berlin", (("08:00", "12:00"), ("13:00", "17:00"))),
    "IT": ("Europe/Rome", (("08:30", "13:00"), ("14:00", "18:00"))),
}


def _rules(time_zone: str, days: int, hours: Hours, country: str | None, region: str | None = None) -> dict[str, Any]:
    open_day = [{"start": start, "end": end} for start, end in hours]
    return {
        "time_zone": time_zone,
        "week": [open_day if day < days else [] for day in range(7)],
        "holiday_country": country,
        "holiday_subdivision": region,
        "closed_days": [],
        "opened_days": [],
    }


def calendars() -> dict[str, dict[str, Any]]:
    """Service calendars by code: office hours per region, extended hours per country, and day and night."""
    found = {"24x7": _rules("UTC", 7, (("00:00", "24:00"),), None)}
    for country, (time_zone, hours) in OFFICE.items():
        code = country.lower()
        found[f"{code}-extended"] = _rules(time_zone, 6, (("06:00", "22:00"),), country)
        regions = {
            city.subdivision for customer in CUSTOMERS for city in customer.cities if customer.country == country
        }
        for region in sorted(regions, key=str):
            name = f"{code}-office" if region is None else f"{code}-office-{region.lower()}"
            found[name] = _rules(time_zone, 5, hours, country, region)
    return found

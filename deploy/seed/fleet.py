"""The fleet, device by device: number 17 is always the same one, so that a larger fleet contains every smaller one."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

from deploy.seed.customers import CUSTOMERS, FINLAND, PLACES, Customer
from deploy.seed.maker import MODELS, SHARES

DEVICES_PER_SITE = 16
EXPIRED_DEVICE = 14
"""The number of the device whose contract has ended; it belongs to the Finnish customer."""
ENDED_ON = date(2026, 6, 30)
STORY_LEVEL = "Plus"


@dataclass(frozen=True)
class Device:
    """One installed machine; `number` counts from 0 over the whole fleet, `place` within its account."""

    number: int
    place: int
    customer: Customer

    @property
    def ref(self) -> str:
        return f"D-{self.number + 1:06d}"

    @property
    def line_ref(self) -> str:
        return f"L-{self.number + 1:06d}"

    def _random(self, about: str) -> Random:
        return Random(f"{about}/{self.number}")

    @property
    def model(self) -> int:
        return self._random("model").choices(range(len(MODELS)), SHARES)[0]

    @property
    def serial(self) -> str:
        return f"T{MODELS[self.model].ref[3:]}{41_000_000 + 7 * self.number:08d}"

    @property
    def site_number(self) -> int:
        return self.place // DEVICES_PER_SITE

    @property
    def level(self) -> str:
        """The Finnish customer's first site is on one level; elsewhere levels are mixed."""
        if self.customer is FINLAND and self.site_number == 0:
            return STORY_LEVEL
        return self._random("level").choices(tuple(LEVELS), (4, 4, 2, 1))[0]

    def device_record(self) -> dict[str, Any]:
        """The value of its master record."""
        model = MODELS[self.model]
        random = self._random("device")
        words = PLACES[self.customer.language]
        room, floor = random.choice(words["room"]), random.choice(words["floor"])
        return {
            "ref": self.ref,
            "serial": self.serial,
            "model_ref": model.ref,
            "account_ref": self.customer.ref,
            "site": site(self.customer, self.site_number),
            "location": {"building": random.choice(words["building"]), "floor": floor, "room": room, "note": None},
            "own_name": f"{room} {floor}" if random.random() < 0.7 else None,
            "own_number": f"{self.customer.service_number[:2]}{self.place + 1:05d}",
            "status": "installed",
        }

    def contract_record(self, today: date) -> dict[str, Any]:
        """The value of its contract line's master record; a few lines end within two months of `today`."""
        random = self._random("contract")
        valid_until = None
        if self.number == EXPIRED_DEVICE:
            valid_until = ENDED_ON
        elif random.random() < 0.05 and self.level != STORY_LEVEL:
            valid_until = today + timedelta(days=random.randint(10, 60))
        return {
            "ref": self.line_ref,
            "number": f"SC-{self.customer.country}-{self.number + 1:06d}",
            "account_ref": self.customer.ref,
            "device_ref": self.ref,
            "valid_from": date(2023 + random.randint(0, 2), random.randint(1, 6), 1).isoformat(),
            "valid_until": valid_until.isoformat() if valid_until else None,
            "entitlement": entitlement(self.level, self.customer, self.site_number),
        }


def fleet(count: int) -> Iterator[Device]:
    """The first `count` devices, spread over the customers by their share."""
    turns = _turns()
    places = {customer.ref: 0 for customer in CUSTOMERS}
    for number in range(count):
        customer = turns[number % len(turns)]
        yield Device(number, places[customer.ref], customer)
        places[customer.ref] += 1


def _turns() -> list[Customer]:
    """Ten turns in which each customer comes as often as its share, well mixed."""
    owed = [(index / customer.share, customer) for customer in CUSTOMERS for index in range(customer.share)]
    return [customer for _, customer in sorted(owed, key=lambda turn: turn[0])]


def site(customer: Customer, number: int) -> dict[str, Any]:
    """The customer's site of that number; the cities take turns."""
    city = customer.cities[number % len(customer.cities)]
    turn = number // len(customer.cities)
    random = Random(f"site/{customer.ref}/{number}")
    first, *others = customer.site_names
    kind = first if number == 0 else others[(number + turn) % len(others)]
    street, house = city.streets[turn % len(city.streets)], 2 + 3 * turn + random.randint(0, 2)
    return {
        "site_id": f"S-{customer.ref[2:]}-{number + 1:03d}",
        "name": f"{kind} {city.name}" if turn == 0 else f"{kind} {city.name} {turn + 1}",
        "street": f"{street} {house}" if customer.country != "IT" else f"{street}, {house}",
        "postcode": city.postcodes[turn % len(city.postcodes)],
        "city": city.name,
        "country": customer.country,
        "subdivision": city.subdivision,
        "time_zone": customer.time_zone,
        "opening_hours": "Mo-Fr 07:00-17:00",
        "access_notes": PLACES[customer.language]["access"],
    }


LEVELS: dict[str, dict[str, int | bool | None]] = {
    "Standard": {"acknowledge_minutes": 120, "response_minutes": 480, "resolve_minutes": None, "parts_pause": True},
    "Plus": {"acknowledge_minutes": 60, "response_minutes": 240, "resolve_minutes": 960, "parts_pause": True},
    "Extended": {"acknowledge_minutes": 60, "response_minutes": 240, "resolve_minutes": 720, "parts_pause": False},
    "Critical": {"acknowledge_minutes": 15, "response_minutes": 120, "resolve_minutes": 480, "parts_pause": False},
}
"""Service levels, in minutes of their calendar."""


def entitlement(level: str, customer: Customer, site_number: int) -> dict[str, Any]:
    """What a contract line of that level buys at that site."""
    return {
        "level": level,
        "calendar": calendar(level, customer, site_number),
        **LEVELS[level],
        "supplies_included": level != "Standard",
        "meter_reading": "manual" if level == "Standard" else "remote",
    }


def calendar(level: str, customer: Customer, site_number: int) -> str:
    """The code of the service calendar; office hours follow the holidays of the site's region."""
    if level == "Critical":
        return "24x7"
    country = customer.country.lower()
    if level == "Extended":
        return f"{country}-extended"
    region = customer.cities[site_number % len(customer.cities)].subdivision
    return f"{country}-office" if region is None else f"{country}-office-{region.lower()}"

"""Three invented customers with their legal entities and sites. Telephone numbers cannot be dialled."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class City:
    name: str
    postcodes: tuple[str, ...]
    subdivision: str | None
    streets: tuple[str, ...]


@dataclass(frozen=True)
class Customer:
    """One legal entity. `share` is its part of the fleet in tenths; an organisation without devices has none."""

    ref: str
    name: str
    billing_number: str
    service_number: str
    country: str
    language: str
    time_zone: str
    domain: str
    share: int
    site_names: tuple[str, ...] = ()
    cities: tuple[City, ...] = ()
    parent_ref: str | None = None

    def record(self) -> dict[str, Any]:
        """The value of its master record."""
        return {
            "ref": self.ref,
            "name": self.name,
            "parent_ref": self.parent_ref,
            "billing_number": self.billing_number,
            "service_number": self.service_number,
            "country": self.country,
            "language": self.language,
        }


FINLAND = Customer(
    ref="A-FI-100",
    name="Koivuniemi Logistiikka Oy",
    billing_number="7001100",
    service_number="FI-48100",
    country="FI",
    language="fi",
    time_zone="Europe/Helsinki",
    domain="koivuniemi.example",
    share=4,
    site_names=("Pääkonttori", "Terminaali", "Varasto", "Asiakaspalvelu"),
    cities=(
        City("Helsinki", ("00100", "00520", "00880"), None, ("Satamaraitti", "Lokkikuja", "Kaislapolku")),
        City("Tampere", ("33100", "33720"), None, ("Kutojankaari", "Myllytörmä")),
        City("Oulu", ("90100", "90420"), None, ("Tervaportti", "Jokisuuntie")),
        City("Turku", ("20100", "20380"), None, ("Linnanranta", "Hansaväylä")),
    ),
)
GERMAN_GROUP = Customer(
    ref="A-DE-200",
    name="Rheinauer Gruppe SE",
    billing_number="7002200",
    service_number="DE-52200",
    country="DE",
    language="de",
    time_zone="Europe/Berlin",
    domain="rheinauer.example",
    share=0,
)
GERMAN_TOOLS = Customer(
    ref="A-DE-201",
    name="Rheinauer Werkzeugbau GmbH",
    billing_number="7002201",
    service_number="DE-52201",
    country="DE",
    language="de",
    time_zone="Europe/Berlin",
    domain="rheinauer.example",
    share=3,
    site_names=("Hauptverwaltung", "Werk", "Konstruktion"),
    cities=(
        City("Stuttgart", ("70173", "70565"), "BW", ("Am Fräswerk", "Drehergasse")),
        City("Augsburg", ("86150", "86199"), "BY", ("Hobelweg", "Zirbelplatz")),
        City("Leipzig", ("04109", "04229"), "SN", ("Gießereihof", "Messwinkel")),
    ),
    parent_ref="A-DE-200",
)
GERMAN_LOGISTICS = Customer(
    ref="A-DE-202",
    name="Rheinauer Logistik GmbH",
    billing_number="7002202",
    service_number="DE-52202",
    country="DE",
    language="de",
    time_zone="Europe/Berlin",
    domain="rheinauer.example",
    share=1,
    site_names=("Umschlaglager", "Disposition"),
    cities=(City("Hamburg", ("20457", "21129"), "HH", ("Kranstieg", "Ladebalje")),),
    parent_ref="A-DE-200",
)
ITALY = Customer(
    ref="A-IT-300",
    name="Officine Valdaura S.p.A.",
    billing_number="7003300",
    service_number="IT-63300",
    country="IT",
    language="it",
    time_zone="Europe/Rome",
    domain="valdaura.example",
    share=2,
    site_names=("Sede centrale", "Stabilimento", "Magazzino"),
    cities=(
        City("Milano", ("20121", "20157"), "MI", ("Via dei Tornitori", "Via della Fresa")),
        City("Torino", ("10121", "10156"), "TO", ("Corso dei Meccanici", "Via del Tornio")),
        City("Bolzano", ("39100",), "BZ", ("Via della Funivia Vecchia",)),
    ),
)
CUSTOMERS = (FINLAND, GERMAN_GROUP, GERMAN_TOOLS, GERMAN_LOGISTICS, ITALY)
"""Parents stand before their children."""

PLACES = {
    "fi": {
        "building": ("A-talo", "B-talo", None),
        "room": ("Kopiohuone", "Avokonttori", "Neuvottelutila", "Lähettämö"),
        "floor": ("0", "1", "2", "3", "4"),
        "access": "Ilmoittautuminen aulassa, vierailijakortti mukaan.",
    },
    "de": {
        "building": ("Haus 1", "Haus 2", None),
        "room": ("Kopierraum", "Großraumbüro", "Meisterbüro", "Versand"),
        "floor": ("EG", "1. OG", "2. OG", "3. OG"),
        "access": "Anmeldung am Empfang, Sicherheitsschuhe im Werk.",
    },
    "it": {
        "building": ("Palazzina A", "Palazzina B", None),
        "room": ("Sala copie", "Ufficio tecnico", "Amministrazione", "Spedizioni"),
        "floor": ("PT", "1", "2", "3"),
        "access": "Rivolgersi alla portineria.",
    },
}
"""Where devices stand, in the words of the place, and how one gets in."""

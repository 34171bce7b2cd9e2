"""The people: five roles at the Finnish customer, colleagues elsewhere, and the maker's own staff."""

from dataclasses import dataclass

from deploy.seed.customers import FINLAND, GERMAN_GROUP, GERMAN_LOGISTICS, GERMAN_TOOLS, ITALY, Customer
from deploy.seed.fleet import Device

MAKER_DOMAIN = "tornvald.example"


@dataclass(frozen=True)
class Person:
    """`manages` is the part of the customer's fleet that he gets by grants: (first, last) place, both included."""

    key: str
    first_name: str
    last_name: str
    email: str
    country: str
    language: str
    time_zone: str
    title: str
    account: Customer | None = None
    role: str | None = None
    whole: bool = False
    staff_roles: tuple[str, ...] = ()
    manages: tuple[int, int] | None = None
    phone: str | None = None

    def grants(self, devices: list[Device]) -> list[str]:
        """The refs of the devices that he manages."""
        if self.manages is None:
            return []
        first, last = self.manages
        return [device.ref for device in devices if device.customer is self.account and first <= device.place <= last]


def _customer(
    key: str,
    first_name: str,
    last_name: str,
    mailbox: str,
    account: Customer,
    role: str,
    title: str,
    *,
    whole: bool = True,
    manages: tuple[int, int] | None = None,
    phone: str | None = None,
) -> Person:
    return Person(
        key=key,
        first_name=first_name,
        last_name=last_name,
        email=f"{mailbox}@{account.domain}",
        country=account.country,
        language=account.language,
        time_zone=account.time_zone,
        title=title,
        account=account,
        role=role,
        whole=whole,
        manages=manages,
        phone=phone,
    )


def _staff(key: str, first_name: str, last_name: str, role: str, title: str, language: str = "en") -> Person:
    mailbox = f"{first_name}.{last_name}".lower()
    country, time_zone = ("FI", "Europe/Helsinki") if language == "fi" else ("DE", "Europe/Berlin")
    return Person(
        key=key,
        first_name=first_name,
        last_name=last_name,
        email=f"{mailbox}@{MAKER_DOMAIN}",
        country=country,
        language=language,
        time_zone=time_zone,
        title=title,
        staff_roles=(role,),
    )


FINNISH_MANAGER = _customer(
    "fi-device-manager",
    "Mikko",
    "Saarinen",
    "mikko.saarinen",
    FINLAND,
    "device_manager",
    "device manager, twelve devices in Helsinki",
    whole=False,
    manages=(0, 11),
    phone="+358 9 000 2171",
)
GERMAN_MANAGER = _customer(
    "de-device-manager",
    "Jürgen",
    "Müller",
    "juergen.mueller",
    GERMAN_TOOLS,
    "device_manager",
    "device manager, his German colleague",
    whole=False,
    manages=(0, 15),
    phone="+49 30 23125 271",
)
AGENT = _staff("agent", "Robin", "Aalto", "contact_centre_agent", "contact-centre agent", "fi")

PEOPLE = (
    FINNISH_MANAGER,
    _customer("fi-administrator", "Aino", "Heikkinen", "aino.heikkinen", FINLAND, "administrator", "administrator"),
    _customer("fi-stock-manager", "Juhani", "Lehtonen", "juhani.lehtonen", FINLAND, "stock_manager", "stock manager"),
    _customer(
        "fi-device-stock-manager",
        "Sari",
        "Nieminen",
        "sari.nieminen",
        FINLAND,
        "device_stock_manager",
        "device and stock manager, four devices in Tampere",
        whole=False,
        manages=(16, 19),
    ),
    _customer("fi-knowledge-user", "Eero", "Mäkelä", "eero.makela", FINLAND, "knowledge_user", "knowledge user"),
    GERMAN_MANAGER,
    _customer(
        "de-administrator",
        "Katrin",
        "Vogel",
        "katrin.vogel",
        GERMAN_GROUP,
        "administrator",
        "administrator of the group and its companies",
    ),
    _customer(
        "de-logistics-manager",
        "Ole",
        "Petersen",
        "ole.petersen",
        GERMAN_LOGISTICS,
        "device_manager",
        "device manager of a whole company",
    ),
    _customer("it-administrator", "Giulia", "Ferraro", "giulia.ferraro", ITALY, "administrator", "administrator"),
    _customer(
        "it-device-manager",
        "Paolo",
        "Conti",
        "paolo.conti",
        ITALY,
        "device_manager",
        "device manager, eight devices in Milan",
        whole=False,
        manages=(0, 7),
    ),
    AGENT,
    _staff("service-admin", "Helena", "Brandt", "service_admin", "service administrator", "de"),
    _staff("operator", "Tomasz", "Wilk", "operator", "operator"),
)

PARTIES: dict[str, tuple[str, ...]] = {
    "dispatch": (),
    "engineer": (),
    "contact-centre": ("tickets:read", "tickets:write"),
    "back-office": ("identity:read", "catalog:read"),
}
"""The parties' machine clients for HTTP, with their scopes; over Kafka each is a principal of its own."""

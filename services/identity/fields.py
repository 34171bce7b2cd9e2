"""Fields that several requests share, with their rules."""

import re
import unicodedata
from typing import Annotated, Literal

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, StringConstraints
from pydantic_core import PydanticCustomError

from shared.contracts.texts import one_line
from shared.zones import is_time_zone

Language = Literal["de", "fi", "fr", "it", "es", "en"]
Country = Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), AfterValidator(one_line)]
AccountNumber = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]


def _email(text: str) -> str:
    """An address that a mail can be sent to (RFC 5321, 6531), in one spelling.

    Addresses of reserved names, such as `.test`, are for the mail server to refuse.
    """
    try:
        return validate_email(text, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise PydanticCustomError("email_address", "must be an e-mail address, such as name@company.example") from error


def _phone(text: str) -> str:
    """A telephone number as people write it (ITU-T E.123), dashes and spaces made plain, an extension after `ext.`."""
    plain = "".join("-" if unicodedata.category(c) == "Pd" or c == "\u2212" else c for c in text)
    found = _PHONE.fullmatch(" ".join(plain.split()))
    if found is None or not 3 <= sum(c.isdigit() for c in found["number"]) <= MOST_DIGITS:
        raise PydanticCustomError("phone_number", "must be a telephone number, such as +358 40 123 4567 ext. 78")
    number = found["number"].strip()
    return f"{number} ext. {found['extension']}" if found["extension"] else number


MOST_DIGITS = 20
_EXTENSION = r"(?:ext\.?|extension|x|#|dw\.?|durchwahl|poste|int\.?|alanumero)"
_PHONE = re.compile(
    rf"(?P<number>\+?[0-9 ()/.-]{{3,30}}?)(?:[ ,;]*{_EXTENSION} *(?P<extension>[0-9]{{1,8}}))?", re.IGNORECASE
)
Email = Annotated[str, StringConstraints(strip_whitespace=True, max_length=254), AfterValidator(_email)]
Phone = Annotated[str, StringConstraints(strip_whitespace=True, max_length=60), AfterValidator(_phone)]


def _time_zone(name: str) -> str:
    if not is_time_zone(name):
        raise ValueError("not an IANA time zone")
    return name


TimeZone = Annotated[str, AfterValidator(_time_zone)]

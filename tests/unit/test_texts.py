"""What people type is cleaned once at the door, and found again however it is typed."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter, ValidationError

from services.identity.fields import Email, Name, Phone
from services.identity.sessions.passwords import composed
from services.identity.users.store import email_key
from shared.contracts.inbound import ContactCentreTicketOpened
from shared.contracts.texts import cleaned
from shared.http.body import Body
from shared.http.csv_file import Form, csv_lines
from shared.text import folded, search_key, squeezed
from tests.contracts.examples import example


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("page\x0bbreak\x1b[31m\x07", "pagebreak[31m"),
        ("zero\u200bwidth\u2060 and\u00ad soft\ufeff", "zerowidth and soft"),
        ("\u202eevil\u202c \u2066x\u2069", "evil x"),
        ("\u200b\u2060\u00ad\ufeff", ""),
        ("\u3164\u3164", ""),
        ("\u2800 \u115f\ufe0f", ""),
        ("Mu\u0308ller", "Müller"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👩\u200d🔧", "👩\u200d🔧"),
        ("\u200dword\u200c", "word"),
        ("  spaces\t", "spaces"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("\ufffe\U0001fffe\ufdd0x", "x"),
        ("שלום 123", "שלום 123"),
    ],
)
def test_what_nobody_sees_is_taken_off_and_the_rest_stays(typed: str, kept: str) -> None:
    assert cleaned(typed) == kept


@given(st.text())
def test_a_cleaned_text_is_clean(typed: str) -> None:
    text = cleaned(typed)
    assert cleaned(text) == text
    assert text == unicodedata.normalize("NFC", text)
    assert all(c in "\n\t\0" or unicodedata.category(c) != "Cc" for c in text)


class Report(Body):
    verbatim = frozenset({"password"})
    name: Name
    password: str = ""
    details: dict[str, list[str]] = Field(default_factory=dict)


def test_a_body_is_cleaned_at_any_depth_but_for_secrets() -> None:
    report = Report.model_validate(
        {"name": "Anna\r\n\u200b Maria", "password": " p\u200b ", "details": {"a": ["x\u200b", " y\r\n"]}}
    )
    assert (report.name, report.password, report.details) == ("Anna Maria", " p\u200b ", {"a": ["x", "y"]})
    with pytest.raises(ValidationError):
        Report.model_validate({"name": "\u200b\u3164"})


def test_a_text_counts_as_it_is_kept() -> None:
    call = example(ContactCentreTicketOpened).model_dump(mode="json")
    lines = "x" * 50 + "\r\n"
    assert ContactCentreTicketOpened.model_validate(call | {"description": lines * 196}).description.count("\n") == 195
    for invisible in ("\u200b", "\u2800\u3164"):
        with pytest.raises(ValidationError) as error:
            ContactCentreTicketOpened.model_validate(call | {"description": invisible})
        assert error.value.errors()[0]["loc"] == ("description",)


PHONE: TypeAdapter[str] = TypeAdapter(Phone)
EMAIL: TypeAdapter[str] = TypeAdapter(Email)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("+358 40 123 4567 ext. 78", "+358 40 123 4567 ext. 78"),
        ("+358\u00a040\u202f123\u20114567", "+358 40 123-4567"),
        ("030\u2013123 45 67 x78", "030-123 45 67 ext. 78"),
        ("(0) 40 / 123.456, Durchwahl 9", "(0) 40 / 123.456 ext. 9"),
        ("112", "112"),
    ],
)
def test_a_telephone_number_is_tidied(typed: str, kept: str) -> None:
    assert PHONE.validate_python(typed) == kept
    assert PHONE.validate_python(kept) == kept


@pytest.mark.parametrize("typed", ["12", "call me", "+", "1" * 40, "+358 40 ext. 123456789", "()()()"])
def test_what_is_no_telephone_number_is_refused_by_name(typed: str) -> None:
    with pytest.raises(ValidationError) as error:
        PHONE.validate_python(typed)
    assert error.value.errors()[0]["type"] == "phone_number"


@pytest.mark.parametrize("typed", ["<a@b.example>", "a..b@firm.example", "a@", "@b.example", "a b@c.example", "a@b@c"])
def test_an_address_that_no_mail_reaches_is_refused_by_name(typed: str) -> None:
    with pytest.raises(ValidationError) as error:
        EMAIL.validate_python(typed)
    assert error.value.errors()[0]["type"] == "email_address"


@pytest.mark.parametrize("typed", ["anna@bücher.example", "jürgen@firm.example", "a.b+c@firm.example", "o'hara@x.test"])
def test_addresses_of_any_script_are_taken(typed: str) -> None:
    assert EMAIL.validate_python(typed) == typed


def test_an_address_and_a_password_are_the_same_however_a_program_writes_them() -> None:
    for pasted in ("a\u200b@firm.example", "\ufeffa@firm.example", "a@firm.example\u200e", " A@Firm.example "):
        assert email_key(pasted) == "a@firm.example"
    assert composed("Gru\u0308\u00dfe ") == "Gr\u00fc\u00dfe "


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("Smørrebrød", "smorrebrod"),
        ("Smørrebrød", "smoerrebroed"),
        ("Łódź", "lodz"),
        ("Đorđević", "dordevic"),
        ("Işık", "isik"),
        ("Þór", "thor"),
        ("Œuvre", "oeuvre"),
        ("Ærø", "aero"),
        ("Ħamrun", "hamrun"),
        ("Київ", "київ"),
        ("東京", "東京"),
        ("Åbo", "abo"),
    ],
)
def test_letters_that_do_not_decompose_are_found_as_people_type_them(name: str, typed: str) -> None:
    assert typed in {search_key(name), folded(name)} or {search_key(typed), folded(typed)} & {
        search_key(name),
        folded(name),
    }


def test_a_number_is_the_same_however_it_is_typed() -> None:
    assert {squeezed(serial) for serial in ("ab-12 34", " AB1234", "ab 1234 ")} == {"ab1234"}


@pytest.mark.parametrize(
    ("cell", "data", "sheet"),
    [
        ("a;=1+1;b", "a;'=1+1;b", '"a;=1+1;b"'),
        ("a\t@SUM(1)", "a\t'@SUM(1)", "a\t'@SUM(1)"),
        ("a, -b", '"a, -b"', "a, '-b"),
        ("\u034f=cmd", "'\u034f=cmd", "'\u034f=cmd"),
        ("a; \u200b+1", "a; \u200b'+1", '"a; \u200b+1"'),
        ("5-7; 3", "5-7; 3", '"5-7; 3"'),
    ],
)
def test_no_part_of_a_cell_becomes_a_formula_at_another_separator(cell: str, data: str, sheet: str) -> None:
    assert csv_lines([(cell,)]).decode() == f"{data}\r\n"
    assert csv_lines([(cell,)], Form.of("spreadsheet", "de")).decode() == f"{sheet}\r\n"


def test_a_spreadsheet_of_each_language_shows_what_is_written() -> None:
    row = ("Pääkonttori", "00100", "1,5", "123456789012345", 7, "=cmd")
    german = Form.of("spreadsheet", "de")
    assert german.mark == b"\xef\xbb\xbf"
    assert csv_lines([row], german).decode() == ('Pääkonttori;"=""00100""";1,5;"=""123456789012345""";7;\'=cmd\r\n')
    assert Form.of("spreadsheet", "en").separator == ","
    assert csv_lines([row]).decode() == 'Pääkonttori,00100,"1,5",123456789012345,7,\'=cmd\r\n'

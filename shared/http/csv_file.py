"""Tables as CSV (UTF-8): for programs, and so that a spreadsheet shows them as they are."""

import codecs
import csv
import io
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from fastapi.responses import StreamingResponse

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u034f\u115f\u3164\ufe0f"
DECIMAL_POINT = ("en",)
_SIGN = rf"(?=[{INVISIBLE} ]*[{re.escape(''.join(FORMULA_SIGNS))}])"
BEGINS_FORMULA = {own: re.compile(rf"(^|[{other}\t][{INVISIBLE} ]*){_SIGN}") for own, other in ((",", ";"), (";", ","))}
TAKEN_FOR_A_NUMBER = re.compile("0[0-9]+|[0-9]{12,}")

Cell = str | int | None


Layout = Literal["data", "spreadsheet"]


@dataclass(frozen=True, slots=True)
class Form:
    """How the lines are written. A spreadsheet wants a byte order mark, `;` where its language writes 1,5, and numbers
    that are names, such as the postcode 00100, as texts."""

    separator: str = ","
    mark: bytes = b""
    keeps_zeros: bool = False

    @classmethod
    def of(cls, layout: Layout, language: str) -> "Form":
        if layout == "data":
            return cls()
        return cls("," if language in DECIMAL_POINT else ";", codecs.BOM_UTF8, keeps_zeros=True)


DATA = Form()


def csv_lines(rows: Iterable[Sequence[Cell]], form: Form = DATA) -> bytes:
    text = io.StringIO()
    written = [[_harmless(cell, form) for cell in row] for row in rows]
    csv.writer(text, delimiter=form.separator).writerows(written)
    return text.getvalue().encode()


def csv_answer(lines: AsyncIterator[bytes], name: str) -> StreamingResponse:
    """A download that is sent while it is made."""
    return StreamingResponse(
        lines,
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )


def _harmless(cell: Cell, form: Form) -> Cell:
    """A text that a spreadsheet would take for a formula gets an apostrophe in front.

    So does what follows a separator: the reader's program may split the line at another one than it was written with.
    """
    if form.keeps_zeros and isinstance(cell, str) and TAKEN_FOR_A_NUMBER.fullmatch(cell):
        return f'="{cell}"'  # digits alone: nothing in it can be calculated
    return BEGINS_FORMULA[form.separator].sub(r"\1'", cell) if isinstance(cell, str) else cell

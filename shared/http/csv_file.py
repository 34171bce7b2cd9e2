"""Tables as CSV (UTF-8, comma) that a spreadsheet shows as they are."""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence

from fastapi.responses import StreamingResponse

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff"

Cell = str | int | None


def csv_lines(rows: Iterable[Sequence[Cell]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([[_harmless(cell) for cell in row] for row in rows])
    return text.getvalue().encode()


def csv_answer(lines: AsyncIterator[bytes], name: str) -> StreamingResponse:
    """A download that is sent while it is made."""
    return StreamingResponse(
        lines,
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )


def _harmless(cell: Cell) -> Cell:
    """A text that a spreadsheet would take for a formula gets an apostrophe in front."""
    if isinstance(cell, str) and cell.lstrip(f"{INVISIBLE} ").startswith(FORMULA_SIGNS):
        return f"'{cell}"
    return cell

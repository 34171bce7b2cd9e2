"""The runbook as a page: `docs/operations.md`, in the few forms of Markdown that it uses."""

import re
from collections.abc import Iterator
from pathlib import Path

from markupsafe import Markup, escape

_CODE = re.compile(r"`([^`]+)`")
_STRONG = re.compile(r"\*\*([^*]+)\*\*")
_SLANTED = re.compile(r"(?<!\*)\*([^*]+)\*(?!\*)")
_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")
_HEADING = re.compile(r"(#{1,4}) (.+)")


def read(path: Path) -> Markup | None:
    """The file as HTML; None where it was not shipped."""
    try:
        return as_html(path.read_text(encoding="utf-8"))
    except OSError:
        return None


def as_html(text: str) -> Markup:
    return Markup("\n").join(_blocks(text))


def slug(heading: str) -> str:
    """A heading's anchor, as code hosts make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _blocks(text: str) -> Iterator[Markup]:
    for block in re.split(r"\n{2,}", text.strip("\n")):
        lines = block.split("\n")
        heading = _HEADING.fullmatch(lines[0])
        if heading:
            level = len(heading[1])
            yield Markup('<h{0} id="{1}">{2}</h{0}>').format(level, slug(heading[2]), _inline(heading[2]))
            lines = lines[1:]
        if not lines:
            continue
        if lines[0].startswith("|"):
            yield _table(lines)
        elif lines[0].startswith("    "):
            yield Markup('<pre tabindex="0"><code>{}</code></pre>').format("\n".join(line[4:] for line in lines))
        elif lines[0].startswith("- "):
            yield _items("ul", re.split(r"\n- ", "\n".join(lines)[2:]))
        elif re.match(r"1\. ", lines[0]):
            yield _items("ol", re.split(r"\n\d+\. ", "\n".join(lines)[3:]))
        else:
            yield Markup("<p>{}</p>").format(_inline("\n".join(lines)))


def _items(tag: str, items: list[str]) -> Markup:
    inside = Markup("").join(Markup("<li>{}</li>").format(_inline(item)) for item in items)
    return Markup("<{0}>{1}</{0}>").format(Markup(tag), inside)


def _table(lines: list[str]) -> Markup:
    head, _, *rows = (_cells(line) for line in lines)
    top = Markup("").join(Markup('<th scope="col">{}</th>').format(_inline(cell)) for cell in head)
    body = Markup("").join(
        Markup("<tr>{}</tr>").format(Markup("").join(Markup("<td>{}</td>").format(_inline(cell)) for cell in row))
        for row in rows
    )
    return Markup(
        '<div class="scrolls" tabindex="0"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>'
    ).format(top, body)


def _cells(line: str) -> list[str]:
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def _inline(text: str) -> Markup:
    """Code first: nothing in it means anything else."""
    parts = _CODE.split(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else _plain(part) for number, part in enumerate(parts)
    )


def _plain(text: str) -> Markup:
    safe = str(escape(text))
    safe = _STRONG.sub(r"<strong>\1</strong>", safe)
    safe = _SLANTED.sub(r"<em>\1</em>", safe)
    return Markup(_LINK.sub(lambda found: _link(found[1], found[2]), safe))


def _link(text: str, target: str) -> str:
    """A link within the page; what leads to another file is not shipped, and stays text."""
    return f'<a href="{target}">{text}</a>' if target.startswith("#") else text

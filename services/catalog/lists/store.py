"""The keys by which a device is found and put in order. They stand in the device's document, normalised, because the
store has no collations."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from shared.contracts.catalog import DeviceState, DeviceStatus
from shared.text import folded, search_key, search_words

SORTS = ("serial", "own_name", "model", "site")
EVERYWHERE = "all"
SEARCH_INDEX = "search"
CONTRACT_INDEX = "contract"
LAST = "\uffff"
"""Devices without a name come after all the others."""

_LOOKALIKES = str.maketrans({"o": "0", "i": "1"})
_LABEL = re.compile(
    r"^\s*(?:s\s*/\s*n|sn|serial(?:\s+(?:no|number))?|ser\.?\s*-?\s*nr|serien\s*-?\s*(?:nr|nummer)|sarjanumero"
    r"|n(?:\.|°|º|\.º|úm(?:ero|\.)|um[eé]ro)?\s*(?:di|de)\s*s[eé]rie|matricola)\s*[.:#\s]\s*[:#]?\s*",
    re.I,
)


def fold(text: str) -> str:
    """The form in which texts meet: no case, accents, spaces or signs; O is 0 and I is 1."""
    return _looks_like(search_key(text))


def search_keys(state: DeviceState) -> list[str]:
    """Every beginning by which the device may be found: its serial, own number, own name, model and site, whole and
    word by word."""
    texts = (
        state.serial,
        state.own_number,
        state.own_name,
        state.model_name,
        state.site.name,
        state.site.street,
        state.site.city,
        state.site.postcode,
    )
    return sorted(text_keys(*texts))


def text_keys(*texts: str | None) -> set[str]:
    """The keys of some texts, whole and word by word."""
    return set[str]().union(*(_keys_of(text) for text in texts if text)) - {""}


@lru_cache(maxsize=10_000)
def _keys_of(text: str) -> frozenset[str]:
    # Models, sites and cities are the same few texts for a whole fleet.
    return frozenset[str]().union(*map(_spellings, (text, *text.split(), *search_words(text))))


def search_filter(text: str) -> dict[str, Any] | None:
    """Devices with a key that begins with the text, or with one key for each of its words; None: nothing to look for.

    A label in front of a serial number ("S/N: …") does not count.
    """
    text = _LABEL.sub("", text)
    whole, words = fold(text), [fold(word) for word in search_words(text)]
    words = [word for word in words if word]
    if not whole:
        return None
    if len(words) < 2:
        return _begins(whole)
    return {"$or": [_begins(whole), {"$and": [_begins(word) for word in sorted(set(words))]}]}


def order_keys(state: DeviceState) -> dict[str, str]:
    """The device's place in each order; numbers inside names count as numbers, those inside serials do not."""
    return {
        "serial": search_key(state.serial) or LAST,
        "own_name": _order(state.own_name),
        "model": _order(state.model_name),
        "site": _order(f"{state.site.city} {state.site.street} {state.site.name}"),
    }


def list_keys(state: DeviceState) -> list[str]:
    """The lists that the device stands in besides its account's: what is picked out of many by one equality."""
    keys = [
        EVERYWHERE,
        account_model_list(state.account_id, state.model_id),
        site_list(state.site.site_id),
        *(group_list(group_id) for group_id in state.group_ids),
    ]
    if state.status is not DeviceStatus.INSTALLED:
        keys.append(account_status_list(state.account_id, state.status))
    return keys


def facet(state: DeviceState) -> str:
    """One value for all that facets count: grouping by a document of several fields takes twice as long."""
    return "/".join((state.account_id, state.site.site_id, state.model_id, state.status.value))


def account_model_list(account_id: str, model_id: str) -> str:
    return f"account:{account_id}/model:{model_id}"


def account_status_list(account_id: str, status: DeviceStatus) -> str:
    """Only for the few devices that are not installed."""
    return f"account:{account_id}/status:{status.value}"


def site_list(site_id: str) -> str:
    return f"site:{site_id}"


def group_list(group_id: str) -> str:
    return f"group:{group_id}"


def indexes() -> Iterable[tuple[str, list[tuple[str, int]]]]:
    """The indexes of lists and search, by the names that queries hint at."""
    yield SEARCH_INDEX, [("search", 1)]
    yield CONTRACT_INDEX, [("account_id", 1), ("contract_until", 1)]
    for sort in SORTS:
        yield account_index(sort), [("account_id", 1), (f"order.{sort}", 1), ("_id", 1)]
        yield list_index(sort), [("lists", 1), (f"order.{sort}", 1), ("_id", 1)]


def account_index(sort: str) -> str:
    return f"account_{sort}"


def list_index(sort: str) -> str:
    return f"list_{sort}"


def _spellings(text: str) -> set[str]:
    """Umlauts spelled out and umlauts without their dots: Müller is found as mueller and as muller."""
    return {fold(text), _looks_like(folded(text))}


def _looks_like(key: str) -> str:
    return key.replace(" ", "").translate(_LOOKALIKES)


def _begins(key: str) -> dict[str, Any]:
    return {"search": {"$regex": f"^{key}"}}


def _order(text: str | None) -> str:
    if not text:
        return LAST
    return re.sub(r"\d+", lambda number: number[0].zfill(10), search_key(text)) or LAST

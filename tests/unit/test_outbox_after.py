"""A document after its update, as the store would answer."""

from datetime import UTC, datetime

from shared.outbox.after import after

DOCUMENT = {"_id": "a", "revision": 3, "version": 5, "outbox": [], "name": "old", "sources": {"x": {"sequence": 1}}}


def test_all_kinds_of_changes_are_followed_and_the_read_document_stays() -> None:
    before = {**DOCUMENT, "sources": {"x": {"sequence": 1}, "old": {"sequence": 9}}, "next_at": 1}
    kept = {**before, "sources": dict(before["sources"])}  # type: ignore[call-overload]
    result = after(
        before,
        {
            "$inc": {"revision": 1, "version": 2},
            "$set": {"name": "new", "sources.y": {"sequence": 4}, "deep.er": 1},
            "$unset": {"next_at": "", "sources.old": ""},
            "$push": {"outbox": {"$each": [{"id": "e"}]}},
        },
    )
    assert result == {
        "_id": "a",
        "revision": 4,
        "version": 7,
        "outbox": [{"id": "e"}],
        "name": "new",
        "sources": {"x": {"sequence": 1}, "y": {"sequence": 4}},
        "deep": {"er": 1},
    }
    assert before == kept


def test_values_come_back_as_from_the_store() -> None:
    at = datetime(2026, 1, 5, 17, 40, 0, 123_456, tzinfo=UTC)
    result = after(DOCUMENT, {"$inc": {"revision": 1}, "$set": {"at": at, "words": ("a", "b")}})
    assert result["at"] == at.replace(microsecond=123_000)
    assert result["words"] == ["a", "b"]

"""One entry that cannot be shown takes no list away."""

from services.portal.pages.components.entries import each


def test_an_entry_that_cannot_be_shown_is_left_out_and_counted() -> None:
    found = each([{"n": 1}, {"n": 0}, {}, {"n": 2}], lambda item: 2 / item["n"])
    assert (found.shown, found.left_out) == ([2.0, 1.0], 2)

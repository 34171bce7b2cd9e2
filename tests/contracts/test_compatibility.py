"""The rule itself: what counts as growing, and what as changing."""

from typing import Any, ClassVar, Literal

import pytest

from shared.contracts.base import Contract, Event
from tests.contracts.compatibility import differences, schema_of


class Inner(Contract):
    name: str
    size: int = 1


class Old(Event):
    """The type as it was published."""

    topic: ClassVar[str] = "a.topic"
    type: ClassVar[str] = "a.type.v1"
    inner: Inner
    inners: tuple[Inner, ...] = ()
    kind: Literal["a", "b"]
    note: str | None = None


class GrownInner(Inner):
    colour: str | None = None


class Grown(Old):
    """Other words, and further optional fields at both depths."""

    inner: GrownInner
    inners: tuple[GrownInner, ...] = ()
    more: int = 0


class WithRequired(Old):
    more: int


class WithOtherType(Old):
    note: int | None = None  # type: ignore[assignment]


class WithMoreChoices(Old):
    kind: Literal["a", "b", "c"]  # type: ignore[assignment]


class WithOptional(Old):
    kind: Literal["a", "b"] = "a"


class ChangedInner(Contract):
    name: str


class WithoutInnerField(Old):
    inners: tuple[ChangedInner, ...] = ()  # type: ignore[assignment]


class WithRule(Old):
    note: str | None = None
    inner: Inner

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: Any) -> Any:
        schema = handler(core_schema)
        handler.resolve_ref_schema(schema)["minProperties"] = 1
        return schema


def changes(today: type[Event]) -> list[str]:
    return list(differences(schema_of(Old), schema_of(today)))


def test_optional_fields_may_be_added_at_any_depth_and_words_may_change() -> None:
    assert changes(Old) == []
    assert changes(Grown) == []


@pytest.mark.parametrize(
    ("today", "told"),
    [
        (WithRequired, "more: a required field was added"),
        (WithOtherType, "note"),
        (WithMoreChoices, "kind"),
        (WithOptional, "kind: readers rely on it, and it became optional"),
        (WithoutInnerField, "size: the field went"),
        (WithRule, "the rule 'minProperties' appeared"),
    ],
)
def test_everything_else_is_a_change(today: type[Event], told: str) -> None:
    assert any(told in sentence for sentence in changes(today))


def test_growing_backwards_is_a_change() -> None:
    lost = list(differences(schema_of(Grown), schema_of(Old)))
    assert any("more: the field went" in sentence for sentence in lost)

"""The contract as TypeScript: what becomes of a schema."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import UNSET, Meta, Struct, UnsetType

from sidecar import contract
from sidecar.rpc import typescript
from sidecar.rpc.methods import Method, NotificationType

CONTRACT = typescript.document(contract.METHODS, contract.NOTIFICATIONS)


class Part(Struct, tag="part"):
    """A part. */ is no end of this comment."""

    text: str


class Other(Struct, tag="other"):
    """Another part."""

    number: int


class Taken(Struct, forbid_unknown_fields=True):
    """What a method takes.

    Its second paragraph.
    """

    word: Literal["a", "b"]
    parts: list[Part | Other] | None = None
    count: Annotated[int, Meta(ge=1, le=9, description="How many.")] = 3
    back: str | UnsetType | None = UNSET
    free: dict[str, Any] | None = None
    lists: dict[str, list[float]] | None = None


class Nothing(Struct, forbid_unknown_fields=True):
    """No parameters."""


def handler(app: object, params: object, call: object) -> None:
    """Do something."""
    del app, params, call


def generated(**methods: Method) -> str:
    return typescript.document(methods, {"told": NotificationType(Other)})


def test_each_schema_has_its_type() -> None:
    text = generated(do=Method(Taken, (Part, Other), handler))
    assert (
        """
/**
 * What a method takes.
 *
 * Its second paragraph.
 */
export interface Taken {
  word: "a" | "b";
  parts?: (Part | Other)[];
  /** How many. 1 to 9. Default: 3. */
  count?: number;
  back?: string | null;
  free?: Record<string, unknown>;
  lists?: Record<string, number[]>;
}
"""
        in text
    )
    assert "/** A part. *\\/ is no end of this comment. */\nexport interface Part {\n" in text
    assert '  type: "part";\n  text: string;\n' in text
    assert "  /** Do something. */\n  do: { params: Taken; result: Part | Other };\n" in text
    assert "  /** Another part. */\n  told: Other;\n" in text


def test_no_parameters_are_no_fields_and_an_empty_answer_may_get_some() -> None:
    text = generated(**{"a.b": Method(Nothing, dict[str, Any], handler)})
    assert "export type Nothing = Record<string, never>;" in text
    assert '  "a.b": { params: Nothing; result: Record<string, unknown> };' in text
    assert "export type Empty = Record<string, unknown>;" in CONTRACT


def test_a_schema_that_it_does_not_know_is_refused_and_not_guessed() -> None:
    class Odd(Struct):
        """Odd."""

        field: Annotated[Any, Meta(extra_json_schema={"oneOf": []})]

    with pytest.raises(NotImplementedError, match="oneOf"):
        generated(odd=Method(Odd, Odd, handler))


def test_every_kind_of_error_is_named_and_no_line_is_long() -> None:
    for kind in ("invalid_request", "rate_limited", "internal"):
        assert f'  | "{kind}"' in CONTRACT
    assert [line for line in CONTRACT.splitlines() if len(line) > 120] == []
    assert msgspec.json.encode(CONTRACT)  # no lone surrogates, nothing but text

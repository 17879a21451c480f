from __future__ import annotations

import re

import pytest

from sidecar import errors
from sidecar.errors import AIError

JSON_RPC = {-32700, -32600, -32601, -32602, -32603}
CANCELLED = -32800
DRAWN = re.compile(r"^(?P<lines>[ │├└─]*)(?P<name>[A-Z]\w+)(?:\s+(?P<code>-\d+)\s+(?P<kind>\w+))?")


def tree(kind: type[AIError]) -> list[type[AIError]]:
    return [kind, *(each for child in kind.__subclasses__() for each in tree(child))]


def leaves() -> list[type[AIError]]:
    return [kind for kind in tree(AIError) if not kind.__subclasses__()]


@pytest.mark.parametrize("kind", leaves())
def test_a_leaf_says_what_it_is_and_what_to_do(kind: type[AIError]) -> None:
    own = vars(kind)
    assert own["kind"]
    assert own["default_hint"].endswith(".")
    assert len(own["default_hint"]) > 15
    assert (own["__doc__"] or "").split("\n")[0].endswith((".", "."))
    assert kind.code in JSON_RPC or kind.code == CANCELLED or not -32768 <= kind.code <= -32000


def test_every_leaf_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in leaves()]
    assert len(set(codes)) == len(codes)


def test_a_kind_is_one_word_for_one_thing_but_for_bad_requests() -> None:
    kinds = [kind.kind for kind in leaves() if kind.kind != "invalid_request"]
    assert len(set(kinds)) == len(kinds)


def test_the_tree_that_is_drawn_is_the_tree_of_the_classes() -> None:
    drawn = []
    for line in (errors.__doc__ or "").splitlines():
        found = DRAWN.match(line)
        if line.startswith("    ") and found:
            depth = (len(found["lines"]) - 4) // 4
            drawn.append((depth, found["name"], found["code"] and int(found["code"])))
    assert drawn == [
        (len(kind.__mro__) - len(AIError.__mro__), kind.__name__, code_of(kind))
        for kind in tree(AIError)
    ]


def test_the_kinds_that_are_drawn_are_those_of_the_classes() -> None:
    drawn = dict(re.findall(r"── (\w+)\s+-\d+\s+(\w+)", errors.__doc__ or ""))
    assert drawn == {kind.__name__: kind.kind for kind in leaves()}


def code_of(kind: type[AIError]) -> int | None:
    return None if kind.__subclasses__() else kind.code


def test_on_the_wire_it_has_kind_and_hint_and_nothing_that_is_not_known() -> None:
    error = errors.RateLimited("Slow down.", retry_after_ms=5)
    error.execution_id = "e"
    data = errors.RateLimited.to_object(error).data
    assert {
        name: value for name in data.__struct_fields__ if (value := getattr(data, name)) is not None
    } == {
        "kind": "rate_limited",
        "hint": errors.RateLimited.default_hint,
        "retry_after_ms": 5,
        "execution_id": "e",
    }


def test_a_hint_of_its_own_takes_the_place_of_the_usual_one() -> None:
    assert errors.Busy("x", hint="Wait.").hint == "Wait."
    assert errors.Busy("x", hint=None).hint == errors.Busy("x", hint="").hint

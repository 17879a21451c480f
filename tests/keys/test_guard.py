"""Keys are refused in all parameters but those that are made for them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from msgspec import Raw

from sidecar.errors import InvalidParams
from sidecar.keys.guard import Guard
from sidecar.keys.secret import Secret

READ = "a-key-that-was-read-from-its-store"
UNREAD = "a-key-that-lies-unread_in.its-store-1"


def is_unread(words: Iterable[str]) -> bool:
    return UNREAD in words


def refused_at(params: Any, *but: str) -> str | None:  # noqa: ANN401 - any JSON
    text = params if isinstance(params, str) else json.dumps(params)
    refusal = None
    try:
        Guard(is_unread, lambda: None).refuse_keys(Raw(text.encode()), but)
    except InvalidParams as error:
        refusal = error
    shown = f"{refusal} {refusal and refusal.path} {refusal and refusal.hint}"
    assert READ not in shown
    assert UNREAD not in shown
    return refusal.path if refusal else None


@pytest.fixture(autouse=True)
def living() -> Secret:
    return Secret(READ)


@pytest.mark.parametrize("key", [READ, UNREAD])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""), ("My key is ", ""), ("It is ", ". Thanks!"), ('{"api_key": "', '"}'),
        ("KEY=", ""), ("`", "`"), ("(", "),"), ("line\n", "\nline"), ("Bearer ", "\t"),
    ],
)  # fmt: skip
def test_a_key_is_found_as_people_paste_it(key: str, before: str, after: str) -> None:
    text = f"{before}{key}{after}"
    assert refused_at({"request": {"messages": [{"content": "-"}, {"content": text}]}}) == (
        "$.request.messages[1].content"
    )


@pytest.mark.parametrize("key", [READ, UNREAD])
def test_it_is_found_however_the_json_is_written(key: str) -> None:
    escaped = "".join(f"\\u{ord(each):04x}" for each in key)
    assert refused_at(f'{{"a": "{escaped}"}}') == "$.a"
    assert refused_at({"names": {key: {"below": "-"}}}) == "$.names"


@pytest.mark.parametrize("key", [READ, UNREAD])
def test_a_part_of_a_key_is_not_told_from_any_other_word(key: str) -> None:
    for end in range(1, len(key)):
        assert refused_at({"a": key[:end], "b": key[end:]}) is None


def test_a_parameter_that_is_made_for_keys_may_have_one_and_no_other() -> None:
    assert refused_at({"api_key": READ, "provider": "openai"}, "api_key") is None
    assert refused_at({"api_key": READ, "provider": READ}, "api_key") == "$.provider"


@pytest.mark.parametrize("params", ["[]", "5", "{", '{"a": 1e999}', "[" * 3000, '"text"'])
def test_what_is_no_object_is_left_to_those_who_decode_it(params: str) -> None:
    assert refused_at(params) is None


def test_it_looks_as_deep_as_the_json_goes() -> None:
    depth = 400
    assert refused_at('{"a":' * depth + f'"{READ}"' + "}" * depth) == "$" + ".a" * depth


def test_a_picture_is_not_taken_apart() -> None:
    asked: list[str] = []

    def remember(words: Iterable[str]) -> bool:
        asked.extend(words)
        return False

    picture = "data:image/png;base64," + "QUJD" * 100_000
    Guard(remember, lambda: None).refuse_keys(Raw(json.dumps({"url": picture}).encode()))
    assert asked == []

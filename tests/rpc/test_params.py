from __future__ import annotations

import pytest
from msgspec import UNSET, Raw

from sidecar.errors import InvalidParams
from sidecar.handlers.chat import CallParams
from sidecar.handlers.models import NoParams
from sidecar.rpc.params import decode_params

USER = '{"role":"user","content":"hi"}'


def fault(text: str) -> InvalidParams:
    with pytest.raises(InvalidParams) as caught:
        decode_params(CallParams, Raw(text.encode()))
    return caught.value


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("{}", "$.request"),
        ('{"request":{"messages":[]}}', "$.request.messages"),
        ('{"request":{"messages":[{}]}}', "$.request.messages[0].role"),
        (
            f'{{"request":{{"messages":[{USER},{{"role":"usr"}}]}}}}',
            "$.request.messages[1].role",
        ),
        (
            '{"request":{"messages":[{"role":"user","content":[{"type":"text"}]}]}}',
            "$.request.messages[0].content[0].text",
        ),
        (f'{{"request":{{"messages":[{USER}],"temperature":"hot"}}}}', "$.request.temperature"),
        (f'{{"request":{{"messages":[{USER}],"tempreature":1}}}}', "$.request.tempreature"),
        (f'{{"request":{{"messages":[{USER}],"max_tokens":0}}}}', "$.request.max_tokens"),
        (f'{{"request":{{"messages":[{USER}]}},"execution_id":""}}', "$.execution_id"),
        (
            f'{{"request":{{"messages":[{USER}],"metadata":{{"a":"b","c":1}}}}}}',
            "$.request.metadata.c",
        ),
        (
            f'{{"request":{{"messages":[{USER}],"extra":{{"a":1,"b":{{"c":[2,1e400]}}}}}}}}',
            "$.request.extra.b.c[1]",
        ),
        ("[1]", "$"),
    ],
)
def test_what_is_wrong_is_told_with_its_path(text: str, path: str) -> None:
    error = fault(text)
    assert error.path == path
    assert error.code == -32602


def test_a_misspelled_field_is_told_what_was_meant() -> None:
    assert fault('{"request":{"messages":[' + USER + '],"tempreature":1}}').hint == (
        "Did you mean `temperature`?"
    )


@pytest.mark.parametrize("name", ["model", "messages", "temperature"])
def test_a_field_of_the_level_below_is_told_its_place(name: str) -> None:
    assert fault(f'{{"request":{{"messages":[{USER}]}},"{name}":1}}').hint == (
        "It belongs into `request`."
    )


@pytest.mark.parametrize("name", ["type", "name", "description"])
def test_a_field_of_one_kind_of_many_is_not_told_a_place(name: str) -> None:
    text = f'{{"request":{{"messages":[{USER}],"{name}":"x"}}}}'
    assert "belongs" not in fault(text).hint


def test_where_nothing_is_known_that_is_told() -> None:
    with pytest.raises(InvalidParams) as caught:
        decode_params(NoParams, Raw(b'{"x":1}'))
    assert caught.value.hint == "Nothing is known here; leave it out."


def test_an_unknown_field_is_told_what_is_known() -> None:
    assert "execution_id" in fault('{"zzz":1}').hint


def test_an_unknown_word_is_told_what_is_allowed() -> None:
    hint = fault('{"request":{"messages":[{"role":"robot","content":"x"}]}}').hint
    assert hint == "Allowed: system, user, assistant, tool."


@pytest.mark.parametrize(
    ("field", "hint"),
    [
        ('"temperature":"hot"', "Give a number."),
        ('"max_tokens":1.5', "Give a whole number."),
        ('"max_tokens":0', "Give 1 or more."),
        ('"model":5', "Give a text."),
        ('"stop_sequences":"x"', "Give a list."),
        ('"stream":1', "Give true or false."),
        ('"extra":[]', "Give an object."),
        ('"model":""', "Don't leave it empty."),
    ],
)
def test_a_wrong_kind_of_value_is_told_in_the_words_of_json(field: str, hint: str) -> None:
    text = f'{{"request":{{"messages":[{USER}],{field}}}}}'
    assert fault(text).hint == hint


def test_an_unknown_part_is_told_what_is_allowed() -> None:
    text = '{"request":{"messages":[{"role":"user","content":[{"type":"video"}]}]}}'
    assert '"type": "image"' in fault(text).hint


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ('{"role":"tool","content":"x"}', "tool_call_id"),
        ('{"role":"user"}', "needs `content`"),
        ('{"role":"user","content":"x","tool_calls":[]}', "assistant"),
        ('{"role":"user","content":[{"type":"image"}]}', "exactly one of"),
        ('{"role":"user","content":[{"type":"image","data":"eA=="}]}', "media_type"),
    ],
)
def test_a_message_must_make_sense(message: str, words: str) -> None:
    if "tool_calls" in message:
        message = message.replace("[]", '[{"id":"1","name":"f","arguments":"{}"}]')
    error = fault('{"request":{"messages":[' + message + "]}}")
    assert words in error.message
    assert (error.path or "").startswith("$.request.messages[0]")


def test_left_out_parameters_are_an_empty_object() -> None:
    assert decode_params(NoParams, UNSET) == NoParams()

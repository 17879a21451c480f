"""Messages: turns, system prompts, thinking, and what the API refuses."""

from __future__ import annotations

import pytest

from sidecar.errors import InvalidParams
from tests.providers.formats.anthropic.saying import Json, built

USER = {"role": "user", "content": "hi"}
REPLY = {"role": "assistant", "content": "Hello."}
RULE = {"role": "system", "content": "Be brief."}
NEW = "claude-opus-4-8"


def body(*messages: Json, model: str = "claude-sonnet-4-6") -> Json:
    found, warnings = built({"messages": list(messages)}, model)
    assert warnings == []
    return found


def warned(*messages: Json, model: str = "claude-sonnet-4-6") -> tuple[Json, str]:
    found, warnings = built({"messages": list(messages)}, model)
    return found, "\n".join(warnings)


def refused(*messages: Json) -> InvalidParams:
    with pytest.raises(InvalidParams) as raised:
        built({"messages": list(messages)})
    return raised.value


# --- system ---


def test_a_system_prompt_has_its_own_field() -> None:
    found = body(RULE, USER)
    assert found["system"] == "Be brief."
    assert found["messages"] == [USER]


def test_several_system_prompts_are_blocks_in_their_order() -> None:
    second = [{"type": "text", "text": "B", "cache_control": {"type": "ephemeral"}}]
    found = body({**RULE, "content": "A"}, {**RULE, "content": second}, USER)
    assert found["system"] == [{"type": "text", "text": "A"}, *second]


def test_a_later_one_stands_in_its_place_where_the_model_takes_that() -> None:
    found = body(USER, RULE, model=NEW)
    assert found["messages"] == [USER, {"role": "system", "content": [
        {"type": "text", "text": "Be brief."}]}]  # fmt: skip
    assert "system" not in found


RESULT = {"role": "tool", "tool_call_id": "t1", "content": "x"}


@pytest.mark.parametrize(
    "messages",
    [
        (USER, RULE, REPLY),
        (USER, REPLY, RULE, USER, REPLY),
        (USER, RULE, USER),
        (RESULT, RULE, RESULT, REPLY),
        (USER, RULE, RULE),
    ],
)
def test_it_waits_for_the_end_of_the_users_turn(messages: tuple[Json, ...]) -> None:
    roles = [each["role"] for each in body(*messages, model=NEW)["messages"]]
    at = roles.index("system")
    assert roles[at - 1] == "user"
    assert roles[at + 1 :] in ([], ["assistant"])
    assert roles.count("system") == 1


@pytest.mark.parametrize(
    ("model", "messages"),
    [
        ("claude-sonnet-4-6", (USER, RULE)),
        ("claude-sonnet-5", (USER, RULE)),
        (NEW, (USER, REPLY, RULE)),
        (NEW, (USER, REPLY, RULE, REPLY)),
    ],
)
def test_a_later_one_goes_to_the_beginning_elsewhere_and_that_is_told(
    model: str, messages: tuple[Json, ...]
) -> None:
    found, told = warned(*messages, model=model)
    assert found["system"] == "Be brief."
    assert found["messages"] == [each for each in messages if each is not RULE]
    assert "put at the beginning" in told


def test_a_picture_in_a_system_prompt_is_refused_with_its_path() -> None:
    error = refused({**RULE, "content": [{"type": "image", "url": "https://x.example/a.png"}]})
    assert error.path == "$.request.messages[0].content[0]"


PNG: Json = {"type": "image", "data": "iVBORw0KGgo=", "media_type": "image/png"}
SOURCE = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}


# --- turns ---


def test_names_are_told_as_not_taken() -> None:
    found, told = warned({**USER, "name": "ada"})
    assert found["messages"] == [USER]
    assert "`name` in a user message" in told


def test_results_of_several_calls_are_one_turn() -> None:
    calls = [{"id": f"t{n}", "name": "f", "arguments": '{"n": 1.50}'} for n in (1, 2)]
    found = body(
        USER,
        {"role": "assistant", "content": "I look.", "tool_calls": calls},
        {"role": "tool", "tool_call_id": "t1", "name": "f", "content": "one"},
        {"role": "tool", "tool_call_id": "t2", "content": [{"type": "text", "text": "two"}, PNG]},
        USER,
    )
    assert found["messages"][1:] == [
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "t1", "name": "f", "input": {"n": 1.5}},
                {"type": "tool_use", "id": "t2", "name": "f", "input": {"n": 1.5}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": "one"},
                {
                    "type": "tool_result",
                    "tool_use_id": "t2",
                    "content": [
                        {"type": "text", "text": "two"},
                        {"type": "image", "source": SOURCE},
                    ],
                },
            ],
        },
        USER,
    ]


def test_an_empty_result_is_a_result() -> None:
    call = {"id": "t1", "name": "f", "arguments": ""}
    found = body(
        USER,
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "t1", "content": ""},
    )
    assert found["messages"][1:] == [
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "t1", "name": "f", "input": {}}],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1"}]},
    ]


def test_ids_of_other_providers_are_made_to_fit() -> None:
    call = {"id": "functions.f:0|é", "name": "f", "arguments": "{}"}
    found = body(
        USER,
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "functions.f:0|é", "content": "x"},
    )
    assert found["messages"][1]["content"][0]["id"] == "functions_f_0__"
    assert found["messages"][2]["content"][0]["tool_use_id"] == "functions_f_0__"


@pytest.mark.parametrize("arguments", ["{", "[]", "7", "[" * 100_000])
def test_arguments_that_are_no_object_are_refused_with_their_path(arguments: str) -> None:
    call = {"id": "t1", "name": "f", "arguments": arguments}
    error = refused(USER, {"role": "assistant", "tool_calls": [call]})
    assert error.path == "$.request.messages[1].tool_calls[0].arguments"


@pytest.mark.parametrize("content", ["", None, [], [{"type": "text", "text": ""}]])
def test_a_turn_of_nothing_is_left_out_and_told(content: object) -> None:
    found, told = warned(USER, {"role": "assistant", "content": content}, USER)
    assert found["messages"] == [USER, USER]
    assert "empty assistant message" in told


# --- thinking goes back ---


def thought(**fields: object) -> Json:
    return {"origin": "anthropic/claude-sonnet-4-6", **fields}


def test_thinking_goes_back_before_the_text_with_its_proof() -> None:
    blocks = [thought(text="Hm.", signature="s1"), thought(data="d"), thought(signature="s2")]
    found = body(USER, {**REPLY, "reasoning": blocks})
    assert found["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "Hm.", "signature": "s1"},
        {"type": "redacted_thinking", "data": "d"},
        {"type": "thinking", "thinking": "", "signature": "s2"},
        {"type": "text", "text": "Hello."},
    ]


def test_thinking_goes_back_to_its_place() -> None:
    calls = [{"id": f"t{n}", "name": "f", "arguments": "{}"} for n in (1, 2)]
    blocks = [
        thought(text="a", signature="1"),
        thought(text="b", signature="2", id="after:3:0"),
        thought(text="c", signature="3", id="after:6:1"),
    ]
    found = body(USER, {**REPLY, "tool_calls": calls, "reasoning": blocks})
    kinds = [
        block.get("text") or block.get("thinking") or block.get("id")
        for block in found["messages"][1]["content"]
    ]
    assert kinds == ["a", "Hel", "b", "lo.", "t1", "c", "t2"]


@pytest.mark.parametrize("place", ["after:999999:7", "after:0:0", "after:-1:0", "rs_1", ""])
def test_a_place_that_does_not_fit_loses_no_words(place: str) -> None:
    found = body(USER, {**REPLY, "reasoning": [thought(text="a", signature="1", id=place)]})
    blocks = found["messages"][1]["content"]
    assert "".join(block.get("text", "") for block in blocks) == "Hello."
    assert {block["type"] for block in blocks} == {"text", "thinking"}


@pytest.mark.parametrize(
    "block",
    [
        {"text": "Hm."},
        {"text": "Hm.", "signature": "s", "origin": "gemini"},
        {"data": "d", "origin": "openai_responses"},
        {"text": "Hm.", "origin": "anthropic/claude-sonnet-4-6"},
        {"text": "Hm.", "signature": "s", "origin": "anthropic/claude-opus-5"},
    ],
)
def test_thinking_without_the_apis_own_proof_is_left_out_and_told(block: Json) -> None:
    found, told = warned(USER, {**REPLY, "reasoning": [block]})
    assert found["messages"] == [USER, REPLY]
    assert "signature" in told


def test_models_of_others_get_their_thinking_back_without_a_signature() -> None:
    block = {"text": "Hm.", "origin": "anthropic/deepseek-chat"}
    found = body(USER, {**REPLY, "reasoning": [block]}, model="deepseek-chat")
    assert found["messages"][1]["content"][0] == {"type": "thinking", "thinking": "Hm."}


def test_thinking_goes_before_parts() -> None:
    parts = [{"type": "text", "text": "Hello."}]
    blocks = [thought(text="a", signature="1", id="after:3:0")]
    found = body(USER, {"role": "assistant", "content": parts, "reasoning": blocks})
    assert [each["type"] for each in found["messages"][1]["content"]] == ["thinking", "text"]

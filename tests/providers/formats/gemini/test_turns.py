from __future__ import annotations

from typing import Any

import pytest

from sidecar.errors import InvalidParams
from sidecar.providers.formats.google_models import UNSIGNED
from sidecar.values import (
    AIMessage,
    AudioPart,
    ImagePart,
    Part,
    Reasoning,
    TextPart,
    ToolCall,
)
from tests.providers.formats.gemini.saying import body_of, user

Json = dict[str, Any]
OLD = "gemini-2.5-flash"
PNG = ImagePart(data="aGk=", media_type="image/png")
INLINE = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}


def system(text: str) -> AIMessage:
    return AIMessage(role="system", content=text)


def called(*calls: ToolCall, content: str | None = None) -> AIMessage:
    return AIMessage(role="assistant", content=content, tool_calls=list(calls))


def result(call_id: str, content: str | list[Part], name: str | None = None) -> AIMessage:
    return AIMessage(role="tool", tool_call_id=call_id, content=content, name=name)


def call(call_id: str = "c1", name: str = "f", arguments: str = "{}", signature: str | None = "s") -> ToolCall:  # fmt: skip  # noqa: E501
    return ToolCall(id=call_id, name=name, arguments=arguments, signature=signature)


def contents(*messages: AIMessage, model: str = OLD) -> list[Json]:
    body, warnings = body_of(*messages, model=model)
    assert warnings == []
    found: list[Json] = body["contents"]
    return found


def test_system_messages_go_into_the_system_instruction() -> None:
    body, warnings = body_of(system("A"), system("B"), user())
    assert body["systemInstruction"] == {"parts": [{"text": "A"}, {"text": "B"}]}
    assert [each["role"] for each in body["contents"]] == ["user"]
    assert warnings == []


def test_a_system_message_from_later_goes_there_too_and_that_is_told() -> None:
    body, warnings = body_of(user(), system("B"))
    assert body["systemInstruction"] == {"parts": [{"text": "B"}]}
    assert "at the beginning" in warnings[0]


def test_a_model_without_system_instruction_gets_it_in_its_first_turn() -> None:
    body, _ = body_of(system("A"), user("hi"), model="gemma-3-27b-it")
    assert "systemInstruction" not in body
    assert body["contents"][0] == {"role": "user", "parts": [{"text": "A"}]}


def test_a_system_message_of_pictures_is_refused() -> None:
    with pytest.raises(InvalidParams) as caught:
        body_of(AIMessage(role="system", content=[TextPart(text="a"), PNG]), user())
    assert caught.value.path == "$.request.messages[0].content[1]"


def test_a_conversation_of_system_messages_alone_is_refused() -> None:
    with pytest.raises(InvalidParams) as caught:
        body_of(system("A"))
    assert caught.value.path == "$.request.messages"


def test_turns_of_one_role_that_follow_each_other_become_one() -> None:
    said = AIMessage(role="assistant", content="b")
    assert contents(user("a"), user("b"), said, said, user("c")) == [
        {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]},
        {"role": "model", "parts": [{"text": "b"}, {"text": "b"}]},
        {"role": "user", "parts": [{"text": "c"}]},
    ]


def test_what_functions_answered_is_one_turn_and_stands_apart_from_the_users() -> None:
    found = contents(
        user(), called(call("c1", "f"), call("c2", "g")), result("c2", "two"), result("c1", "one"),
        user("and?"),
    )  # fmt: skip
    assert [each["role"] for each in found] == ["user", "model", "user", "user"]
    assert found[2]["parts"] == [
        {"functionResponse": {"id": "c2", "name": "g", "response": {"output": "two"}}},
        {"functionResponse": {"id": "c1", "name": "f", "response": {"output": "one"}}},
    ]
    assert found[3]["parts"] == [{"text": "and?"}]


@pytest.mark.parametrize(
    ("text", "response"),
    [
        ('{"a": 1}', {"a": 1}),
        (' {"a": {"b": [1]}}', {"a": {"b": [1]}}),
        ("plain", {"output": "plain"}),
        ("[1, 2]", {"output": "[1, 2]"}),
        ("{broken", {"output": "{broken"}),
        ("", {"output": ""}),
        ("7", {"output": "7"}),
    ],
)
def test_a_functions_response_is_an_object(text: str, response: Json) -> None:
    found = contents(user(), called(call()), result("c1", text))
    assert found[2]["parts"][0]["functionResponse"]["response"] == response


def test_a_response_without_its_call_needs_the_functions_name() -> None:
    found = contents(user(), result("gone", "x", name="f"))
    assert found[1]["parts"][0]["functionResponse"]["name"] == "f"
    with pytest.raises(InvalidParams) as caught:
        body_of(user(), result("gone", "x"))
    assert caught.value.path == "$.request.messages[1].tool_call_id"


def test_the_call_of_a_made_up_id_that_comes_twice_is_the_last_one() -> None:
    found = contents(user(), called(call("c", "f")), result("c", "1"), called(call("c", "g")),
                     result("c", "2"))  # fmt: skip
    assert found[4]["parts"][0]["functionResponse"]["name"] == "g"


def test_a_picture_that_a_function_gave_goes_into_its_response_or_beside_it() -> None:
    parts: list[Part] = [TextPart(text="look"), PNG]
    new = contents(user(), called(call()), result("c1", parts), model="gemini-3-flash-preview")
    assert new[2]["parts"] == [{"functionResponse": {
        "id": "c1", "name": "f", "response": {"output": "look"}, "parts": [INLINE]}}]  # fmt: skip
    old = contents(user(), called(call()), result("c1", parts))
    assert old[2]["parts"] == [
        {"functionResponse": {"id": "c1", "name": "f", "response": {"output": "look"}}}
    ]
    assert old[3]["parts"] == [{"text": "This came with the response of f:"}, INLINE]
    sound: list[Part] = [AudioPart(data="aGk=", media_type="audio/wav")]
    new = contents(user(), called(call()), result("c1", sound), model="gemini-3-flash-preview")
    assert "inlineData" in new[3]["parts"][1]


@pytest.mark.parametrize("arguments", ["[1]", "7", '{"a": ', "nonsense", "null", "[" * 100_000])
def test_arguments_that_are_no_object_are_refused(arguments: str) -> None:
    with pytest.raises(InvalidParams) as caught:
        body_of(user(), called(call(), call("c2", arguments=arguments)))
    assert caught.value.path == "$.request.messages[1].tool_calls[1].arguments"


def test_empty_arguments_are_an_empty_object() -> None:
    part = contents(user(), called(call(arguments="")))[1]["parts"][0]
    assert part == {"functionCall": {"id": "c1", "name": "f", "args": {}}, "thoughtSignature": "s"}


def test_names_of_speakers_are_told_to_be_left_out() -> None:
    body, warnings = body_of(AIMessage(role="user", content="hi", name="Ada"))
    assert "Ada" not in str(body)
    assert "`name`" in warnings[0]


# --- signatures ----------------------------------------------------------------------------------


def test_a_call_of_another_model_is_sent_as_one_that_is_not_to_be_checked() -> None:
    foreign = called(call(signature=None), call("c2", signature=None))
    body, warnings = body_of(user(), foreign, model="gemini-3-flash-preview")
    signatures = [part.get("thoughtSignature") for part in body["contents"][1]["parts"]]
    assert signatures == [UNSIGNED, None]
    assert "thought signature" in warnings[0]


def test_parallel_calls_of_gemini_have_one_signature_and_need_no_other() -> None:
    own = called(call(), call("c2", signature=None))
    found = contents(user(), own, model="gemini-3.1-pro-preview")
    assert [part.get("thoughtSignature") for part in found[1]["parts"]] == ["s", None]


@pytest.mark.parametrize("model", [OLD, "gemini-2.0-flash", "gemma-4-31b-it"])
def test_a_model_that_checks_no_signatures_is_sent_none(model: str) -> None:
    part = contents(user(), called(call(signature=None)), model=model)[1]["parts"][0]
    assert "thoughtSignature" not in part


def said(*blocks: Reasoning, content: str | list[Part] = "Yes.") -> Json:
    message = AIMessage(role="assistant", content=content, reasoning=list(blocks))
    return contents(user(), message)[1]


def own(text: str | None = None, signature: str | None = None) -> Reasoning:
    return Reasoning(text=text, signature=signature, origin="gemini")


def test_own_thoughts_go_back_and_those_of_others_do_not() -> None:
    foreign = Reasoning(text="Ah.", signature="x", origin="anthropic")
    unknown = Reasoning(text="Oh.")
    blocks = [foreign, own("Hm.", "s"), unknown]
    message = AIMessage(role="assistant", content="Yes.", reasoning=blocks)
    body, warnings = body_of(user(), message)
    assert body["contents"][1]["parts"] == [
        {"text": "Hm.", "thought": True, "thoughtSignature": "s"}, {"text": "Yes."},
    ]  # fmt: skip
    assert warnings == [
        "Reasoning of earlier messages that Google does not take back was not sent."
    ]


def test_a_signature_alone_stands_on_the_text_and_further_ones_on_parts_of_their_own() -> None:
    assert said(own(signature="s1"), own("", "s3"), own(signature="s2"))["parts"] == [
        {"text": "Yes.", "thoughtSignature": "s1"},
        {"text": "", "thoughtSignature": "s2"},
        {"text": "", "thoughtSignature": "s3"},
    ]
    parts: list[Part] = [PNG, TextPart(text="See.")]
    assert said(own(signature="s1"), content=parts)["parts"] == [
        INLINE, {"text": "See.", "thoughtSignature": "s1"},
    ]  # fmt: skip
    assert said(own(signature="s1"), content="")["parts"] == [
        {"text": "", "thoughtSignature": "s1"}
    ]


def test_an_assistants_message_without_anything_is_told() -> None:
    body, warnings = body_of(user("a"), AIMessage(role="assistant", content=""), user("b"))
    assert body["contents"] == [{"role": "user", "parts": [{"text": "a"}, {"text": "b"}]}]
    assert "without content" in warnings[0]

"""What was answered goes back as it came, to where it came from."""

from __future__ import annotations

import msgspec

from sidecar.providers.formats.openai_responses.layout import MAX_KEPT
from sidecar.values import AIMessage, AIRequest, Reasoning, TextPart, ToolCall
from tests.providers.formats.openai_responses.answering import (
    answer,
    body,
    call,
    message,
    output_text,
    reasoning,
)
from tests.providers.formats.openai_responses.asking import again, back, called, said, sent

SEARCH = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"query": "q"}}


def test_a_tool_conversation_goes_on_with_what_was_thought() -> None:
    first = answer(body(reasoning("I look.", encrypted="E1"), call(number=1), call(number=2)))
    messages = [
        AIMessage(role="user", content="hi"),
        first.message,
        AIMessage(role="tool", tool_call_id="call_1", content="sun"),
        AIMessage(role="tool", tool_call_id="call_2", content="rain"),
    ]
    second = answer(body(reasoning(encrypted="E2", number=2), message(output_text("Both."))))
    items = sent(AIRequest(messages=[*messages, second.message, messages[0]]))["input"]
    assert [item["type"] for item in items] == [
        "message",
        "reasoning",
        "function_call",
        "function_call",
        "function_call_output",
        "function_call_output",
        "reasoning",
        "message",
        "message",
    ]
    assert items[1] == {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "I look."}],
        "encrypted_content": "E1",
    }
    assert items[6] == {
        "type": "reasoning",
        "id": "rs_2",
        "summary": [],
        "encrypted_content": "E2",
    }


def test_a_message_survives_being_kept_as_json() -> None:
    first = answer(body(message(output_text("A"), phase="commentary"), call(), reasoning("s")))
    kept = msgspec.json.decode(msgspec.json.encode(first.message), type=AIMessage)
    assert back(kept) == back(first.message)


def test_several_parts_of_one_thought_are_one_item_again() -> None:
    item = reasoning("One.", "Two.", encrypted="E") | {
        "content": [{"type": "reasoning_text", "text": "raw"}]
    }
    response = answer(body(item, message(output_text("Hi"))))
    assert [block.data for block in response.message.reasoning or ()] == ["E", None]
    assert again(response) == [item, said("Hi")]


def test_the_plain_order_needs_nothing_to_be_kept() -> None:
    response = answer(body(message(output_text("Hi")), call()))
    assert response.message.reasoning is None
    assert again(response) == [said("Hi"), called()]


def test_thoughts_go_back_before_what_came_of_them() -> None:
    response = answer(
        body(
            reasoning(encrypted="E1", number=1),
            call(number=1),
            reasoning(encrypted="E2", number=2),
            message(output_text("So far.")),
            call(number=2),
        )
    )
    items = again(response)
    assert [item.get("id") or item["type"] for item in items] == [
        "rs_1",
        "function_call",
        "rs_2",
        "message",
        "function_call",
    ]
    assert [item["call_id"] for item in items if "call_id" in item] == ["call_1", "call_2"]


def test_thoughts_without_ids_go_back_once_each() -> None:
    one, two = reasoning(encrypted="E1"), reasoning(encrypted="E2")
    del one["id"], two["id"]
    items = again(answer(body(one, call(), two, message(output_text("Hi")))))
    assert [item.get("encrypted_content") for item in items] == ["E1", None, "E2", None]


def test_each_message_goes_back_with_its_own_text_and_phase() -> None:
    response = answer(
        body(
            message(output_text("Let me "), output_text("see 😀."), phase="commentary"),
            call(),
            message(output_text("Done."), phase="final_answer", number=2),
        )
    )
    assert response.content == "Let me see 😀.Done."
    assert again(response) == [
        said("Let me see 😀.", phase="commentary"),
        called(),
        said("Done.", phase="final_answer"),
    ]


def test_a_text_that_was_changed_goes_back_as_one() -> None:
    response = answer(
        body(
            message(output_text("A"), phase="commentary"),
            call(),
            message(output_text("B"), number=2),
        )
    )
    kept = response.message
    changed = AIMessage(
        role="assistant", content="Another.", tool_calls=None, reasoning=kept.reasoning
    )
    assert back(changed)[0] == [said("Another.")]


def test_calls_that_were_added_and_texts_of_parts_go_back_too() -> None:
    response = answer(body(call(), message(output_text("A"))))
    changed = AIMessage(
        role="assistant",
        content=[TextPart(text="A")],
        tool_calls=[
            *(response.tool_calls or ()),
            ToolCall(id="call_2", name="f", arguments='{"x": 1}'),
        ],
        reasoning=response.message.reasoning,
    )
    assert back(changed)[0] == [called(), said("A"), called(2)]


def test_calls_of_one_id_all_go_back() -> None:
    calls = [ToolCall(id="call_1", name="f", arguments='{"x": 1}')] * 2
    assert back(AIMessage(role="assistant", tool_calls=calls))[0] == [called(), called()]


def test_what_the_providers_own_tools_did_goes_back_in_its_place() -> None:
    response = answer(
        body(
            reasoning(encrypted="E1", number=1),
            SEARCH,
            reasoning(encrypted="E2", number=2),
            message(output_text("Found.")),
        )
    )
    assert response.warnings == [
        "What the provider sent as `web_search_call` was left out; AIResponse has no place for it."
    ]
    items = again(response)
    assert items[1] == SEARCH
    assert [item["type"] for item in items] == [
        "reasoning",
        "web_search_call",
        "reasoning",
        "message",
    ]


def test_an_item_that_is_too_large_is_not_kept_which_is_told() -> None:
    picture = {"type": "image_generation_call", "id": "ig_1", "result": "x" * MAX_KEPT}
    response = answer(body(SEARCH, picture, message(output_text("Here."))))
    assert "too large to be kept" in (response.warnings or [])[-1]
    items, _ = back(response.message)
    assert [item["type"] for item in items] == ["web_search_call", "message"]


def test_an_item_without_a_type_is_told_of_and_does_not_go_back() -> None:
    response = answer(body({"id": "x"}, call(), message(output_text("Hi"))))
    assert "item without a type" in (response.warnings or [""])[0]
    assert again(response) == [called(), said("Hi")]
    block = Reasoning(signature='[{"kind": "item", "item": {}}]', origin="own")
    assert back(AIMessage(role="assistant", reasoning=[block]))[0] == []


def test_a_call_of_free_text_is_answered_as_one() -> None:
    custom = {
        "type": "custom_tool_call",
        "id": "ctc_1",
        "call_id": "c9",
        "name": "sh",
        "input": "ls",
    }
    response = answer(body(custom))
    assert response.tool_calls == [ToolCall(id="c9", name="sh", arguments="ls")]
    assert response.finish_reason == "tool_calls"
    items, _ = back(
        response.message,
        AIMessage(role="tool", tool_call_id="c9", content="a.txt"),
        AIMessage(role="tool", tool_call_id="c8", content="b"),
    )
    assert items == [
        {"type": "custom_tool_call", "call_id": "c9", "name": "sh", "input": "ls"},
        {"type": "custom_tool_call_output", "call_id": "c9", "output": "a.txt"},
        {"type": "function_call_output", "call_id": "c8", "output": "b"},
    ]


def test_what_is_kept_for_the_way_back_is_bounded() -> None:
    items = [{"type": "web_search_call", "id": f"ws_{n}", "x": "y" * 100_000} for n in range(30)]
    kept = (answer(body(*items, message(output_text("Hi")))).message.reasoning or [])[
        0
    ].signature or ""
    assert MAX_KEPT / 2 < len(kept) < 1.2 * MAX_KEPT

from __future__ import annotations

import pytest

from sidecar.values import Reasoning, StreamChunk, TokenUsage, ToolCall
from tests.providers.formats.openai_responses.answering import (
    BEGUN,
    added,
    answer,
    body,
    call,
    delta,
    done,
    end,
    events,
    message,
    output_text,
    reasoning,
    say,
    streamed,
)

HI = message(output_text("Hi"))


def test_text_comes_as_it_is_said() -> None:
    chunks, response = streamed(
        events(
            BEGUN,
            added(message()),
            delta("output_text", "H"),
            delta("output_text", "i"),
            {"type": "response.output_text.done", "output_index": 0, "text": "Hi"},
            {"type": "response.content_part.done", "part": output_text("Hi"), "output_index": 0},
            done(HI),
            end(HI),
        )
    )
    assert [chunk.content for chunk in chunks] == ["H", "i", None]
    assert response.content == "Hi"
    assert (response.finish_reason, response.provider_finish_reason) == ("stop", "completed")
    assert (response.model, response.response_id, response.warnings) == ("m1", "resp_1", None)
    assert response.usage == TokenUsage(
        prompt_tokens=30,
        completion_tokens=9,
        total_tokens=39,
        cached_tokens=10,
        reasoning_tokens=5,
    )
    assert answer(body(HI)) == response


# --- nothing twice, nothing never ----------------------------------------------------------------

TEXT_DONE = {"type": "response.output_text.done", "output_index": 0, "text": "Hi"}
PART_DONE = {"type": "response.content_part.done", "output_index": 0, "part": output_text("Hi")}


@pytest.mark.parametrize(
    "given",
    [
        [end(HI)],
        [done(HI), end()],
        [PART_DONE, end(HI)],
        [TEXT_DONE, end()],
        [delta("output_text", "H"), end(HI)],
        [delta("output_text", "Hi"), TEXT_DONE, TEXT_DONE, PART_DONE, done(HI), done(HI), end(HI)],
        [added(message()), added(message()), delta("output_text", "H"), PART_DONE, end()],
    ],
)
def test_whatever_a_server_leaves_out_the_text_is_told_once(given: list[object]) -> None:
    response = say(BEGUN, *given)  # type: ignore[arg-type]
    assert response.content == "Hi"
    assert response.warnings is None


def test_pieces_and_their_whole_that_differ_are_told_of() -> None:
    response = say(delta("output_text", "Ho"), done(message(output_text("Hi there"))), end())
    assert response.content == "Ho"
    assert response.warnings == ["A text came whole otherwise than in pieces; the pieces count."]


def test_parts_and_messages_are_joined_in_their_order() -> None:
    response = say(
        delta("output_text", "A", item_id="msg_1"),
        delta("output_text", "B", item_id="msg_1", content_index=1),
        delta("output_text", "C", 1, item_id="msg_2"),
        end(
            message(output_text("A"), output_text("B")),
            message(output_text("C"), output_text("D"), number=2),
        ),
    )
    assert response.content == "ABCD"


def test_a_bare_text_in_place_of_parts_is_text() -> None:
    assert answer(body(message() | {"content": "Hi"})).content == "Hi"


def test_characters_that_were_torn_apart_are_joined() -> None:
    torn = (
        '{"type": "response.output_text.delta", "output_index": 0, "delta": "a\\ud83d"}',
        '{"type": "response.output_text.delta", "output_index": 0, "delta": "\\ude00b"}',
    )
    assert say(*torn, end(message(output_text("a😀b")))).content == "a😀b"
    assert say(torn[0], end(message(output_text("a😀b")))).content == "a😀b"
    assert say(torn[0], end()).content == "a\ufffd"
    whole = '{"status": "completed", "output": [{"type": "message", "content": "\\ud83d"}]}'
    assert answer(whole.encode()).content == "\ufffd"


# --- tool calls ----------------------------------------------------------------------------------


def test_parallel_calls_come_apart_and_whole() -> None:
    one, two = call("f", '{"a": 1}', 1), call("g", '{"b": 2}', 2)
    chunks, response = streamed(
        events(
            added(call("f", "", 1), 0),
            added(call("g", "", 2), 1),
            delta("function_call_arguments", '{"a"', 0, item_id="fc_1"),
            delta("function_call_arguments", '{"b": 2}', 1, item_id="fc_2"),
            delta("function_call_arguments", ": 1}", 0, item_id="fc_1"),
            {
                "type": "response.function_call_arguments.done",
                "output_index": 0,
                "arguments": '{"a": 1}',
            },
            done(one, 0),
            done(two, 1),
            end(one, two),
        )
    )
    first = [chunk.tool_calls[0] for chunk in chunks if chunk.tool_calls][:2]
    assert [(each.index, each.id, each.name) for each in first] == [
        (0, "call_1", "f"),
        (1, "call_2", "g"),
    ]
    assert response.tool_calls == [
        ToolCall(id="call_1", name="f", arguments='{"a": 1}'),
        ToolCall(id="call_2", name="g", arguments='{"b": 2}'),
    ]
    assert (response.finish_reason, response.provider_finish_reason) == ("tool_calls", "completed")
    assert answer(body(one, two)) == response


@pytest.mark.parametrize(
    "given",
    [
        [added(call(arguments="")), end(call())],
        [delta("function_call_arguments", '{"x"'), done(call()), end(call())],
        [done(call()), end()],
        [added(call()), done(call()), end(call())],
    ],
)
def test_whatever_a_server_leaves_out_a_call_is_whole(given: list[object]) -> None:
    assert say(*given).tool_calls == [  # type: ignore[arg-type]
        ToolCall(id="call_1", name="f", arguments='{"x": 1}')
    ]


def test_arguments_as_an_object_are_json_text() -> None:
    item = call() | {"arguments": {"x": 1}}
    assert answer(body(item)).tool_calls == [ToolCall(id="call_1", name="f", arguments='{"x":1}')]


def test_calls_without_ids_get_ids_that_stay_the_same() -> None:
    one, two = call(), call()
    for each in (one, two):
        del each["id"], each["call_id"]
    ids = [each.id for each in answer(body(one, two)).tool_calls or ()]
    assert ids == ["call_resp_1_0", "call_resp_1_1"]


def test_a_call_without_a_name_is_told_of_and_kept() -> None:
    response = say(delta("function_call_arguments", '{"x": 1}'), end())
    assert [each.arguments for each in response.tool_calls or ()] == ['{"x": 1}']
    assert response.warnings == ["A tool call came without a name; its arguments are kept."]


# --- reasoning -----------------------------------------------------------------------------------


def summary(text: str, part: int = 0) -> dict[str, object]:
    return delta("reasoning_summary_text", text, summary_index=part)


def test_a_summary_is_told_as_it_comes_and_its_parts_stand_apart() -> None:
    item = reasoning("**A** one", "**B** two", encrypted="E")
    response = say(
        added(reasoning()),
        {"type": "response.reasoning_summary_part.added", "output_index": 0, "summary_index": 0},
        summary("**A** "),
        summary("one"),
        summary("**B** two", 1),
        {
            "type": "response.reasoning_summary_part.done",
            "output_index": 0,
            "summary_index": 1,
            "part": {"type": "summary_text", "text": "**B** two"},
        },
        done(item),
        done(message(output_text("Hi")), 1),
        end(item, message(output_text("Hi"))),
    )
    assert response.reasoning == "**A** one\n\n**B** two"
    assert response.message.reasoning == [
        Reasoning(summary="**A** one", data="E", id="rs_1", origin="own"),
        Reasoning(summary="**B** two", id="rs_1", origin="own"),
    ]
    assert response.content == "Hi"


@pytest.mark.parametrize("name", ["reasoning_text", "reasoning"])
def test_raw_reasoning_is_reasoning(name: str) -> None:
    item = reasoning() | {"content": [{"type": "reasoning_text", "text": "Hm."}]}
    response = say(delta(name, "H"), delta(name, "m."), done(item), end(item))
    assert response.reasoning == "Hm."
    assert response.message.reasoning == [Reasoning(text="Hm.", id="rs_1", origin="own")]


def test_encrypted_reasoning_is_taken_where_it_is_whole() -> None:
    early, item = reasoning(encrypted="half"), reasoning(encrypted="whole")
    response = say(added(early), done(item), end(reasoning(encrypted="anew")))
    assert [block.data for block in response.message.reasoning or ()] == ["whole"]
    assert response.reasoning is None


def test_reasoning_of_which_nothing_is_told_is_no_block() -> None:
    assert answer(body(reasoning(), HI)).message.reasoning is None


def test_the_provider_says_what_reasoning_it_did_not_take() -> None:
    removed = [{"action": "removed", "reason": "model_mismatch", "type": "reasoning", "id": "x"}]
    response = answer(body(HI, input_transformations=removed))
    told = "The provider left out reasoning that went back to it: model_mismatch."
    assert response.warnings == [told]


# --- ends ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "finish", "warned"),
    [
        ("max_output_tokens", "length", False),
        ("content_filter", "content_filter", False),
        ("boredom", "stop", True),
    ],
)
def test_an_answer_that_is_incomplete_says_why(reason: str, finish: str, *, warned: bool) -> None:
    more = {"incomplete_details": {"reason": reason}}
    response = say(delta("output_text", "Hi"), end(HI, status="incomplete", **more))
    assert (response.finish_reason, response.provider_finish_reason) == (finish, reason)
    assert bool(response.warnings) == warned
    assert response.usage is not None
    assert answer(body(HI, status="incomplete", **more)) == response


def test_an_answer_that_is_incomplete_without_a_reason_keeps_its_word() -> None:
    response = answer(body(HI, status="incomplete", incomplete_details=None))
    assert (response.finish_reason, response.provider_finish_reason) == ("stop", "incomplete")
    assert "unknown" in (response.warnings or [""])[0]


def test_what_the_provider_has_cancelled_is_no_cancel_of_ours() -> None:
    response = answer(body(HI, status="cancelled"))
    assert (response.finish_reason, response.provider_finish_reason) == ("error", "cancelled")


def test_an_end_that_is_not_told_is_assumed_and_told_of() -> None:
    response = say(delta("output_text", "Hi"), "[DONE]")
    assert (response.content, response.finish_reason) == ("Hi", "stop")
    assert response.warnings == ["The provider gave no finish reason; `stop` is assumed."]
    assert say(done(call()), "[DONE]").finish_reason == "tool_calls"
    assert answer(body(HI).replace(b'"completed"', b"null")).finish_reason == "stop"


def test_nothing_is_read_after_the_end() -> None:
    chunks, response = streamed(events(end(HI), "[DONE]", "not JSON", delta("output_text", "!")))
    assert response.content == "Hi"
    assert chunks[-1] == StreamChunk(finish_reason="stop", usage=response.usage)


def test_names_of_events_serve_where_the_data_has_none() -> None:
    stream = (
        b'event: response.output_text.delta\ndata: {"delta": "Hi"}\n\n'
        b"event: response.completed\ndata: {}\n\n"
    )
    response = streamed(stream)[1]
    assert (response.content, response.finish_reason, response.usage) == ("Hi", "stop", None)


def test_odd_usage_costs_no_answer() -> None:
    response = answer(body(HI, usage={"input_tokens": "many", "output_tokens": 2}))
    assert response.content == "Hi"
    assert response.usage is not None
    assert response.usage.completion_tokens == 2
    assert "can't be read" in (response.warnings or [""])[0]
    assert answer(body(HI, usage=[1])).usage is None

"""Servers that number and name their items in ways of their own."""

from __future__ import annotations

from tests.providers.formats.openai_responses.answering import (
    Json,
    added,
    call,
    delta,
    done,
    end,
    message,
    output_text,
    reasoning,
    say,
)

THOUGHT = reasoning("Hm.")
HI = message(output_text("Hi"))


def without(given: Json, *names: str) -> Json:
    return {name: value for name, value in given.items() if name not in names}


def test_items_that_are_all_number_0_are_told_apart_by_their_ids() -> None:
    one, two = call("f", '{"a": 1}', 1), call("g", '{"b": 2}', 2)
    response = say(
        added(THOUGHT),
        delta("reasoning_summary_text", "Hm.", item_id="rs_1", summary_index=0),
        done(THOUGHT),
        added(call("f", "", 1)),
        delta("function_call_arguments", '{"a": 1}', item_id="fc_1"),
        done(one),
        added(call("g", "", 2)),
        delta("function_call_arguments", '{"b": 2}', item_id="fc_2"),
        done(two),
        end(THOUGHT, one, two),
    )
    assert response.reasoning == "Hm."
    assert [(each.name, each.arguments) for each in response.tool_calls or ()] == [
        ("f", '{"a": 1}'),
        ("g", '{"b": 2}'),
    ]


def test_items_without_numbers_are_told_apart_by_their_ids() -> None:
    one, two = call("f", '{"a": 1}', 1), call("g", '{"b": 2}', 2)
    given = [
        added(call("f", "", 1)),
        added(call("g", "", 2)),
        delta("function_call_arguments", '{"b": 2}', item_id="fc_2"),
        delta("function_call_arguments", '{"a": 1}', item_id="fc_1"),
        done(one),
        done(two),
    ]
    response = say(*(without(each, "output_index", "content_index") for each in given),
                   end(one, two))  # fmt: skip
    assert [(each.name, each.arguments) for each in response.tool_calls or ()] == [
        ("f", '{"a": 1}'),
        ("g", '{"b": 2}'),
    ]


def test_items_without_numbers_and_ids_are_the_last_that_began() -> None:
    given = [
        added(without(THOUGHT, "id")),
        delta("reasoning_summary_text", "Hm."),
        added(without(message(), "id")),
        delta("output_text", "H"),
        delta("output_text", "i"),
        done(without(HI, "id")),
    ]
    response = say(*(without(each, "output_index") for each in given), end(THOUGHT, HI))
    assert (response.reasoning, response.content) == ("Hm.", "Hi")


def test_ids_that_are_other_ones_in_each_event_mean_nothing() -> None:
    """Some proxies encrypt ids anew each time."""
    response = say(
        added(THOUGHT | {"id": "a"}, 0),
        delta("reasoning_summary_text", "Hm.", 0, item_id="b"),
        done(THOUGHT | {"id": "c"}, 0),
        added(message() | {"id": "d"}, 1),
        delta("output_text", "H", 1, item_id="e"),
        delta("output_text", "i", 1, item_id="f"),
        done(HI | {"id": "g"}, 1),
        # The end has not even what came first.
        end(HI | {"id": "h"}),
    )
    assert (response.reasoning, response.content) == ("Hm.", "Hi")
    assert response.warnings is None


def test_an_item_that_only_the_end_has_is_told() -> None:
    response = say(delta("output_text", "Hi", item_id="msg_1"), end(HI, call()))
    assert response.content == "Hi"
    assert [each.name for each in response.tool_calls or ()] == ["f"]


def test_an_end_that_is_called_completed_and_says_otherwise_is_what_it_says() -> None:
    last = end(HI, incomplete_details={"reason": "max_output_tokens"})
    last["response"]["status"] = "incomplete"
    response = say(delta("output_text", "H"), last)
    assert (response.content, response.finish_reason) == ("Hi", "length")


def test_calls_of_one_id_are_two() -> None:
    one, two = call("f", "{}", 1), call("g", "{}", 1) | {"id": "fc_2"}
    calls = say(done(one, 0), done(two, 1), end(one, two)).tool_calls or []
    assert [each.name for each in calls] == ["f", "g"]
    assert calls[0].id == "call_1" != calls[1].id

"""Write down pieces of tool calls, decode them, and add up what was told."""

from __future__ import annotations

from typing import Any

import msgspec

from sidecar.providers.formats.openai_chat.tool_calls import ToolCalls
from sidecar.providers.formats.openai_chat.wire import CallDelta
from sidecar.values import ToolCallDelta

Call = tuple[str, str, str]


def piece(
    arguments: object = None,
    *,
    name: str | None = None,
    index: object = None,
    call_id: str | None = None,
) -> dict[str, Any]:
    """One entry of `delta.tool_calls`."""
    function = {"name": name, "arguments": arguments}
    given = {"index": index, "id": call_id, "function": function}
    return {key: value for key, value in given.items() if value is not None}


def feed(*chunks: list[dict[str, Any]], are_whole: bool = False) -> list[ToolCallDelta]:
    calls = ToolCalls()
    calls.prefix = "r1"
    found: list[ToolCallDelta] = []
    for chunk in chunks:
        found += calls.feed(msgspec.convert(chunk, list[CallDelta]), are_whole=are_whole)
    return found + calls.flush()


def calls_of(deltas: list[ToolCallDelta]) -> list[Call]:
    """Add deltas up as the contract says: id and name first, then only arguments."""
    found: dict[int, Call] = {}
    for delta in deltas:
        if delta.index not in found:
            assert delta.id
            assert delta.name is not None
            assert delta.index == len(found)
            found[delta.index] = (delta.id, delta.name, delta.arguments or "")
        else:
            assert delta.id is None
            assert delta.name is None
            call_id, name, arguments = found[delta.index]
            found[delta.index] = (call_id, name, arguments + (delta.arguments or ""))
    ids = [call_id for call_id, _, _ in found.values()]
    assert len(set(ids)) == len(ids)
    return list(found.values())


TWO = [("a", "f", '{"x": 1}'), ("b", "g", '{"y": 2}')]

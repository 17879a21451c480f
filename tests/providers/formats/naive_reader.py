"""What a recorded exchange says, read from its raw JSON without any code of the package.

Naive on purpose: `json.loads`, dictionaries, string concatenation. The tests compare the decoder
with it, so that a mistake would have to be made twice to be overlooked.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass
class Reading:
    """Everything that one answer says."""

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    calls: list[tuple[str, str, Any]] = field(default_factory=list)
    finish: str | None = None
    usage: Json | None = None
    logprobs: dict[str, list[Any]] = field(default_factory=dict)
    citations: list[Json] = field(default_factory=list)
    model: str | None = None
    id: str | None = None


def read_whole(body: str) -> Reading:
    """Read a `chat.completion`."""
    answer = json.loads(body)
    choice = answer["choices"][0]
    message = choice["message"]
    found = Reading(
        text=_text(message.get("content")),
        reasoning=message.get("reasoning_content") or message.get("reasoning") or "",
        refusal=message.get("refusal") or "",
        calls=[_call(call["id"], call["function"]) for call in message.get("tool_calls") or []],
        finish=choice["finish_reason"],
        usage=answer.get("usage"),
        model=answer["model"],
        id=answer["id"],
    )
    _add_logprobs(found, choice)
    _set_citations(found, answer)
    return found


def read_stream(body: str) -> Reading:
    """Read a stream of `chat.completion.chunk`s."""
    found = Reading()
    calls: dict[int, Json] = {}
    for line in body.split("\n"):
        if not line.startswith("data:") or line.strip() == "data: [DONE]":
            continue
        chunk = json.loads(line[len("data:") :])
        found.model, found.id = found.model or chunk["model"], found.id or chunk["id"]
        found.usage = chunk.get("usage") or (chunk.get("x_groq") or {}).get("usage") or found.usage
        _set_citations(found, chunk)
        for choice in chunk["choices"]:
            if choice["index"] == 0:
                _add_choice(found, calls, choice)
    found.calls = [_call(call["id"], call) for call in calls.values()]
    return found


def _add_choice(found: Reading, calls: dict[int, Json], choice: Json) -> None:
    delta = choice["delta"]
    found.text += _text(delta.get("content"))
    found.reasoning += delta.get("reasoning_content") or delta.get("reasoning") or ""
    found.refusal += delta.get("refusal") or ""
    found.finish = choice["finish_reason"] or found.finish
    for piece in delta.get("tool_calls") or []:
        call = calls.setdefault(piece["index"], {"id": "", "name": "", "arguments": ""})
        call["id"] = call["id"] or piece.get("id") or ""
        call["name"] = call["name"] or piece["function"].get("name") or ""
        call["arguments"] += piece["function"].get("arguments") or ""
    _add_logprobs(found, choice)


def _text(content: Any) -> str:  # noqa: ANN401 - any JSON
    if isinstance(content, list):
        return "".join(part["text"] for part in content if part["type"] == "text")
    return content or ""


def _call(call_id: str, function: Json) -> tuple[str, str, Any]:
    return call_id, function["name"], parsed(function["arguments"])


def parsed(arguments: str) -> Any:  # noqa: ANN401 - any JSON
    """Arguments as their object; as they are where `max_tokens` cut them off."""
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments


def _add_logprobs(found: Reading, choice: Json) -> None:
    for name, values in (choice.get("logprobs") or {}).items():
        if values:
            found.logprobs.setdefault(name, []).extend(values)


def _set_citations(found: Reading, answer: Json) -> None:
    results = {result["url"]: result for result in answer.get("search_results") or []}
    urls = answer.get("citations") or list(results)
    if urls:
        found.citations = [{"url": url, **results.get(url, {})} for url in urls]

"""A conversation as `system` and `messages`.

https://platform.claude.com/docs/en/api/messages#body-messages. What differs from AIRequest:

* system messages at the beginning are `system`, each a block of its own; a later one stands after
  the user's turn that it comes with, where the model takes that, else it joins those at the
  beginning, and a warning tells;
* `tool` messages that follow each other are one turn of the user with a `tool_result` each;
* an assistant's thinking goes back as it came, in its place, with the API's own proof of it, to the
  model that thought it: any other refuses the proof;
* nobody has a `name`, and ids of tool calls have letters, digits, `_` and `-` only;
* empty text is refused, so a turn without anything in it is left out.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from sidecar.errors import InvalidParams
from sidecar.providers.formats.anthropic import parts, places
from sidecar.providers.formats.anthropic.abilities import Abilities
from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Target
from sidecar.values import AIMessage, Reasoning, TextPart, ToolCall

_NOT_IN_IDS = re.compile(r"[^a-zA-Z0-9_-]")
Blocks = list[dict[str, Any]]


def origin_of(target: Target) -> str:
    """What `Reasoning.origin` is of thinking that this model can have back."""
    return f"anthropic/{target.model}"


class Conversation:
    """Takes the messages of a request one by one."""

    def __init__(self, target: Target, able: Abilities, facts: Facts) -> None:
        self.system: Blocks = []
        self.messages: list[dict[str, Any]] = []
        self._target = target
        self._able = able
        self._facts = facts
        self._later: Blocks = []
        """Of system messages that wait for the end of the user's turn."""

    def take(self, messages: list[AIMessage]) -> None:
        """Take them all. Raises `InvalidParams` for what can't be sent and not be left out."""
        for at, message in enumerate(messages):
            path = f"$.request.messages[{at}]"
            if message.name is not None and message.role != "tool":
                self._facts.warn(
                    f"{self._target.vendor.display_name} takes no `name` in a {message.role} "
                    "message; it was not sent. Say in the content who speaks."
                )
            match message.role:
                case "system":
                    self._system(message, path)
                case "user":
                    self._turn("user", self._content(message, path))
                case "assistant":
                    self._place_later()
                    self._turn("assistant", self._said(message, path))
                case "tool":
                    self._result(message, path)
        self._place_later()

    def _system(self, message: AIMessage, path: str) -> None:
        for at, part in enumerate(message.content if isinstance(message.content, list) else ()):
            if not isinstance(part, TextPart):
                raise InvalidParams(
                    f"{self._target.vendor.display_name} takes text alone in a system message.",
                    path=f"{path}.content[{at}]",
                    hint="Put it into a user message.",
                    provider=self._target.vendor.name,
                )
        found = self._blocks(message, path)
        if not self.messages:
            self.system += found
            return
        self._later += found
        if not self._able.system_anywhere:
            self._place_later()

    def _place_later(self) -> None:
        if not self._later:
            return
        if self._able.system_anywhere and self.messages[-1]["role"] == "user":
            self._turn("system", self._later)
        else:
            self._facts.warn(
                "This model takes no system message in this place; it was put at the beginning."
            )
            self.system += self._later
        self._later = []

    def _result(self, message: AIMessage, path: str) -> None:
        result: dict[str, Any] = {
            "type": "tool_result",
            "tool_use_id": _id(message.tool_call_id or ""),
        }
        if content := self._content(message, path):
            result["content"] = content
        before = self.messages[-1]["content"] if self.messages else None
        if isinstance(before, list) and before and before[-1]["type"] == "tool_result":
            before.append(result)
        else:
            self._turn("user", [result])

    def _turn(self, role: str, content: str | Blocks) -> None:
        if content:
            self.messages.append({"role": role, "content": content})
        else:
            self._facts.warn(f"An empty {role} message was left out; the provider refuses it.")

    def _content(self, message: AIMessage, path: str) -> str | Blocks:
        if isinstance(message.content, list):
            return self._blocks(message, path)
        return message.content or ""

    def _blocks(self, message: AIMessage, path: str) -> Blocks:
        if isinstance(message.content, list):
            return [
                parts.block(part, f"{path}.content[{at}]", self._target, self._facts)
                for at, part in enumerate(message.content)
                if not isinstance(part, TextPart) or part.text
            ]
        return [_text(message.content)] if message.content else []

    def _said(self, message: AIMessage, path: str) -> str | Blocks:
        """An assistant's turn: its text and its calls, with the thinking in between."""
        calls = [
            self._call(call, f"{path}.tool_calls[{at}]")
            for at, call in enumerate(message.tool_calls or ())
        ]
        thoughts = self._thoughts(message.reasoning or ())
        content = self._content(message, path)
        if not calls and not thoughts:
            return content
        if isinstance(content, list):
            return [*(block for _, block in thoughts), *content, *calls]
        found: Blocks = []
        characters = called = 0
        for (place, after), block in (*thoughts, ((len(content), len(calls)), None)):
            if content[characters:place].strip():
                found.append(_text(content[characters:place]))
            found += calls[called:after]
            characters, called = max(characters, place), max(called, after)
            if block is not None:
                found.append(block)
        return found

    def _thoughts(
        self, reasoning: list[Reasoning] | tuple[()]
    ) -> list[tuple[tuple[int, int], dict[str, Any]]]:
        found = []
        origin, unsigned = origin_of(self._target), self._able.unsigned
        for each in reasoning:
            if each.origin == origin and each.data is not None:
                block = {"type": "redacted_thinking", "data": each.data}
            elif each.origin == origin and (unsigned or each.signature is not None):
                proof = {"signature": each.signature} if each.signature is not None else {}
                block = {"type": "thinking", "thinking": each.text or "", **proof}
            else:
                self._facts.warn(
                    "Reasoning of another model, or without the provider's signature, can't be "
                    "sent back; it was left out."
                )
                continue
            found.append((places.read(each.id), block))
        return found

    def _call(self, call: ToolCall, path: str) -> dict[str, Any]:
        try:
            arguments = msgspec.json.decode(call.arguments or "{}")
        except (msgspec.DecodeError, RecursionError):
            arguments = None
        if not isinstance(arguments, dict):
            raise InvalidParams(
                "The arguments of a tool call have to be a JSON object here.",
                hint="Mend them, or take the call and its result out of the conversation.",
                path=f"{path}.arguments",
                provider=self._target.vendor.name,
            )
        raw = msgspec.Raw((call.arguments or "{}").encode())  # numbers stay as they were written
        return {"type": "tool_use", "id": _id(call.id), "name": call.name, "input": raw}


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _id(given: str) -> str:
    return _NOT_IN_IDS.sub("_", given)

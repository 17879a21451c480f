"""Messages as `systemInstruction` and `contents`.

https://ai.google.dev/api/caching#Content: turns are the user's and the model's. Turns of one role
that follow each other become one; what functions answered stands apart from what the user says,
since such a mixture is taken for the model's.
"""

from __future__ import annotations

from typing import Any

import msgspec

from sidecar.errors import InvalidParams
from sidecar.providers.formats.gemini import media
from sidecar.providers.formats.gemini.thoughts import ORIGIN
from sidecar.providers.formats.google_models import UNSIGNED, UNSIGNED_TOLD, Family, family
from sidecar.providers.formats.thoughts import warn_of_unsent
from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Target
from sidecar.values import AIMessage, Reasoning, TextPart, ToolCall

_NATIVE = ("image/png", "image/jpeg", "image/webp", "application/pdf", "text/plain")
"""What a function's response may have as its parts: docs/function-calling#multimodal."""

Json = dict[str, Any]


class Turns:
    """Builds the turns of one conversation. Raises `InvalidParams` for what can't be sent."""

    def __init__(self, target: Target, facts: Facts) -> None:
        self.system: list[Json] = []
        self.contents: list[Json] = []
        self._target = target
        self._facts = facts
        self._family: Family = family(target.model)
        self._names: dict[str, str] = {}
        """Of the functions that were called, by the ids of the calls."""

    def add(self, message: AIMessage, path: str) -> None:
        """Take the next message."""
        if message.name is not None and message.role != "tool":
            self._facts.warn(
                f"Google takes no `name` in a {message.role} message; it was not sent. "
                "Say in the content who speaks."
            )
        match message.role:
            case "system":
                self._system(message, path)
            case "user":
                self._append("user", self._content(message, path))
            case "assistant":
                self._model(message, path)
            case "tool":
                self._function(message, path)

    def end(self) -> None:
        """All are there."""
        if not self.contents:
            raise InvalidParams(
                "Google needs a message besides the system's.",
                hint="Send the question as a `user` message.",
                path="$.request.messages",
                provider=self._target.vendor.name,
            )
        if self.system and not self._family.takes_system:
            self.contents.insert(0, {"role": "user", "parts": self.system})
            self.system = []

    def _system(self, message: AIMessage, path: str) -> None:
        if self.contents:
            self._facts.warn(
                "Google takes system messages at the beginning alone; "
                "one that came later was put there."
            )
        if isinstance(message.content, list):
            for at, part in enumerate(message.content):
                if not isinstance(part, TextPart):
                    raise InvalidParams(
                        "Google takes text alone in a system message.",
                        hint="Send it in a `user` message.",
                        path=f"{path}.content[{at}]",
                        provider=self._target.vendor.name,
                    )
        self.system += self._content(message, path)

    def _content(self, message: AIMessage, path: str) -> list[Json]:
        if isinstance(message.content, list):
            return [
                media.encode(part, f"{path}.content[{at}]", self._facts)
                for at, part in enumerate(message.content)
            ]
        return [] if message.content is None else [{"text": message.content}]

    def _model(self, message: AIMessage, path: str) -> None:
        ours = [block for block in message.reasoning or () if block.origin == ORIGIN]
        if len(ours) < len(message.reasoning or ()):
            warn_of_unsent(self._target, self._facts)
        parts = [part for block in ours if block.text for part in (_thought(block),)]
        said = [part for part in self._content(message, path) if part != {"text": ""}]
        alone = [block.signature for block in ours if block.text is None and block.signature]
        text = next((part for part in said if "text" in part), None)
        if text is not None and alone:
            text["thoughtSignature"] = alone.pop(0)
        parts += said
        parts += [{"text": "", "thoughtSignature": signature} for signature in alone]
        parts += [
            {"text": "", "thoughtSignature": block.signature}
            for block in ours
            if block.text == "" and block.signature
        ]
        for at, call in enumerate(message.tool_calls or ()):
            parts.append(self._call(call, f"{path}.tool_calls[{at}]", is_first=at == 0))
        if parts:
            self._append("model", parts)
        else:
            self._facts.warn("An assistant message without content was not sent.")

    def _call(self, call: ToolCall, path: str, *, is_first: bool) -> Json:
        self._names[call.id] = call.name
        part: Json = {
            "functionCall": {
                "id": call.id,
                "name": call.name,
                "args": _arguments(call, f"{path}.arguments", self._target),
            }
        }
        if call.signature is not None:
            part["thoughtSignature"] = call.signature
        elif is_first and self._family.checks_signatures:
            part["thoughtSignature"] = UNSIGNED
            self._facts.warn(UNSIGNED_TOLD)
        return part

    def _function(self, message: AIMessage, path: str) -> None:
        call_id = message.tool_call_id or ""
        name = self._names.get(call_id) or message.name
        if name is None:
            raise InvalidParams(
                "No tool call before this message has its `tool_call_id`, and Google wants the "
                "function's name.",
                hint="Send the assistant's message with the call, or the function as `name`.",
                path=f"{path}.tool_call_id",
                provider=self._target.vendor.name,
            )
        parts = self._content(message, path)
        texts = [part["text"] for part in parts if "text" in part]
        inside = [part for part in parts if self._fits_a_response(part)]
        apart = [part for part in parts if "text" not in part and part not in inside]
        response: Json = {"id": call_id, "name": name, "response": _result("\n".join(texts))}
        if inside:
            response["parts"] = inside
        self._append("user", [{"functionResponse": response}])
        if apart:
            self._append("user", [{"text": f"This came with the response of {name}:"}, *apart])

    def _fits_a_response(self, part: Json) -> bool:
        kind = part.get("inlineData", {}).get("mimeType")
        return self._family.takes_media_of_tools and kind in _NATIVE

    def _append(self, role: str, parts: list[Json]) -> None:
        last = self.contents[-1] if self.contents else None
        if last is not None and last["role"] == role and _is_response(last) == _responds(parts):
            last["parts"] += parts
        else:
            self.contents.append({"role": role, "parts": parts})


def _is_response(content: Json) -> bool:
    return _responds(content["parts"])


def _responds(parts: list[Json]) -> bool:
    return bool(parts) and "functionResponse" in parts[0]


def _thought(block: Reasoning) -> Json:
    part: Json = {"text": block.text, "thought": True}
    if block.signature is not None:
        part["thoughtSignature"] = block.signature
    return part


def _arguments(call: ToolCall, path: str, target: Target) -> Json:
    try:
        found = msgspec.json.decode(call.arguments or "{}")
    except (msgspec.DecodeError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InvalidParams(
            "Google takes a tool call's arguments as a JSON object, and these are none.",
            hint="Leave the call out, and what was answered to it; it may have been cut off.",
            path=path,
            provider=target.vendor.name,
        )
    return found


def _result(text: str) -> Json:
    """A function's response is an object; text that is none goes as its `output`."""
    if text.lstrip().startswith("{"):
        try:
            found = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            found = None
        if isinstance(found, dict):
            return found
    return {"output": text}

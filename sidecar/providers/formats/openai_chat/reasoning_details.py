"""OpenRouter's `reasoning_details`: blocks of reasoning with what proves them, in both directions.

https://openrouter.ai/docs/use-cases/reasoning-tokens: each is a `reasoning.text`, a
`reasoning.summary` or a `reasoning.encrypted`, in the `format` of the vendor behind it. In a stream
pieces of one block come under one `index`. They go back as they came, in their order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sidecar.errors import InvalidResponse
from sidecar.keys.redaction import scrub
from sidecar.providers.formats import FORMATS
from sidecar.providers.formats.lenient import count, fields
from sidecar.providers.formats.surrogates import whole
from sidecar.providers.pieces import Pieces
from sidecar.providers.sink import Facts
from sidecar.values import Reasoning

MAX_SIZE = 8 * 1024 * 1024
"""Characters of all blocks together."""
MAX_BLOCKS = 4096
_MAX_WORD = 100
_SAID_IN = {
    "reasoning.text": "text",
    "reasoning.summary": "summary",
    "reasoning.encrypted": "data",
}
"""The field of each type that holds what it says."""


@dataclass(slots=True)
class _Block:
    kind: str
    index: int | None
    said: Pieces = field(default_factory=Pieces)
    signature: str | None = None
    id: str | None = None
    format: str | None = None

    def continued_by(self, kind: str, index: int | None, given_id: str | None, said: str) -> bool:
        """True for the next piece of this block.

        What is encrypted comes whole, and what is signed has nothing more to say.
        """
        if kind != self.kind or index != self.index or kind == "reasoning.encrypted":
            return False
        if self.signature is not None and said:
            return False
        return given_id is None or self.id is None or given_id == self.id


class Details:
    """The blocks of one answer."""

    def __init__(self) -> None:
        self._blocks: list[_Block] = []
        self._size = 0

    def add(self, given: object, facts: Facts) -> None:
        """Take the details of one delta. Raises `InvalidResponse` for more than can be meant."""
        for item in given if isinstance(given, list) else ():
            detail = fields(item)
            kind = detail.get("type")
            if not isinstance(kind, str) or kind not in _SAID_IN:
                told = scrub(str(kind), _MAX_WORD)
                facts.warn(f"A reasoning detail of type {told!r} is unknown and was left out.")
                continue
            self._add(kind, detail)

    def blocks(self) -> list[Reasoning]:
        """The blocks, whole, in their order."""
        return [_reasoning(block) for block in self._blocks]

    def _add(self, kind: str, detail: dict[str, Any]) -> None:
        index, given_id = count(detail.get("index")), _text(detail.get("id"))
        said = _text(detail.get(_SAID_IN[kind])) or ""
        block = self._blocks[-1] if self._blocks else None
        if block is None or not block.continued_by(kind, index, given_id, said):
            block = _Block(kind, index)
            self._blocks.append(block)
        signature = _text(detail.get("signature"))
        block.said.add(said)
        block.signature = signature or block.signature
        block.id = block.id or given_id
        form = _text(detail.get("format"))
        block.format = block.format or form
        self._size += sum(len(each or "") for each in (said, signature, given_id, form))
        if self._size > MAX_SIZE or len(self._blocks) > MAX_BLOCKS:
            message = (
                f"The answer's reasoning is more than {MAX_SIZE} characters; it was broken off."
            )
            raise InvalidResponse(message)


def back(blocks: list[Reasoning]) -> dict[str, Any]:
    """The fields of an assistant's message that take its reasoning back.

    A block that another format has proved, or nobody, goes as text alone: the proof would be
    refused, and a block without its own as well.
    """
    details = [block for block in blocks if _is_ours(block)]
    if details:
        return {"reasoning_details": [_detail(block, at) for at, block in enumerate(details)]}
    text = "".join(block.text or block.summary or "" for block in blocks)
    return {"reasoning": text} if text else {}


def _is_ours(block: Reasoning) -> bool:
    if block.origin is None:
        return block.signature is not None or block.data is not None
    return block.origin not in FORMATS


def _reasoning(block: _Block) -> Reasoning:
    said = {_SAID_IN[block.kind]: whole(block.said.text()) or None}
    proved = block.signature is not None or block.kind == "reasoning.encrypted"
    return Reasoning(
        **said,
        signature=whole(block.signature),
        id=whole(block.id),
        origin=whole(block.format) or (None if proved else "unknown"),
    )


def _detail(block: Reasoning, index: int) -> dict[str, Any]:
    kind = "reasoning.text"
    if block.data is not None:
        kind = "reasoning.encrypted"
    elif block.summary is not None:
        kind = "reasoning.summary"
    name = _SAID_IN[kind]
    detail: dict[str, Any] = {
        "type": kind,
        name: getattr(block, name),
        "signature": block.signature,
        "id": block.id,
        "format": block.origin,
        "index": index,
    }
    return {name: value for name, value in detail.items() if value is not None}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None

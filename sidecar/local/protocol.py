"""What supervisor and worker say to each other: one JSON object a line, in both directions.

Commands go to the worker's stdin, answers come from its stdout. Rules:

* The worker speaks first: `Ready`, or `Failed` without an id where it can't serve at all.
* `Chat`, `Count` and `Embed` are work. Each is answered by exactly one `Done` or `Failed` of the
  same id; a `Loaded` comes first where the model had to be loaded. Before its end a `Chat` has any
  number of `Chunk`, and an `Embed` one `Vector` for each text. Work that arrives meanwhile waits
  in order.
* `Cancel` makes work end early with `Done(finish_reason="cancelled")`; for an id that has ended it
  means nothing.
* End of stdin ends the worker at once, whatever it is doing.

This room is shared by both ends and therefore knows neither llama.cpp nor the event loop.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Struct

EndReason = Literal["stop", "length", "cancelled"]


class ModelSpec(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What to load, and how. Work with the same spec uses the same loaded model."""

    path: str
    context: int
    """Tokens that prompt and answer have together."""
    gpu_layers: int = 0
    """Layers to keep on the GPU; -1 means all."""
    threads: int | None = None
    batch: int = 512
    """Prompt tokens that are evaluated at a time."""


class Message(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One turn, as text."""

    role: str
    content: str
    name: str | None = None


class JsonOutput(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer must be JSON: an object, or what follows `schema` (JSON Schema)."""

    schema: dict[str, Any] | None = None


class Sampling(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the next token is drawn. Without a seed, every answer is drawn anew."""

    temperature: float
    top_p: float
    top_k: int = 40
    min_p: float = 0.05
    repeat_penalty: float = 1.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    seed: int | None = None


class Chat(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="chat", tag_field="op"):
    """Answer this conversation. Without `max_tokens` the rest of the context is free for it."""

    id: int
    model: ModelSpec
    messages: list[Message]
    sampling: Sampling
    max_tokens: int | None = None
    stop: list[str] = []
    json: JsonOutput | None = None


class Count(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="count", tag_field="op"):
    """Count the prompt's tokens that a chat of these messages would have: `usage` of its `Done`."""

    id: int
    model: ModelSpec
    messages: list[Message]


class Embed(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="embed", tag_field="op"):
    """Turn texts into vectors of length 1, cut to `dimensions` numbers first where it is given."""

    id: int
    model: ModelSpec
    texts: list[str]
    dimensions: int | None = None


class Cancel(Struct, frozen=True, kw_only=True, tag="cancel", tag_field="op"):
    """End the work of that id."""

    id: int


class Ready(Struct, frozen=True, kw_only=True, tag="ready", tag_field="event"):
    """The worker can take work. `version` is llama-cpp-python's."""

    version: str


class Loaded(Struct, frozen=True, kw_only=True, tag="loaded", tag_field="event"):
    """The model for the work `id` is in memory; it took `load_ms` milliseconds."""

    id: int
    load_ms: int


class Chunk(Struct, frozen=True, kw_only=True, gc=False, tag="chunk", tag_field="event"):
    """The next piece of text: whole characters, and no part of a stop sequence."""

    id: int
    content: str


class Vector(Struct, frozen=True, kw_only=True, gc=False, tag="vector", tag_field="event"):
    """The vector of the next text."""

    id: int
    numbers: list[float]


class Usage(Struct, frozen=True, kw_only=True):
    """Tokens. `prompt_tokens` includes the `cached_tokens` that needed no new evaluation."""

    prompt_tokens: int
    completion_tokens: int = 0
    cached_tokens: int = 0


class Done(Struct, frozen=True, kw_only=True, tag="done", tag_field="event"):
    """The work has ended."""

    id: int
    finish_reason: EndReason
    usage: Usage


class Failed(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag="failed", tag_field="event"
):
    """The work was refused and the worker lives on; without an id, the worker can't serve.

    `kind`, `message`, `hint` and `path` are those of `sidecar.errors`.
    """

    kind: str
    message: str
    id: int | None = None
    hint: str | None = None
    path: str | None = None


Work = Chat | Count | Embed
Command = Work | Cancel
Answer = Ready | Loaded | Chunk | Vector | Done | Failed

_encoder = msgspec.json.Encoder()
_commands: msgspec.json.Decoder[Command] = msgspec.json.Decoder(Command)
_answers: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)

LINE_LIMIT = 256 * 1024 * 1024
"""More than the longest request can grow to by JSON escapes, so that no line is ever cut."""


def encode(message: Command | Answer) -> bytes:
    """Return the message as a line, line feed included."""
    return _encoder.encode(message) + b"\n"


def decode_command(line: bytes) -> Command:
    """Read a line of the worker's stdin. Raises `msgspec.MsgspecError`."""
    return _commands.decode(line)


def decode_answer(line: bytes) -> Answer:
    """Read a line of the worker's stdout. Raises `msgspec.MsgspecError`."""
    return _answers.decode(line)

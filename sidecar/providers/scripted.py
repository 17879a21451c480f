"""The provider `scripted`: canned answers from files, with a pace and with faults.

For building and testing a front end with no network. `--scripted DIR` offers every
`DIR/NAME.jsonl` as the model NAME. Each line is one step, a JSON object:

    {"content": "Hel"}                       a chunk: any field of StreamChunk
    {"wait_ms": 40}                          a pause before what follows
    {"repeat": 100, "content": "a "}         the same chunk a hundred times
    {"pace_ms": 20}                          a pause before every chunk from here on
    {"echo": true}                           the last user message's text, word by word
    {"error": {"kind": "rate_limited", "message": "Slow down.", "retry_after_ms": 2000}}
    {"hang": true}                           nothing more, until cancelled
    {"truncate": true}                       the stream ends here, without its end

`embed` gives each text a vector made of its hash, by whatever model.

Without a `finish_reason` of its own an answer ends with `stop`. A wrong line is a `config` error
that names file and line.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import anyio
import msgspec
from msgspec import Struct

from sidecar import errors
from sidecar.errors import (
    AIError,
    ConfigError,
    InvalidParams,
    ModelNotFound,
    TruncatedStream,
)
from sidecar.providers.format import Embedded
from sidecar.providers.sink import Facts, Sink
from sidecar.values import (
    AIRequest,
    EmbedRequest,
    ModelInfo,
    StreamChunk,
    TextPart,
)

_NAME = "scripted"


_DIMENSIONS = 8
_MOST_DIMENSIONS = 32


class _Fault(Struct, forbid_unknown_fields=True):
    kind: str
    message: str
    status: int | None = None
    retry_after_ms: int | None = None


class _Step(StreamChunk, frozen=True, forbid_unknown_fields=True):
    repeat: int = 1
    echo: bool = False
    wait_ms: int = 0
    pace_ms: int | None = None
    error: _Fault | None = None
    hang: bool = False
    truncate: bool = False


class ScriptedProvider:
    """Answers from the files of one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def models(self) -> list[ModelInfo]:
        """One model for every file."""
        names = sorted(path.stem for path in self._folder.glob("*.jsonl"))
        return [ModelInfo(id=name, provider=_NAME) for name in names]

    def default_model(self) -> str | None:
        """The first file."""
        return next((model.id for model in self.models()), None)

    def available(self) -> bool:
        """True where there is any script."""
        return bool(self.models())

    async def embed(self, request: EmbedRequest, model: str, facts: Facts) -> Embedded:
        """Vectors of length 1 that are the same for the same text, whatever the model's name."""
        facts.model = model
        size = request.dimensions or _DIMENSIONS
        if size > _MOST_DIMENSIONS:
            message = f"The vectors of this provider have {_MOST_DIMENSIONS} numbers at most."
            raise InvalidParams(message, path="$.dimensions", provider=_NAME)
        return Embedded([_vector(text, size) for text in request.input])

    async def stream(self, request: AIRequest, model: str, sink: Sink) -> None:
        """Play the script `model`."""
        steps = self._read(model)
        sink.facts.model = model
        sink.sent()
        pace_ms, finished = 0, False
        for step in steps:
            pace_ms = pace_ms if step.pace_ms is None else step.pace_ms
            await _pause(step.wait_ms)
            for chunk in _chunks(step, request):
                await _pause(pace_ms)
                finished = finished or chunk.finish_reason is not None
                sink.emit(chunk)
                if sink.crowded:
                    await sink.room()
            if step.error is not None:
                raise _error(step.error)
            if step.hang:
                await anyio.sleep_forever()
            if step.truncate:
                message = "The script ended the stream before it was done."
                raise TruncatedStream(message, provider=_NAME)
        if not finished:
            sink.emit(StreamChunk(finish_reason="stop"))

    def _read(self, model: str) -> list[_Step]:
        known = [each.id for each in self.models()]
        if model not in known:
            hint = f"{self._folder} has: {', '.join(known) or 'no .jsonl files'}."
            message = f"There is no script `{model}`."
            raise ModelNotFound(message, hint=hint, provider=_NAME, path="$.request.model")
        path = self._folder / f"{model}.jsonl"
        steps = []
        for number, line in enumerate(path.read_bytes().splitlines(), start=1):
            if not line.strip():
                continue
            try:
                steps.append(msgspec.json.decode(line, type=_Step))
            except msgspec.DecodeError as error:
                message = f"{path}, line {number}: {error}."
                raise ConfigError(message, hint="Correct the script.", provider=_NAME) from None
        return steps


async def _pause(milliseconds: int) -> None:
    # Also without a pause others must get their turn, as they would at a network read.
    await anyio.sleep(milliseconds / 1000)


def _chunks(step: _Step, request: AIRequest) -> Iterable[StreamChunk]:
    if step.echo:
        return [StreamChunk(content=word) for word in re.findall(r"\s*\S+|\s+$", _last(request))]
    chunk = StreamChunk(**{name: getattr(step, name) for name in StreamChunk.__struct_fields__})
    return [] if chunk == StreamChunk() else itertools.repeat(chunk, step.repeat)


def _last(request: AIRequest) -> str:
    for message in reversed(request.messages):
        if message.role == "user" and message.content is not None:
            if isinstance(message.content, str):
                return message.content
            return "".join(part.text for part in message.content if isinstance(part, TextPart))
    return ""


def _error(fault: _Fault) -> AIError:
    kinds = {kind.kind: kind for kind in _leaves(errors.AIError)}
    kind = kinds.get(fault.kind)
    if kind is None:
        _unknown(fault.kind, sorted(kinds))
    return kind(
        fault.message,
        provider=_NAME,
        status=fault.status,
        retry_after_ms=fault.retry_after_ms,
        provider_message=fault.message,
    )


def _leaves(kind: type[AIError]) -> list[type[AIError]]:
    below = [leaf for child in kind.__subclasses__() for leaf in _leaves(child)]
    return below or [kind]


def _unknown(kind: str, known: list[str]) -> NoReturn:
    message = f"The script's error kind {kind!r} is unknown."
    raise ConfigError(message, hint=f"Known: {', '.join(known)}.", provider=_NAME)


def _vector(text: str, size: int) -> list[float]:
    numbers = [byte - 127.5 for byte in hashlib.sha256(text.encode(errors="replace")).digest()]
    length = math.hypot(*numbers[:size])
    return [number / length for number in numbers[:size]]

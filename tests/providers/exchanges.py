"""One exchange with a raw server, through the real client."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable

import anyio
import anyio.to_thread
import msgspec

from sidecar.providers.client import Client
from sidecar.providers.vendor import Deadlines
from sidecar.values import AIMessage, AIRequest
from tests.providers.answers import PATIENT, WIRE, delta, events, target_of
from tests.providers.raw_server import (
    Connection,
    Script,
)
from tests.providers.tape import Tape

LIMIT_S = 20
USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
STREAM = events(
    delta(role="assistant", content=""),
    delta(content="Hel"),
    delta(content="lo"),
    delta("stop"),
    {"id": "c1", "choices": [], "usage": USAGE},
)
SHORT = b"""data: {"choices":[{"delta":{"content":"Hel"}}]}

data: {"choices":[{"delta":{"content":"lo"}}]}

data: {"choices":[{"finish_reason":"stop"}]}

data: [DONE]

"""
WHOLE = json.dumps(
    {
        "id": "c1",
        "model": "m1",
        "choices": [{"index": 0, "message": {"content": "Hello"}, "finish_reason": "stop"}],
        "usage": USAGE,
    }
).encode()
HTML = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>please</body></html>"
REQUEST = AIRequest(messages=[AIMessage(role="user", content="hi")], stream=True)
ONCE = msgspec.structs.replace(REQUEST, stream=False)


async def ask(  # noqa: PLR0913 - the parts of one exchange
    client: Client,
    url: str,
    *,
    request: AIRequest = REQUEST,
    deadlines: Deadlines = PATIENT,
    key: str | None = None,
    tape: Tape | None = None,
) -> Tape:
    """Send one request; return what was said."""
    tape = tape or Tape()
    target = target_of(base_url=url, deadlines=deadlines, key=key)
    await client.run(WIRE, request, target, tape)
    return tape


async def happened(event: threading.Event) -> None:
    """Wait for a `threading.Event` without holding up the event loop."""
    assert await anyio.to_thread.run_sync(event.wait, LIMIT_S)


def sends(*pieces: bytes, then: Script = Connection.hang_up) -> Script:
    """A script that sends pieces and then does something else."""

    def script(connection: Connection) -> None:
        connection.send(*pieces)
        then(connection)

    return script


def answers(body: bytes, **headers: str) -> Script:
    """A script that sends a whole answer and goes on with the connection."""
    return lambda connection: connection.answer(body, **headers)


def first_chunk_on(tape: Tape) -> Callable[[float], bool]:
    """Let a thread wait for the first chunk on a tape."""
    event = threading.Event()
    tape.on_chunk = event.set
    return event.wait

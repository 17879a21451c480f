"""A supervisor for a test, and workers that misbehave."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from sidecar.local.place import of_the_worker
from sidecar.local.supervisor import Patience, Supervisor
from sidecar.values import AIMessage, AIRequest
from tests.conftest import needs_llama_cpp

LIMIT_S = 20

# A worker that is no llama.cpp: `serve` gets each command and answers with `say`.
SCRIPTED = """
import json, os, sys
def say(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)
def done(id):
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "cached_tokens": 0}
    say("done", id=id, finish_reason="stop", usage=usage)
def main(serve):
    say("ready", version="0")
    for line in sys.stdin:
        serve(json.loads(line))
"""


def scripted(program: str) -> tuple[str, ...]:
    """Return the command of a scripted worker."""
    return (sys.executable, "-c", SCRIPTED + program)


WORKER = of_the_worker().command


@asynccontextmanager
async def supervised(
    command: tuple[str, ...] = WORKER,
    environment: dict[str, str] | None = None,
    **patience: float,
) -> AsyncIterator[Supervisor]:
    """Run a supervisor, and fail where it does not come to its end."""
    if command is WORKER:
        needs_llama_cpp()
    if environment is None:
        environment = dict(os.environ)
    with anyio.fail_after(LIMIT_S):
        async with anyio.create_task_group() as tasks:
            supervisor = Supervisor(
                tasks, environment=environment, command=command, patience=Patience(**patience)
            )
            try:
                yield supervisor
            finally:
                await supervisor.close()


def ask(text: str, **fields: object) -> AIRequest:
    """Return a request of one message, drawn greedily."""
    message = AIMessage(role="user", content=text)
    return AIRequest(messages=[message], temperature=0.0, **fields)  # type: ignore[arg-type]

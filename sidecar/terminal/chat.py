"""`ai-sidecar chat`: a conversation in the terminal, through a real sidecar over its pipe.

With a question it streams one answer and ends; without one it talks, and sends the conversation
back whole each time. stdout gets the answers and nothing else. Ctrl-C stops an answer, and ends
the chat at its prompt.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from typing import IO

from sidecar.terminal.conversation import Conversation, Refused
from sidecar.terminal.peer import Peer, PeerGone, own_command
from sidecar.terminal.screen import YELLOW, Screen

_HELP = (
    "Ctrl-C stops an answer, /new starts over, /quit or Ctrl-D ends, //… sends a line with one /."
)
_DEMO = (
    "demo model: tiny, offline; for real answers set a key like OPENAI_API_KEY"
    " and add --provider openai --model NAME"
)
_INTERRUPTED = 130
_LOG_LINES = 20


def run(serving_args: Sequence[str], text: str, provider: str | None, model: str | None) -> int:
    """Chat; return the exit status: 0, 1 after an error, 130 where an only answer was stopped."""
    screen = Screen()
    try:
        start = partial(Conversation, screen=screen, provider=provider, model=model)
        return _run(screen, serving_args, text, start)
    except KeyboardInterrupt:
        screen.end_answer()
        return _INTERRUPTED


def _run(
    screen: Screen,
    serving_args: Sequence[str],
    text: str,
    start: Callable[[Peer], Conversation],
) -> int:
    talks = not text and sys.stdin.isatty()
    question = "" if talks else _well_formed(text or sys.stdin.read()).strip()
    if not talks and not question:
        screen.problem("There is no question.", 'Ask one: ai-sidecar chat "…"')
        return 1
    with (
        tempfile.TemporaryFile() as log,
        closing(Peer(own_command(serving_args), stderr=log)) as peer,
    ):
        try:
            conversation = start(peer)
            _greet(screen, conversation, talks=talks)
            if talks:
                return _talk(screen, conversation)
            return 0 if conversation.ask(question) else _INTERRUPTED
        except Refused as refused:
            screen.problem(refused.message, refused.hint)
        except PeerGone as error:
            screen.problem(f"{error}.")
            _show_log(screen, log)
        return 1


def _talk(screen: Screen, conversation: Conversation) -> int:
    """Ask and answer until the user ends it."""
    while True:
        try:
            typed = _well_formed(screen.ask(f"{conversation.name} >")).strip()
        except (EOFError, KeyboardInterrupt):
            screen.note("")
            return 0
        if typed == "/quit":
            return 0
        if typed == "/new":
            conversation.forget()
            screen.note("(a new conversation)\n")
        elif typed.startswith("/") and not typed.startswith("//"):
            screen.note(f"{typed.split()[0]} is no command. {_HELP}\n")
        elif typed:
            _answer(screen, conversation, typed[1:] if typed.startswith("//") else typed)


def _answer(screen: Screen, conversation: Conversation, question: str) -> None:
    try:
        conversation.ask(question)
    except Refused as refused:
        screen.problem(refused.message, refused.hint)
    screen.note("")


def _greet(screen: Screen, conversation: Conversation, *, talks: bool) -> None:
    for problem in conversation.problems:
        screen.note(problem, YELLOW)
    if conversation.is_demo:
        screen.note(_DEMO)
    if talks:
        screen.note(f"{_HELP}\n")


def _show_log(screen: Screen, log: IO[bytes]) -> None:
    log.seek(0)
    for line in log.read().decode("utf-8", "replace").splitlines()[-_LOG_LINES:]:
        screen.note(f"  {line}")


def _well_formed(text: str) -> str:
    """Return text without the lone surrogates by which Python keeps bytes that are not UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")

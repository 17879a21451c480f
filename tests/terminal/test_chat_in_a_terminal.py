"""The chat as a person sees it: a real terminal, keys, colours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil

from tests.terminal.conftest import Model, Open, Terminal

Script = Callable[[str, str], Path]
ENDLESS = '{"content": "Once upon a time"}\n{"hang": true}'


def chat(terminal: Open, folder: Path, name: str, **environment: str) -> Terminal:
    """Open a chat with the script `name`, and wait for its prompt."""
    arguments = ["--scripted", str(folder), "chat", "--provider", "scripted", "--model", name]
    opened = terminal(*arguments, **environment)
    opened.until(f"scripted/{name} >")
    return opened


def test_the_prompt_shows_provider_and_model_and_ctrl_d_ends(
    terminal: Open, script: Script
) -> None:
    opened = chat(terminal, script("echo", '{"echo": true}'), "echo")
    opened.type("Hello you\r")
    opened.until("Hello you\r\n")
    opened.until("Hello you\r\n")
    opened.until("scripted/echo >")
    opened.type("\x04")
    assert opened.end() == 0


def test_ctrl_c_stops_the_answer_and_then_the_chat_goes_on(terminal: Open, script: Script) -> None:
    opened = chat(terminal, script("endless", ENDLESS), "endless")
    for _ in range(2):
        opened.type("Tell me\r")
        opened.until("Once upon a time")
        opened.type("\x03")
        opened.until("(stopped)")
        opened.until("scripted/endless >")
    assert opened.end_by("\x03") == 0


def test_an_error_is_shown_and_the_chat_goes_on(terminal: Open, script: Script) -> None:
    opened = chat(terminal, script("half", '{"truncate": true}'), "half")
    opened.type("Well?\r")
    opened.until("error:")
    opened.until("→ ")
    opened.until("scripted/half >")
    opened.type("/quit\r")
    assert opened.end() == 0


def test_a_sidecar_that_dies_is_told_and_ends_the_chat(terminal: Open, script: Script) -> None:
    opened = chat(terminal, script("endless", ENDLESS), "endless")
    opened.type("Tell me\r")
    opened.until("Once upon a time")
    (sidecar,) = psutil.Process(opened.process.pid).children()
    sidecar.kill()
    opened.until("the sidecar ended (status -9)")
    assert opened.end() == 1


def test_reasoning_is_dim_and_the_answer_is_not(terminal: Open, script: Script) -> None:
    folder = script("deep", '{"reasoning": "Hm\\u001b[2J"}\n{"content": "Yes."}')
    opened = chat(terminal, folder, "deep")
    opened.type("Well?\r")
    assert "\x1b[2mHm␛[2J\x1b[0m\r\n\r\nYes." in opened.until("Yes.")


def test_no_color_leaves_all_styles_out(terminal: Open, script: Script) -> None:
    folder = script("deep", '{"reasoning": "Hm."}\n{"content": "Yes."}')
    opened = chat(terminal, folder, "deep", NO_COLOR="1")
    opened.type("Well?\r")
    opened.until("(thinking) Hm.\r\n\r\nYes.")
    opened.until("scripted/deep >")
    opened.type("\x04")
    assert opened.end() == 0
    assert "\x1b[2m" not in opened.shown
    assert "\x1b[1m" not in opened.shown


def test_the_conversation_is_sent_back_until_a_new_one_begins(
    terminal: Open, model: Model, tmp_path: Path
) -> None:
    model.configure(tmp_path / "home")
    opened = terminal("chat")
    for number, question in enumerate(["One?", "Two?", "/new", "Three?"], start=1):
        opened.until("mine/m >")
        opened.type(f"{question}\r")
        if question != "/new":
            opened.until(f"Answer {min(3, number)}.")
    opened.until("mine/m >")
    opened.type("/quit\r")
    assert opened.end() == 0
    said = [[(each["role"], each["content"]) for each in body["messages"]] for body in model.bodies]
    assert said == [
        [("user", "One?")],
        [("user", "One?"), ("assistant", "Answer 1."), ("user", "Two?")],
        [("user", "Three?")],
    ]


def test_an_unknown_command_shows_those_there_are_and_an_empty_line_asks_nothing(
    terminal: Open, script: Script
) -> None:
    opened = chat(terminal, script("echo", '{"echo": true}'), "echo")
    for typed, name in (("/help", "/help"), ("/?", "/?"), ("/model x", "/model"), ("/", "/")):
        opened.type(f"{typed}\r")
        opened.until(f"{name} is no command. Ctrl-C stops an answer, /new starts over")
        opened.until("scripted/echo >")
    opened.type("\r")
    opened.until("scripted/echo >")
    opened.type("/quit\r")
    assert opened.end() == 0


def test_two_slashes_send_a_line_that_begins_with_one(
    terminal: Open, model: Model, tmp_path: Path
) -> None:
    model.configure(tmp_path / "home")
    opened = terminal("chat")
    opened.until("mine/m >")
    opened.type("//etc is what?\r")
    opened.until("Answer 1.")
    opened.until("mine/m >")
    opened.type("\x04")
    assert opened.end() == 0
    assert model.bodies[0]["messages"] == [{"role": "user", "content": "/etc is what?"}]

"""The chat in pipes: one question, one answer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import clean_environment, needs_llama_cpp
from tests.terminal.conftest import Model, Run

Script = Callable[[str, str], Path]


def ask(
    run: Run, folder: Path, name: str, *words: str, **more: str
) -> subprocess.CompletedProcess[str]:
    """Ask the script `name` of `folder`."""
    arguments = ["--scripted", str(folder), "chat", "--provider", "scripted", "--model", name]
    return run(*arguments, *words, **more)


def test_stdout_has_the_answer_and_nothing_else(run: Run, script: Script) -> None:
    done = ask(run, script("hi", '{"content": "Grüße, "}\n{"content": "世界!"}'), "hi", "hello")
    assert (done.stdout, done.stderr, done.returncode) == ("Grüße, 世界!\n", "", 0)


def test_the_words_of_the_command_line_are_the_question(run: Run, script: Script) -> None:
    done = ask(run, script("echo", '{"echo": true}'), "echo", "How", "are you?")
    assert done.stdout == "How are you?\n"


def test_without_words_the_question_is_read_from_stdin(run: Run, script: Script) -> None:
    done = ask(run, script("echo", '{"echo": true}'), "echo", given="One\ntwo\n")
    assert done.stdout == "One\ntwo\n"


def test_no_question_at_all_is_an_error(run: Run) -> None:
    done = run("chat", given=" \n")
    assert (done.stdout, done.returncode) == ("", 1)
    assert "error: There is no question." in done.stderr


def test_what_a_terminal_would_obey_is_shown_and_not_obeyed(run: Run, script: Script) -> None:
    said = {"content": "\x1b[2Jgone \u202e\x9b1m", "citations": [{"url": "http://x/\x1b"}]}
    folder = script("nasty", json.dumps(said))
    done = ask(run, folder, "nasty", "hello")
    assert done.stdout == "␛[2Jgone <U+202E><U+009B>1m\n"
    assert "\x1b" not in done.stderr


def test_an_error_is_told_with_what_to_do_and_what_came_before_it_stays(
    run: Run, script: Script
) -> None:
    fault = {"kind": "rate_limited", "message": "Slow \x1b[31mdown."}
    text = '{"content": "Well"}\n' + json.dumps({"error": fault})
    done = ask(run, script("limited", text), "limited", "hello")
    assert (done.stdout, done.returncode) == ("Well\n", 1)
    assert done.stderr.startswith("error: Slow ␛[31mdown.\n  → Wait a little")


def test_how_long_a_provider_asks_to_wait_is_told_in_seconds(run: Run, script: Script) -> None:
    fault = {"kind": "rate_limited", "message": "Slow down.", "retry_after_ms": 2000}
    done = ask(run, script("limited", json.dumps({"error": fault})), "limited", "hello")
    assert "→ Wait a little and try again. The provider asks to wait 2 s.\n" in done.stderr


def test_an_empty_answer_is_told_beside_it(run: Run, script: Script) -> None:
    done = ask(run, script("mute", '{"finish_reason": "stop"}'), "mute", "hello")
    assert (done.stdout, done.stderr, done.returncode) == ("", "(an empty answer)\n", 0)


def test_a_refusal_is_an_answer(run: Run, script: Script) -> None:
    done = ask(run, script("no", '{"refusal": "I would rather not."}'), "no", "hello")
    assert (done.stdout, done.stderr) == ("I would rather not.\n", "")


def test_a_missing_key_is_told_in_plain_words(run: Run) -> None:
    done = run("chat", "--provider", "OpenAI", "--model", "gpt", "hello")
    assert done.stderr.splitlines() == [
        "error: There is no API key for OpenAI.",
        "  → Give it by set_api_key, or set OPENAI_API_KEY.",
    ]
    assert (done.stdout, done.returncode) == ("", 1)


def test_a_misspelled_provider_is_told(run: Run) -> None:
    done = run("chat", "--provider", "opneai", "hello")
    assert "There is no provider `opneai`.\n  → Did you mean `openai`?" in done.stderr
    assert done.returncode == 1


def test_a_model_that_must_be_named_is_told_in_words_of_this_command(run: Run) -> None:
    done = run("chat", "--provider", "lmstudio", "hello")
    assert "→ Name one with --model NAME." in done.stderr


def test_reasoning_stays_out_of_a_pipe(run: Run, script: Script) -> None:
    done = ask(run, script("deep", '{"reasoning": "Hm."}\n{"content": "Yes."}'), "deep", "hello")
    assert (done.stdout, done.stderr) == ("Yes.\n", "")


def test_an_answer_that_was_cut_short_says_so_beside_it(run: Run, script: Script) -> None:
    folder = script("long", '{"content": "And then"}\n{"finish_reason": "length"}')
    done = ask(run, folder, "long", "hello")
    assert (done.stdout, done.returncode) == ("And then\n", 0)
    assert "cut short" in done.stderr


def test_what_the_output_has_no_sign_for_is_replaced(run: Run, script: Script) -> None:
    done = ask(
        run, script("hi", '{"content": "Grüße 🎉"}'), "hi", "hello", PYTHONIOENCODING="ascii"
    )
    assert (done.stdout, done.returncode) == ("Gr??e ?\n", 0)


def test_a_question_that_is_not_utf_8_is_asked_all_the_same(script: Script, tmp_path: Path) -> None:
    folder = script("echo", '{"echo": true}')
    command = [sys.executable, "-m", "sidecar", "--scripted", str(folder), "chat"]
    done = subprocess.run(
        [*command, "--provider", "scripted", "--model", "echo"],
        input=b"caf\xe9",
        capture_output=True,
        timeout=60,
        check=False,
        env=clean_environment(tmp_path / "home", PYTHONUTF8="1"),
    )
    assert done.stdout.decode("utf-8") == "caf\ufffd\n"


def test_a_problem_of_the_settings_is_told_beside_the_answer(
    run: Run, script: Script, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text("colour = 1\n", encoding="utf-8")
    done = ask(run, script("hi", '{"content": "Hi"}'), "hi", "hello")
    assert done.stdout == "Hi\n"
    assert "`colour` is unknown" in done.stderr


def test_a_provider_of_ones_own_is_asked_over_the_network(
    run: Run, model: Model, tmp_path: Path
) -> None:
    model.configure(tmp_path / "home")
    assert run("chat", "Hello?").stdout == "Answer 1.\n"
    assert model.bodies[0]["messages"] == [{"role": "user", "content": "Hello?"}]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to send")
def test_it_streams_and_ctrl_c_stops_the_answer(script: Script, tmp_path: Path) -> None:
    folder = script("endless", '{"content": "Once upon a time"}\n{"hang": true}')
    with chatting(folder, "endless", tmp_path) as chat:
        assert chat.stdout is not None
        assert chat.stdout.read(16) == b"Once upon a time"
        chat.send_signal(signal.SIGINT)
        rest, told = chat.communicate(timeout=60)
        assert (rest, told, chat.returncode) == (b"\n", b"(stopped)\n", 130)


@pytest.mark.skipif(os.name == "nt", reason="Windows tells a broken pipe in another way")
def test_a_reader_that_has_enough_ends_the_chat_quietly(script: Script, tmp_path: Path) -> None:
    folder = script("endless", '{"pace_ms": 1}\n{"repeat": 100000, "content": "word "}')
    with chatting(folder, "endless", tmp_path) as chat:
        assert chat.stdout is not None
        assert chat.stderr is not None
        assert chat.stdout.read(5) == b"word "
        chat.stdout.close()
        assert chat.stderr.read() == b""
        assert chat.wait(60) == 1


def test_the_demo_model_answers_and_is_called_a_demo(run: Run) -> None:
    needs_llama_cpp()
    done = run("chat", "Who are you?")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) > 2
    assert done.stderr == (
        "demo model: tiny, offline; for real answers set a key like OPENAI_API_KEY"
        " and add --provider openai --model NAME\n"
    )


def chatting(folder: Path, name: str, tmp_path: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "sidecar", "--scripted", str(folder), "chat"]
    return subprocess.Popen(
        [*command, "--provider", "scripted", "--model", name, "hello"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean_environment(tmp_path / "home"),
    )

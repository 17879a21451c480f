"""What goes where, away from a terminal; test_chat_in_a_terminal.py has what one shows."""

from __future__ import annotations

import io

import pytest

from sidecar.terminal.screen import DIM, Screen, has_styles, styled

Captured = pytest.CaptureFixture[str]


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_the_answer_goes_to_stdout_and_what_is_said_about_it_to_stderr(capsys: Captured) -> None:
    screen = Screen()
    screen.answer("Hel")
    screen.answer("lo")
    screen.note("(stopped)")
    assert capsys.readouterr() == ("Hello\n", "(stopped)\n")


def test_an_answer_ends_with_one_line_feed_whether_it_had_its_own_or_not(capsys: Captured) -> None:
    screen = Screen()
    for text in ("one", "two\n"):
        screen.answer(text)
        screen.end_answer()
        screen.end_answer()
    assert capsys.readouterr().out == "one\ntwo\n"


def test_a_problem_stands_with_what_to_do_about_it(capsys: Captured) -> None:
    screen = Screen()
    screen.problem("It broke.", "Mend it.")
    screen.problem("It broke\x1b[2J.")
    assert capsys.readouterr().err == "error: It broke.\n  → Mend it.\nerror: It broke␛[2J.\n"


def test_reasoning_is_for_terminals(capsys: Captured) -> None:
    screen = Screen()
    screen.thought("Hm.")
    assert capsys.readouterr() == ("", "")


def test_styles_are_for_terminals_whose_user_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert styled("x", DIM, Terminal()) == "\x1b[2mx\x1b[0m"
    assert styled("x", "", Terminal()) == "x"
    assert styled("x", DIM, io.StringIO()) == "x"
    monkeypatch.setenv("TERM", "dumb")
    assert not has_styles(Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not has_styles(Terminal())


def test_a_typed_line_comes_without_its_line_feed_and_its_end_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("Hello\n"))
    screen = Screen()
    assert screen.ask("demo >") == "Hello"
    assert capsys.readouterr() == ("", "demo > ")
    with pytest.raises(EOFError):
        screen.ask("demo >")

"""The floor of a ping."""

from __future__ import annotations

from scripts.bench.child import Child, program


def test_every_line_is_said_back_as_it_was_however_it_came() -> None:
    sent = b"one\n\n" + b"x" * 200_000 + b"\nlast\n"
    with Child("echo", program("echo")) as echo, echo.within(20):
        echo.send(sent[:2])
        echo.send(sent[2:])
        come = b""
        while len(come) < len(sent):
            come += echo.read()
    assert come == sent

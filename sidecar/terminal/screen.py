"""What a terminal program writes: the answer to stdout, everything about it to stderr.

Nothing that others wrote gets out but through `visible`. Styles (dim, bold, red) are for terminals
only, and not where NO_COLOR is set (https://no-color.org) or TERM is `dumb`.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import TextIO

from sidecar.terminal.visible import visible

DIM = "2"
BOLD = "1"
RED = "31"
YELLOW = "33"
GREEN = "32"


class Screen:
    """Both outputs of this process."""

    def __init__(self) -> None:
        self._out, self._err = sys.stdout, sys.stderr
        for stream in (self._out, self._err, sys.stdin):
            # What this terminal has no sign for becomes a `?` instead of an error.
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")
        self.is_terminal = self._out.isatty()
        self._open_line = False
        self._style = ""

    def answer(self, text: str) -> None:
        """Write a piece of the model's answer."""
        self._stream(text, "")

    def thought(self, text: str) -> None:
        """Write a piece of the model's reasoning; where stdout is no terminal, nothing."""
        if self.is_terminal:
            self._stream(text, DIM)

    def end_answer(self) -> None:
        """End the line that the answer stands on."""
        self._restyle("")
        if self._open_line:
            self._write(self._out, "\n")
        self._open_line = False

    def note(self, text: str, style: str = DIM) -> None:
        """Write a line about things, beside the answer."""
        self.end_answer()
        self._write(self._err, styled(visible(text), style, self._err) + "\n")

    def problem(self, message: str, hint: str | None = None) -> None:
        """Write what went wrong, and what to do about it."""
        self.end_answer()
        word = styled("error:", RED, self._err)
        self._write(self._err, f"{word} {visible(message)}\n")
        if hint:
            self._write(self._err, styled(f"  → {visible(hint)}", DIM, self._err) + "\n")

    def line(self, text: str) -> None:
        """Write a line to stdout; it must have been made visible and styled."""
        self._write(self._out, text + "\n")

    def ask(self, prompt: str) -> str:
        """Let the user type a line. Raises `EOFError` at Ctrl-D, `KeyboardInterrupt` at Ctrl-C."""
        if self.is_terminal:
            _edit_lines()
            shown = styled(visible(prompt), BOLD, self._out, in_prompt=True)
            return input(f"{shown} ")
        self._write(self._err, f"{visible(prompt)} ")
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        return line.rstrip("\n")

    def _stream(self, text: str, style: str) -> None:
        if not text:
            return
        if style != self._style and self._open_line:
            self._restyle("")
            self._write(self._out, "\n\n")
            text = text.lstrip("\n")
        self._restyle(style)
        self._write(self._out, visible(text))
        self._open_line = not text.endswith("\n")

    def _restyle(self, style: str) -> None:
        if style != self._style:
            if has_styles(self._out):
                self._write(self._out, f"\x1b[{style or 0}m")
            elif style == DIM:
                self._write(self._out, "(thinking) ")
            self._style = style

    def _write(self, stream: TextIO, text: str) -> None:
        other = self._err if stream is self._out else self._out
        other.flush()
        stream.write(text)
        stream.flush()


def _edit_lines() -> None:
    """Let `input` edit its line and remember earlier ones, where Python can (not on Windows)."""
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401, PLC0415 - its import alone does it; only prompts need it


def has_styles(stream: TextIO) -> bool:
    """True for a terminal whose user wants styles."""
    unwanted = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return stream.isatty() and not unwanted


def styled(text: str, style: str, stream: TextIO, *, in_prompt: bool = False) -> str:
    """Return `text` in a style where `stream` shows one. Line editing must know its width."""
    if not style or not has_styles(stream):
        return text
    before, after = f"\x1b[{style}m", "\x1b[0m"
    if in_prompt and "readline" in sys.modules:
        before, after = f"\x01{before}\x02", f"\x01{after}\x02"
    return f"{before}{text}{after}"

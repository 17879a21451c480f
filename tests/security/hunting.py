"""The hunt: everything that a sidecar says, writes and starts, searched for every canary.

What is model text, and passes verbatim by design, is said here, in `MODEL_TEXT`, and nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.security.canary import Canary

MODEL_TEXT = ("content", "reasoning", "refusal", "logprobs", "tool_calls", "citations")
"""A model's own words: these fields of chunks, of responses, and of a response's `message`."""
_FILE_LIMIT = 50_000_000


@dataclass(frozen=True)
class Finding:
    """A canary where none may be."""

    lies_in: str
    form: str
    place: str
    excerpt: str


@dataclass(frozen=True)
class Hunter:
    """Looks for these canaries. `parts`: pieces of hidden ones count, too."""

    canaries: Sequence[Canary]
    parts: bool = True

    def in_bytes(self, place: str, data: bytes, *, all_forms: bool = True) -> list[Finding]:
        """Search text or a file as it is."""
        found = []
        low = data.lower()
        for canary in self.canaries:
            form, at = canary.found_in(low, parts=self.parts, all_forms=all_forms)
            if form:
                found.append(Finding(canary.lies_in, form, place, _excerpt(data, at)))
        return found

    def in_lines(self, lines: Iterable[bytes]) -> list[Finding]:
        """Search lines of stdout, model text apart."""
        found = []
        together = b"\n".join(lines)
        # As nearly always, and a hundred times as fast; in JSON a form is escaped once more.
        read = together.replace(b'\\"', b'"').replace(b"\\\\", b"\\")
        if not self.in_bytes("", together) and not self.in_bytes("", read):
            return []
        for line in together.split(b"\n"):
            found += self.in_bytes("stdout", outside_model_text(line), all_forms=False)
        return found

    def in_files(self, folder: Path) -> list[Finding]:
        """Search every file below a folder, names included."""
        found = []
        for path in sorted(folder.rglob("*")):
            place = f"file {path.relative_to(folder)}"
            found += self.in_bytes(place, str(path).encode("utf-8", "surrogatepass"))
            with suppress(FileNotFoundError):  # a journal: it comes and goes with each write
                if path.is_file() and path.stat().st_size < _FILE_LIMIT:
                    found += self.in_bytes(place, path.read_bytes(), all_forms=False)
        return found

    def in_processes(self, process_id: int) -> list[Finding]:
        """Search the command lines of a process and all below it, and the environments below."""
        found = []
        top = psutil.Process(process_id)
        below = top.children(recursive=True)
        for process in (top, *below):
            found += self.in_bytes(f"command line of {process.pid}", _proc(process, "cmdline"))
        for process in below:
            # The sidecar's own environment is what the user put there.
            found += self.in_bytes(f"environment of {process.pid}", _proc(process, "environ"))
        return found


def outside_model_text(line: bytes) -> bytes:
    """Return every text of a line of stdout that is no model text, each on a line of its own."""
    value = json.loads(line)
    for message in value if isinstance(value, list) else [value]:
        message.pop("id", None)  # goes back as it came, whatever it is: the caller's own words
        for answer in _answers(message):
            for name in MODEL_TEXT:
                answer.pop(name, None)
    return "\n".join(_texts(value)).encode("utf-8", "surrogatepass")


def _answers(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The objects of a line in which MODEL_TEXT stands."""
    params, result = message.get("params") or {}, message.get("result")
    found = [params.get("chunk"), params.get("response")]
    if isinstance(result, dict):
        found.append(result.get("response"))  # attach_execution
        found.append(result if {"content", "execution_id", "model"} <= result.keys() else None)
    for answer in found:
        if isinstance(answer, dict):
            yield answer
            if isinstance(answer.get("message"), dict):
                yield answer["message"]


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    else:
        yield str(value)


def _proc(process: psutil.Process, name: str) -> bytes:
    try:
        return Path(f"/proc/{process.pid}/{name}").read_bytes().replace(b"\0", b"\n")
    except (FileNotFoundError, ProcessLookupError):
        return b""  # it has ended meanwhile


def _excerpt(data: bytes, at: int) -> str:
    text = data[max(0, at - 60) : at + 60].decode("utf-8", "replace")
    return "".join(each if each.isprintable() else " " for each in text)

"""`ai-sidecar doctor`: checks this installation through a real sidecar, and says what to do.

One line for each part: ok, warning (something is not usable, the rest works) or problem. It exits
with 0 where the essentials work: the sidecar answers, its home can be used, and some model can be
asked. Providers are contacted only where a key for them is set; that costs nothing there.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import platform
import re
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sidecar.errors import ComponentMissing
from sidecar.local import place
from sidecar.terminal import doctor_network
from sidecar.terminal.finding import Finding, Level
from sidecar.terminal.hints import hint_of
from sidecar.terminal.peer import Json, Peer, PeerGone, own_command
from sidecar.terminal.screen import BOLD, DIM, GREEN, RED, YELLOW, Screen, styled
from sidecar.terminal.visible import visible

_STYLES = {"ok": GREEN, "warning": YELLOW, "problem": RED}
_ANSWER_S = 30.0
_MODEL_S = 120.0
_PRIVATE = stat.S_IRWXG | stat.S_IRWXO
_QUESTION = "Who are you?"
_FRAME = re.compile(r"^[\s|]*(\+-[-+ .\d]*$)?")
"""What Python draws around the parts of an exception group."""


def run(serving_args: Sequence[str], worker: Path | None = None) -> int:
    """Check everything and show it; return 0 where the essentials work, 1 otherwise.

    `worker` is where the arguments say that the local engine lies.
    """
    screen = Screen()
    findings = []
    for finding in _findings(serving_args, place.of_the_worker(worker)):
        findings.append(finding)
        _show(screen, finding)
    if not any(finding.answers for finding in findings):
        finding = Finding(
            "problem", "models", "no model can be asked", "Follow one of the → above."
        )
        findings.append(finding)
        _show(screen, finding)
    counts = [sum(each.level == level for each in findings) for level in ("problem", "warning")]
    screen.line(f"\n{_counted(counts[0], 'problem')}, {_counted(counts[1], 'warning')}")
    return 1 if counts[0] else 0


def _findings(serving_args: Sequence[str], engine: place.Place) -> Iterator[Finding]:
    with tempfile.TemporaryFile() as log:
        began = time.monotonic()
        try:
            peer = Peer(own_command(serving_args), stderr=log)
        except OSError as error:
            yield Finding("problem", "sidecar", f"can't be started: {error}", "Install it again.")
            return
        try:
            hello = _result(peer, "initialize")
            yield _sidecar(hello, time.monotonic() - began)
            yield from _checks(peer, hello, engine)
        except PeerGone as error:
            log.seek(0)
            said = telling_line(log.read().decode("utf-8", "replace"))
            remedy = f"It said: {said}" if said else "Run `ai-sidecar` by hand and look."
            yield Finding("problem", "sidecar", str(error), remedy)
        finally:
            peer.close()


def _checks(peer: Peer, hello: Json, engine: place.Place) -> Iterator[Finding]:
    yield _home(Path(hello["paths"]["home"]))
    yield from _settings(hello)
    providers: list[Json] = _result(peer, "list_ai_providers")["providers"]
    keyed = [row for row in providers if row["has_api_key"]]
    yield from key_stores(_result(peer, "list_api_keys")["stores"])
    yield _keyed(providers, keyed)
    tests = [(row, _test(peer, row)) for row in keyed]
    for row, result in tests:
        yield _provider(row, result)
    yield _network([result for _, result in tests])
    yield from doctor_network.findings(Path(hello["paths"]["home"]))
    yield _audit(peer.call("verify_audit", timeout=_ANSWER_S))
    try:
        engine.check()
    except ComponentMissing as missing:
        yield Finding("warning", "worker", missing.message, missing.hint)
        return
    demo = check_demo_model(engine.models)
    yield demo
    if demo.level == "ok":
        yield _worker(peer)


def _sidecar(hello: Json, seconds: float) -> Finding:
    version, python = hello["server"]["version"], platform.python_version()
    return Finding(
        "ok",
        "sidecar",
        f"{version}, protocol {hello['protocol_version']}, Python {python}, "
        f"{platform.system()} {platform.machine()}; answers after {seconds:.2f} s",
    )


def telling_line(log: str) -> str | None:
    """Return the line that says most: the last one, but for the frame of an exception group."""
    lines = (_FRAME.sub("", line).rstrip() for line in reversed(log.splitlines()))
    return next(filter(None, lines), None)


def _home(home: Path) -> Finding:
    try:
        existing, found = _lowest_there(home)
    except OSError as error:
        text = f"{home} can't be used: {error.strerror}"
        return Finding("problem", "home", text, "Choose another folder with --home DIR.")
    if not stat.S_ISDIR(found.st_mode):
        remedy = "Move it away, or choose another folder with --home DIR."
        return Finding("problem", "home", f"{existing} is not a folder", remedy)
    if not os.access(existing, os.W_OK | os.X_OK):
        remedy = f"Make {existing} writable, or choose another folder with --home DIR."
        return Finding("problem", "home", f"{home} can't be written to", remedy)
    if existing != home:
        return Finding("ok", "home", f"{home} (made when it is first needed)")
    if os.name == "posix" and stat.S_IMODE(found.st_mode) & _PRIVATE:
        remedy = f"Run: chmod 700 '{home}'"
        return Finding("warning", "home", f"{home} can be entered by other users", remedy)
    return Finding("ok", "home", str(home))


def _lowest_there(path: Path) -> tuple[Path, os.stat_result]:
    """Return the path, or else the nearest folder above it that can be seen. Raises `OSError`."""
    for each in (path, *path.parents):
        try:
            return each, each.stat()
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            continue  # above a folder that lets nobody in, that folder itself can be seen
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))


def _settings(hello: Json) -> Iterator[Finding]:
    config = hello["paths"]["config"]
    for problem in hello["problems"]:
        remedy = "Correct it, and start again." if str(config) in problem else None
        yield Finding("warning", "settings", problem, remedy)
    if not hello["problems"]:
        is_there = os.path.exists(config)  # noqa: PTH110 - where this can't look, Path.exists raises
        there = "is in order" if is_there else "is not there: the defaults hold"
        yield Finding("ok", "settings", f"{config} {there}")


def key_stores(states: list[Json]) -> Iterator[Finding]:
    """One line for each place that keys are looked for in."""
    kept = [each for each in states if each["name"] != "environment" and each["state"] != "missing"]
    for state in states:
        text = f"{state['name']}: {state.get('detail') or state['state']}"
        # That there is none is in order where there is another.
        if state["state"] == "ready" or (state["state"] == "missing" and kept):
            yield Finding("ok", "keys", text)
        else:
            yield Finding("warning", "keys", text, state.get("hint"))


def _keyed(providers: list[Json], keyed: list[Json]) -> Finding:
    if keyed:
        return Finding("ok", "keys", ", ".join(row["display_name"] for row in keyed))
    known = [(row.get("key_variables") or [""])[0] for row in providers if row["key_required"]]
    remedy = f"For real answers set one of: {', '.join(dict.fromkeys(filter(None, known)))}."
    return Finding("warning", "keys", "no provider has a key", remedy)


def _test(peer: Peer, row: Json) -> Json:
    found = peer.call("test_provider_connection", {"provider": row["name"]}, _ANSWER_S)
    return dict(found.get("result") or {"ok": False, "error": found["error"]})


def _provider(row: Json, result: Json) -> Finding:
    if result["ok"]:
        text = f"reached in {result['latency_ms']} ms, {_counted(result['models'], 'model')}"
        return Finding("ok", row["name"], text, answers=True)
    error = result["error"]
    return Finding("warning", row["name"], error["message"], hint_of(error))


def _network(results: list[Json]) -> Finding:
    if not results:
        return Finding("ok", "network", "not asked, since no provider has a key")
    lost = [result for result in results if not result["ok"]]
    unreached = [each for each in lost if each["error"]["data"]["kind"] in ("network", "timeout")]
    if len(unreached) < len(results):
        return Finding("ok", "network", "providers can be reached")
    remedy = (
        "Check the internet connection, a firewall, and HTTPS_PROXY where a proxy is needed: one "
        "that a script (PAC) chooses has to be named."
    )
    return Finding("warning", "network", "no provider could be reached", remedy)


def _audit(answer: Json) -> Finding:
    """The record of what happened to keys."""
    if "error" in answer:
        return Finding("warning", "audit", answer["error"]["message"], hint_of(answer["error"]))
    verdict: Json = answer["result"]
    if verdict["valid"]:
        seal = f"sealed up to {verdict['sealed']}" if verdict["sealed"] else "no seal at hand"
        return Finding("ok", "audit", f"{_counted(verdict['events'], 'key event')}, {seal}")
    text = f"the record of key events is not what was written: {verdict['problem']}"
    remedy = "`ai-sidecar audit` shows it; if you put back a backup: ai-sidecar audit --begin-anew"
    return Finding("warning", "audit", text, remedy)


def check_demo_model(folder: Path) -> Finding:
    """Compare the bundled model with what demo.json says of it."""
    try:
        facts = json.loads((folder / "demo.json").read_bytes())
        data = (folder / facts["file"]).read_bytes()
    except (OSError, ValueError, KeyError) as error:
        text = f"the demo model is not there: {error}"
        return Finding("warning", "models", text, "Install AI Sidecar again.")
    if hashlib.sha256(data).hexdigest() != facts["sha256"]:
        text = f"{facts['file']} is not the file that demo.json describes"
        return Finding("problem", "models", text, "Install AI Sidecar again.")
    return Finding("ok", "models", f"demo, {len(data) / 1e6:.1f} MB, checksum right")


def _worker(peer: Peer) -> Finding:
    """Ask the demo model something, and time it."""
    request = {
        "model": "demo",
        "messages": [{"role": "user", "content": _QUESTION}],
        "max_tokens": 32,
    }
    params = {"provider": "local", "execution_id": "doctor", "request": request}
    began = time.monotonic()
    number = peer.request("stream_ai_provider", params)
    ends = _ends(number)
    end = peer.messages_until(ends, _MODEL_S)[-1]
    seconds = time.monotonic() - began
    error = end.get("error") or end["params"].get("error")
    if error:
        missing = error["data"]["kind"] == "component_missing"
        level: Level = "warning" if missing else "problem"
        return Finding(level, "worker", error["message"], hint_of(error))
    response = end["params"]["response"]
    first = (response.get("timing") or {}).get("first_token_ms")
    text = f"“{response['content']}” in {seconds:.2f} s, its first word after {first} ms"
    return Finding("ok", "worker", text, answers=True)


def _ends(number: int) -> Callable[[Json], bool]:
    def ends(message: Json) -> bool:
        refused = message.get("id") == number and "error" in message
        return refused or message.get("method") == "ai_stream_end"

    return ends


def _result(peer: Peer, method: str) -> Any:  # noqa: ANN401 - any result
    answer = peer.call(method, timeout=_ANSWER_S)
    if "error" in answer:
        raise PeerGone(f"{method}: {answer['error']['message']}")
    return answer["result"]


def _show(screen: Screen, finding: Finding) -> None:
    word = styled(f"{finding.level:8}", _STYLES[finding.level], sys.stdout)
    part = styled(f"{finding.part:18}", BOLD, sys.stdout)
    screen.line(f"{word} {part} {visible(finding.text)}")
    if finding.remedy:
        screen.line(styled(f"{'':27} → {visible(finding.remedy)}", DIM, sys.stdout))


def _counted(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"

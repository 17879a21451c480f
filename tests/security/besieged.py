"""A sidecar under attack: its home, its canaries, the hostile provider, and the world outside.

The process is the real one. A launcher comes before its `main`, for two things: it makes the
vault's scrypt cheap, so that hundreds of wrong passwords take no minutes, and it plants the leaks
of test_planted_leaks.py.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any

from sidecar.terminal.peer import Peer
from tests.conftest import clean_environment
from tests.providers.sidecars import LIMIT_S
from tests.security.attacks import BESIDE, TARGET, Attack, Turn
from tests.security.canary import ALL, HIDDEN, PASSWORD, PASTED, SHAPED
from tests.security.hunting import Finding, Hunter
from tests.security.servers import CASES, Servers

Json = dict[str, Any]
VARIABLE = "HOSTILE_LOGIN"  # no name by which a variable is known to hold a key
VICTIMS = tuple(f"victim-{number}" for number in range(20))
"""Providers like the hostile one, each to be tampered with on its own."""
_CHEAP = "from sidecar.keys.vault import Vault; Vault.__init__.__kwdefaults__['scrypt_n'] = 2**10"
_MAIN = "import sys; from sidecar.__main__ import main; sys.exit(main())"
_AT_ONCE = 20
"""More requests at once take longer in all: each looks at the connections of all the others."""


@dataclass(frozen=True)
class Keeping:
    """A way to keep the hidden canary: with which environment, and by which requests.

    `fixture` has more of the environment: it starts what the store needs, or skips.
    """

    environment: Callable[[], dict[str, str]]
    open: Callable[[Peer], None]
    order: tuple[str, ...]
    fixture: str | None = None

    @property
    def store(self) -> str | None:
        """The store that the canary is given to; None where it lies in the environment."""
        return None if self.order[0] == "environment" else self.order[0]


def _open_vault(peer: Peer) -> None:
    password = {"password": PASSWORD.value}
    made = peer.call("create_vault", password, LIMIT_S)
    answer = peer.call("unlock_vault", password, LIMIT_S) if "error" in made else made
    assert answer["result"]["state"] == "ready", answer


def _nothing(_peer: Peer) -> None:
    """There is nothing to open."""


STORES = {
    "memory": Keeping(dict, _nothing, ("memory", "environment")),
    "vault": Keeping(dict, _open_vault, ("vault", "environment")),
    "environment": Keeping(lambda: {VARIABLE: HIDDEN.value}, _nothing, ("environment", "memory")),
    "keyring": Keeping(dict, _nothing, ("keyring", "environment"), fixture="secret_service"),
}


class Besieged:
    """One sidecar, and everything that it says, writes and sends."""

    def __init__(
        self, store: str, servers: Servers, folder: Path, planted: str, environment: dict[str, str]
    ) -> None:
        self.servers = servers
        self.store = store
        self.turn = Turn(list(STORES).index(store), len(STORES))
        self.folder = folder
        self.home = folder / "seen" / "home"
        self.lines: list[bytes] = []
        self._keeping = STORES[store]
        self._environment = self._keeping.environment() | environment
        self._laid: set[str] = set()
        self._planted = planted
        self.last_id = ""
        self._ids = count(1)
        (folder / "seen" / "tmp").mkdir(parents=True)
        self._log_seen = 0
        self._stderr = folder / "stderr"
        self._configure()
        self.peer = self._start()

    @property
    def database(self) -> Path:
        """Its database."""
        return self.home / "sidecar.db"

    def _configure(self) -> None:
        self.home.mkdir(mode=0o700)
        rows = [f'active = {{ provider = "{TARGET}", model = "m" }}', "[key_store]"]
        rows += [f"order = {json.dumps(self._keeping.order)}"]
        for name in (TARGET, BESIDE, *VICTIMS, *CASES):
            row = {
                "format": "openai_chat",
                "base_url": self.servers.hostile_url(name),
                "key_variable": VARIABLE,
            }
            rows += [f"[providers.{name}]", *(f"{key} = {json.dumps(row[key])}" for key in row)]
        (self.home / "config.toml").write_text("\n".join(rows), encoding="utf-8")

    def _start(self) -> Peer:
        outside = f"http://127.0.0.1:{self.servers.elsewhere.port}"
        environment = clean_environment(
            self.home,
            AI_SIDECAR_LOG="DEBUG",
            TMPDIR=str(self.folder / "seen" / "tmp"),
            OPENAI_API_KEY=SHAPED.value,
            # Whatever would leave this machine comes to a server of ours instead.
            HTTP_PROXY=outside,
            HTTPS_PROXY=outside,
            **self._environment,
        )
        code = f"{_CHEAP}\n{self._planted}\n{_MAIN}"
        with self._stderr.open("ab") as stderr:
            peer = Peer(
                [sys.executable, "-c", code],
                environment=environment,
                folder=self.folder / "seen",
                stderr=stderr,
            )
        self._keeping.open(peer)
        return peer

    def restart(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        """End it, do something to its files, and start it anew."""
        self.close()
        self._laid.clear()  # what was in memory is gone
        meanwhile()
        self.peer = self._start()

    def close(self) -> None:
        """End it, and keep its last words."""
        self.peer.end_input()
        while (line := self.peer.receive(LIMIT_S)) is not None:
            self.lines.append(line)
        self.peer.close()

    # --- what is asked of it ---

    def lay_canaries(self, *providers: str) -> None:
        """Give the providers the hidden canary, and one of them the key that is pasted about."""
        calls = [
            ("set_api_key", {"provider": name, "api_key": HIDDEN.value, "store": store})
            for name in providers
            if (store := self._keeping.store) is not None
        ]
        pasted = {"provider": "openai", "key_id": "pasted", "store": "memory"}
        calls.append(("set_api_key", {**pasted, "api_key": PASTED.value}))
        for answer in self.ask(calls):
            assert "result" in answer, answer
        self._laid.update(providers)

    def ensure_canaries(self, *providers: str) -> None:
        """Lay those that this run has not got yet."""
        if lacking := set(providers) - self._laid:
            self.lay_canaries(*lacking)

    def ask(self, calls: Iterable[tuple[str, Json]]) -> list[Json]:
        """Send requests, many at once; return their answers when all streams have ended."""
        answers: list[Json] = []
        rest = iter(calls)
        while part := list(islice(rest, _AT_ONCE)):
            ids = [f"attack {next(self._ids)}" for _ in part]
            self.last_id = ids[-1]
            lines = [_line(*call, id_) for call, id_ in zip(part, ids, strict=True)]
            self.peer.send(b"".join(lines))
            found = self._answers(set(ids))
            answers += [found[id_] for id_ in ids]
        return answers

    def call(self, method: str, **params: object) -> Json:
        """Send one request and return its answer."""
        return self.ask([(method, params)])[0]

    def attack(self, attacks: Iterable[Attack]) -> list[Json]:
        """Send attacks and return the answers."""
        return self.ask((each.method, each.params) for each in attacks)

    def next_answer(self) -> Any:  # noqa: ANN401 - one answer, or those of a batch
        """Return the next line that it says, notifications apart."""
        while True:
            message = self._next()
            if isinstance(message, list) or "id" in message:
                return message

    def _next(self) -> Any:  # noqa: ANN401 - any JSON
        line = self.peer.receive(LIMIT_S)
        if line is None:
            raise self.peer.gone()
        self.lines.append(line)
        return json.loads(line)

    def reopen(self) -> None:
        """Open again what an attack has locked."""
        self._keeping.open(self.peer)

    def heard_by_the_model(self, provider: str = TARGET) -> str:
        """Ask the hostile provider, which says the key that came as the model's words."""
        request = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
        answer = self.call("call_ai_provider", provider=provider, request=request)
        return str(answer.get("result", {}).get("content") or answer)

    def stream(self, provider: str, request: Json) -> str:
        """Stream an answer, and join its content."""
        begin = len(self.lines)
        self.call("stream_ai_provider", provider=provider, request=request)
        said = [json.loads(line).get("params", {}) for line in self.lines[begin:]]
        return "".join(each.get("chunk", {}).get("content", "") for each in said)

    def hunt(self, hunter: Hunter | None = None, *, parts: bool = True) -> list[Finding]:
        """Search everything that it has said since the last hunt, written, started and sent."""
        hunter = hunter or Hunter(ALL, parts=parts)
        lines, self.lines = self.lines, []
        sent = b"\n".join(self.servers.elsewhere.requests)
        return [
            *hunter.in_lines(lines),
            *hunter.in_bytes("stderr", self._new_log()),
            *hunter.in_files(self.folder / "seen"),
            *hunter.in_processes(self.peer.process_id),
            *hunter.in_bytes("sent elsewhere", sent),
        ]

    def _new_log(self) -> bytes:
        """What it has written to stderr since the last hunt, from a line's beginning."""
        with self._stderr.open("rb") as log:
            log.seek(self._log_seen)
            found = log.read()
        self._log_seen += found.rfind(b"\n") + 1
        return found

    def _answers(self, waited_for: set[str]) -> dict[str, Json]:
        found: dict[str, Json] = {}
        running: set[str] = set()
        ended: set[str] = set()
        while waited_for - found.keys() or running - ended:
            message = self._next()
            if message.get("id") in waited_for:
                found[message["id"]] = message
                result = message.get("result")
                if isinstance(result, dict) and result.keys() == {"execution_id"}:
                    running.add(result["execution_id"])
            elif message.get("method") == "ai_stream_end":
                ended.add(message["params"]["execution_id"])
        return found


def _line(method: str, params: Json, id_: str) -> bytes:
    message = {"jsonrpc": "2.0", "id": id_, "method": method, "params": params}
    return json.dumps(message).encode() + b"\n"


@contextmanager
def besieged(store: str, planted: str = "", **environment: str) -> Iterator[Besieged]:
    """Start a sidecar whose canaries lie in `store`; `planted` is run in it first."""
    folder = Path(tempfile.mkdtemp(prefix="besieged-"))
    servers = Servers()
    try:
        found = Besieged(store, servers, folder, planted, environment)
        try:
            yield found
        finally:
            found.peer.close()
    finally:
        servers.close()
        shutil.rmtree(folder)

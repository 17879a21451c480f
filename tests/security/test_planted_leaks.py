"""Does the hunt find leaks? One is planted at a time, by a patch of one function or two.

Each must be found by the very hunt that finds nothing in the sidecar as it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from sidecar.contract import METHODS
from tests.conftest import needs_llama_cpp
from tests.security.attacks import BESIDE, TARGET, attacks
from tests.security.besieged import STORES, Besieged, besieged
from tests.security.canary import HIDDEN, PASTED
from tests.security.conftest import environment_of
from tests.security.hunting import Hunter
from tests.security.test_hostile_front_end import values_for

Json = dict[str, Any]
REQUEST = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def everything(siege: Besieged) -> None:
    """A little of all the attacks."""
    elsewhere = f"http://127.0.0.1:{siege.servers.elsewhere.port}"
    siege.lay_canaries(TARGET, BESIDE, "status-401", "redirect-307", "models", "facts")
    ask = [
        ("call_ai_provider", {"provider": case, "request": REQUEST})
        for case in (TARGET, "status-401", "redirect-307", "facts")
    ]
    ask += [("list_models", {"provider": each}) for each in ("models", "redirect-307")]
    siege.ask(ask)
    siege.call("configure_provider", provider=BESIDE, base_url=elsewhere)
    siege.ask(
        [
            ("call_ai_provider", {"provider": BESIDE, "request": REQUEST}),
            ("call_ai_provider", {"request": {"messages": [
                {"role": "user", "content": PASTED.value}]}, "execution_id": PASTED.value}),
            ("list_executions", {"include_ended": True}),
            ("list_api_keys", {}),
            ("list_audit_events", {}),
        ]
    )  # fmt: skip
    attempted = attacks("set_api_key", METHODS["set_api_key"], values_for(siege))
    siege.attack(each for each in attempted if each.pasted)
    siege.call("list_api_keys")


def the_worker(siege: Besieged) -> None:
    """A chat with the demo model."""
    needs_llama_cpp()
    siege.call("call_ai_provider", provider="local", request={"messages": REQUEST["messages"]})


@dataclass(frozen=True)
class Leak:
    """A patch, and where its leak must be found."""

    patch: str
    places: str
    """The beginning of the places' names."""
    store: str = "memory"
    attack: Callable[[Besieged], None] = everything


LEAKS = {
    "a key prints itself, and somebody prints it": Leak(
        """
        import sys
        from sidecar.keys.changes import Changes
        from sidecar.keys.secret import Secret
        Secret.__repr__ = lambda self: self._value
        used = Changes.store
        async def store(self, slot, key, *more):
            print("storing", repr(key), file=sys.stderr)
            return await used(self, slot, key, *more)
        Changes.store = store
        """,
        "stderr",
    ),
    "errors pass unredacted": Leak(
        """
        from sidecar.keys import redaction
        redaction.KnownSecrets.replaced = lambda self, text: text
        """,
        "stdout",
    ),
    "errors know the key as it is alone": Leak(
        """
        from sidecar.keys import redaction
        redaction._forms = lambda secret: [secret]
        """,
        "stdout",
    ),
    "names of models pass unredacted": Leak(
        """
        from sidecar.providers.formats.openai_chat import models
        models.without_secrets = lambda text: text
        """,
        "stdout",
    ),
    "the fingerprint is the key's beginning": Leak(
        """
        from sidecar.keys.index import Index
        Index.fingerprint = lambda self, key: key.reveal()[:12]
        """,
        "stdout",
    ),
    "the fingerprint is the key": Leak(
        """
        from sidecar.keys.index import Index
        Index.fingerprint = lambda self, key: key.reveal()
        """,
        "stdout",
    ),
    "the vault does not encrypt": Leak(
        """
        from sidecar.keys import vault
        vault.encrypt = lambda key, plain, associated: (bytes(12), plain)
        vault.decrypt = lambda key, nonce, cipher, associated: cipher
        """,
        "file home/sidecar.db",
        store="vault",
    ),
    "the vault keeps its key in base64": Leak(
        """
        import base64
        from sidecar.keys import vault
        vault.encrypt = lambda key, plain, associated: (b"", base64.b64encode(b"1" + plain))
        vault.decrypt = lambda key, nonce, cipher, associated: base64.b64decode(cipher)[1:]
        """,
        "file home/sidecar.db",
        store="vault",
    ),
    "the worker inherits the environment": Leak(
        """
        import os
        from sidecar import app
        from sidecar.local import process
        app._without = lambda variables: dict(os.environ)
        process.without_secrets = dict
        """,
        "environment of",
        store="environment",
        attack=the_worker,
    ),
    "the worker inherits a variable whose name tells nothing": Leak(
        """
        import os
        from sidecar import app
        app._without = lambda variables: dict(os.environ)
        """,
        "environment of",
        store="environment",
        attack=the_worker,
    ),
    "a process is started with the key as an argument": Leak(
        """
        import subprocess, sys
        from sidecar.providers.client import Client
        run = Client.run
        async def run_with_helper(self, wire, request, target, sink):
            if target.key:
                subprocess.Popen(
                    [sys.executable, "-c", "import sys; sys.stdin.read()", target.key.reveal()],
                    stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                )
            await run(self, wire, request, target, sink)
        Client.run = run_with_helper
        """,
        "command line of",
    ),
    "a hint shows the key": Leak(
        """
        from sidecar import errors
        from sidecar.keys.custody import Custody
        mismatch = Custody._mismatch
        def with_key(self, entry, wanted, execution_id):
            error = mismatch(self, entry, wanted, execution_id)
            error.hint = f"Your key is {self.holdings.opened(entry.slot).api_key.reveal()}."
            return error
        Custody._mismatch = with_key
        errors.scrub = lambda text: text
        """,
        "stdout",
    ),
    "the audit writes the key down": Leak(
        """
        from sidecar.keys import audit
        from sidecar.engine import attempts
        use = attempts._use
        async def use_with_key(custody, entry, wanted, sink, send, key):
            sink.execution_id = key.reveal()
            await use(custody, entry, wanted, sink, send, key)
        attempts._use = use_with_key
        audit.KNOWN = type("Nothing", (), {"replaced": staticmethod(lambda text: text)})
        """,
        "file home/sidecar.db",
    ),
    "the client follows redirects, with the key": Leak(
        """
        import httpx
        send = httpx.AsyncClient.send
        async def follow(self, request, **more):
            return await send(self, request, **{**more, "follow_redirects": True})
        httpx.AsyncClient.send = follow
        httpx.AsyncClient._redirect_headers = lambda self, request, url, method: request.headers
        """,
        "sent elsewhere",
    ),
    "any origin will do": Leak(
        """
        from dataclasses import replace
        from sidecar.keys import custody
        from sidecar.keys.wanted import Wanted
        Wanted.fits = lambda self, entry: True
        opened = custody.Custody.open
        async def open(self, entry, wanted, execution_id):
            return await opened(self, entry, replace(wanted, origin=entry.origins[0]), execution_id)
        custody.Custody.open = open
        """,
        "sent elsewhere",
    ),
    "pasted keys are not refused": Leak(
        """
        from sidecar.keys.guard import Guard
        Guard.refuse_keys = lambda self, params, but=(): None
        """,
        "stdout",
    ),
    "a task ends by an error that has the key in it": Leak(
        """
        import sys
        from sidecar import logs
        from sidecar.engine import attempts
        logs.scrub = lambda text: text
        use = attempts._use
        async def use_and_fail(custody, entry, wanted, sink, send, key):
            await use(custody, entry, wanted, sink, send, key)
            raise RuntimeError(f"it was {key.reveal()}")
        attempts._use = use_and_fail
        """,
        "stderr",
    ),
    "a copy for debugging is kept in the folder for temporary files": Leak(
        """
        import tempfile
        from pathlib import Path
        from sidecar.providers.client import Client
        run = Client.run
        async def run_with_copy(self, wire, request, target, sink):
            if target.key:
                Path(tempfile.gettempdir(), "debug.txt").write_text(target.key.reveal()[::1])
            await run(self, wire, request, target, sink)
        Client.run = run_with_copy
        """,
        "file tmp",
    ),
}


@pytest.mark.parametrize("name", LEAKS)
def test_a_planted_leak_is_found(name: str) -> None:
    leak = LEAKS[name]
    code = "\n".join(line[8:] for line in leak.patch.splitlines())
    with besieged(leak.store, code) as siege:
        leak.attack(siege)
        found = {finding.place for finding in siege.hunt(parts="beginning" in name)}
    assert [place for place in found if place.startswith(leak.places)], found


@pytest.mark.parametrize("store", STORES)
def test_where_none_is_planted_none_is_found(store: str, request: pytest.FixtureRequest) -> None:
    with besieged(store, **environment_of(store, request)) as siege:
        everything(siege)
        assert siege.hunt(parts=False) == []


@pytest.mark.parametrize("form", HIDDEN.forms)
def test_a_key_is_found_in_a_line_in_whatever_form_it_stands_there(form: str) -> None:
    text = f"Wrong key: {HIDDEN.forms[form].decode()}."
    line = json.dumps({"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "message": text}}).encode()
    assert Hunter([HIDDEN], parts=False).in_lines([b"{}", line])

"""The threat: another program of this machine looks at the sidecar from outside.

At its files, its sockets, its memory in a core file, and the processes that it starts.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from itertools import product
from pathlib import Path

import psutil
import pytest

from tests.conftest import needs_llama_cpp
from tests.security.attacks import BESIDE, TARGET
from tests.security.besieged import Besieged, besieged
from tests.security.canary import HIDDEN, PASTED, SHAPED

posix = pytest.mark.skipif(sys.platform == "win32", reason="modes of Unix")
linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc")
CHAT = {"messages": [{"role": "user", "content": "The sun"}], "max_tokens": 4}
OPEN_TO_OTHERS = 0o077
UNDUMPABLE = "from sidecar import app; app.forbid_core_dumps = lambda: None"


@posix
def test_nobody_else_can_read_what_it_writes(siege: Besieged) -> None:
    siege.lay_canaries(TARGET)
    siege.ask([("list_audit_events", {}), ("set_active_provider", {"provider": TARGET})])
    assert siege.database.exists()
    modes = {path: path.stat().st_mode for path in (siege.home, *siege.home.rglob("*"))}
    del modes[siege.home / "config.toml"]  # the user's own
    for path, mode in modes.items():
        assert stat.S_IMODE(mode) == (0o700 if path.is_dir() else 0o600), path


@posix
def test_a_home_that_is_open_to_others_is_closed_and_told(siege: Besieged) -> None:
    siege.lay_canaries(TARGET)
    siege.ask([("set_active_provider", {"provider": TARGET})])

    def loosen() -> None:
        siege.home.chmod(0o755)
        siege.database.chmod(0o644)

    siege.restart(loosen)
    problems = siege.call("initialize")["result"]["problems"]
    assert sum("open to other users" in each for each in problems) == 2
    assert not siege.home.stat().st_mode & OPEN_TO_OTHERS
    assert not siege.database.stat().st_mode & OPEN_TO_OTHERS


@linux
def test_no_core_file_is_written_of_it(siege: Besieged) -> None:
    limits = Path(f"/proc/{siege.peer.process_id}/limits").read_text(encoding="ascii")
    [line] = [each for each in limits.splitlines() if each.startswith("Max core file size")]
    assert line.split()[4] == "0"


def test_it_listens_on_no_socket() -> None:
    # Whether a process can be looked into is no matter here: who may not, sees no sockets either.
    with besieged("memory", UNDUMPABLE) as siege:
        siege.lay_canaries(TARGET)
        assert HIDDEN.value in siege.heard_by_the_model()
        process = psutil.Process(siege.peer.process_id)
        found = process.net_connections(kind="inet")
        assert found, "not even the connection to the provider was seen"
        assert [each for each in found if each.status == psutil.CONN_LISTEN] == []
        unix = [str(each.laddr) for each in process.net_connections(kind="unix")]
        assert set(unix) <= {""}, "a socket with a name"


@linux
def test_the_worker_gets_no_key(siege: Besieged) -> None:
    needs_llama_cpp()
    siege.lay_canaries(TARGET)
    answer = siege.call("call_ai_provider", provider="local", request=CHAT)
    assert answer["result"]["content"], answer
    workers = psutil.Process(siege.peer.process_id).children()
    assert workers
    assert b"PATH=" in Path(f"/proc/{workers[0].pid}/environ").read_bytes()
    assert siege.hunt() == []


def test_a_key_of_the_environment_is_known_before_anybody_used_it() -> None:
    with besieged("environment") as siege:
        for key, provider in product((HIDDEN.value, SHAPED.value), (TARGET, "local", None)):
            request = {"model": "demo", "messages": [{"role": "user", "content": f"My key: {key}"}]}
            answer = siege.call("call_ai_provider", request=request, provider=provider)
            assert answer["error"]["code"] == -32602, answer
        assert siege.servers.hostile.requests == []
        assert siege.hunt() == []


def test_keys_in_the_wrong_places_of_config_toml_are_not_shown() -> None:
    with besieged("environment") as siege:
        config = siege.home / "config.toml"
        keys = [HIDDEN.value, SHAPED.value]
        lines = [f"{json.dumps(key)} = 1" for key in keys]
        for number, key in enumerate(keys):
            lines += [f"[providers.p{number}]", 'format = "openai_chat"']
            lines += [f"base_url = {json.dumps(key)}", f"{json.dumps(key)} = 1"]
            lines += [f"[providers.q{number}]", f"format = {json.dumps(key)}"]
            lines += [f"[providers.{json.dumps(key)}]", "display_name = 7"]
        whole = config.read_text(encoding="utf-8") + "\n"
        siege.restart(
            lambda: config.write_text("\n".join([lines[0], whole, *lines[2:]]), encoding="utf-8")
        )
        problems = siege.call("initialize")["result"]["problems"]
        assert len(problems) > 4, problems
        config.write_text("", encoding="utf-8")
        assert siege.hunt(parts=False) == []


def test_what_was_deleted_is_in_no_file_any_more(siege: Besieged) -> None:
    siege.lay_canaries(TARGET, BESIDE)
    for provider in (TARGET, BESIDE):
        siege.call("delete_api_key", provider=provider)
    siege.call("delete_api_key", provider="openai", key_id="pasted")
    assert siege.hunt() == []
    siege.lay_canaries(TARGET)
    assert PASTED.value not in os.environ.values()

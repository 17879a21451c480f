"""What a start waits for: the modules that are loaded when the first request is answered.

Each costs every start of every app some time. A new one needs a line here, and a reason in review;
what only some requests need is imported by those, or by `App._warm` after the first answer.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable

import pytest

from tests.conftest import clean_environment

OURS = {
    "sidecar": "__main__ app contract errors filelock frozen logs settings unpacked values",
    "sidecar.engine": "addresses agent_block attempts directory estimate execution executions jobs"
    " manager network on_this_machine preferences questions remote structured transcript unheeded",
    "sidecar.handlers": "chat keys models system tokens",
    "sidecar.keys": "audit chain changes checkpoint ciphers claim custody door environment events"
    " guard hardening holdings index keyring_store leftovers memory oversight pasted redaction"
    " sealer seals secret serial store stores vault wanted watch wrapping",
    "sidecar.local": "models place process protocol requests supervisor",
    "sidecar.providers": "catalog deadlines format formats framing local network pieces presence"
    " sink vendor",
    "sidecar.providers.network": "proxies",
    "sidecar.values": "answers messages requests words",
    "sidecar.records": "database",
    "sidecar.rpc": "descriptors inbox lines messages methods params server stdio",
}
OTHERS = {
    "anyio", "sniffio", "typing_extensions", "idna", "msgspec", "jsonrpcserver", "oslash",
    # what jsonrpcserver brings; it is a quarter of the start
    "attr", "attrs", "jsonschema", "jsonschema_specifications", "referencing", "rpds",
}  # fmt: skip
PYTHONS_OWN = {
    "argparse", "array", "ast", "asyncio", "atexit", "base64", "binascii", "bisect", "bz2",
    "calendar", "collections", "concurrent", "contextlib", "contextvars", "copy", "copyreg",
    "ctypes", "dataclasses", "datetime", "decimal", "difflib", "dis", "email", "encodings", "enum",
    "errno", "fcntl", "fnmatch", "fractions", "functools", "gettext", "hashlib", "heapq", "hmac",
    "html", "importlib", "inspect", "io", "ipaddress", "itertools", "json", "keyword", "linecache",
    "locale", "logging", "lzma", "math", "mimetypes", "numbers", "operator", "os", "pathlib",
    "platform", "pprint", "queue", "quopri", "random", "re", "reprlib", "resource", "secrets",
    "select", "selectors", "shutil", "signal", "socket", "socketserver", "stat", "string",
    "struct", "subprocess", "tempfile", "textwrap", "threading", "time", "token", "tokenize",
    "tomllib", "traceback", "types", "typing", "unicodedata", "urllib", "uuid", "warnings",
    "weakref", "zipfile", "zlib",
    # … of these jsonschema alone has need, for schemas on the web
    "http", "ssl",
}  # fmt: skip
"""Python 3.11's. Its other versions have split some of them, and load a little more or less."""
ALWAYS = {
    "abc", "codecs", "genericpath", "ntpath", "opcode", "posixpath", "site", "zipimport",
}  # fmt: skip
"""What Python itself loads before anything else, or another part of what is loaded."""

DRIVER = """
import json, sys
from sidecar import contract
from sidecar.__main__ import main
from sidecar.rpc.methods import Method
ping = contract.METHODS["ping"]
def tell(app, params, call):
    return {"modules": sorted(sys.modules), "builtin": sys.builtin_module_names,
            "python": sorted(sys.stdlib_module_names)}
contract.METHODS["ping"] = Method(ping.params, ping.result, tell)
sys.exit(main([]))
"""


Told = dict[str, list[str]]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """What a sidecar says of itself when it is asked first."""
    done = subprocess.run(
        [sys.executable, "-c", DRIVER],
        input=b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n',
        capture_output=True,
        env=clean_environment(tmp_path_factory.mktemp("first") / "home"),
        check=True,
        timeout=30,
    )
    found: Told = json.loads(done.stdout)["result"]
    return found


def names(modules: Iterable[str]) -> set[str]:
    """The packages that modules are in."""
    return {each.partition(".")[0] for each in modules}


def test_of_the_sidecar_the_first_answer_waits_for_these_modules(told: Told) -> None:
    allowed = {
        *OURS,
        *(f"{package}.{name}" for package, text in OURS.items() for name in text.split()),
    }
    found = {each for each in told["modules"] if each.partition(".")[0] == "sidecar"}
    assert found == allowed


def test_of_others_packages_the_first_answer_waits_for_these(told: Told) -> None:
    # `site` loads the second for editable installations and for setuptools
    of_the_environment = {"__main__", "_distutils_hack", "sitecustomize", "usercustomize"}
    found = names(told["modules"]) - set(told["python"]) - {"sidecar"} - of_the_environment
    assert found == OTHERS


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the list is Python 3.11's")
def test_of_python_the_first_answer_waits_for_these_modules(told: Told) -> None:
    found = names(told["modules"]) & set(told["python"]) - set(told["builtin"])
    assert {each for each in found if not each.startswith("_")} - ALWAYS <= PYTHONS_OWN


def test_what_only_some_requests_need_is_loaded_by_those(told: Told) -> None:
    dear = {"httpx", "httpcore", "keyring", "cryptography", "sqlite3", "llama_cpp", "numpy"}
    assert not names(told["modules"]) & dear

"""Who may know whom: imports point downwards only (CONTRIBUTING.md)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache

import pytest

from tests.conftest import ROOT

FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "sidecar").rglob("*.py"))
}


@cache
def imports(module: str, *, at_start: bool = False) -> set[str]:
    """Return what a module imports, TYPE_CHECKING apart; `at_start`: when it is imported itself."""
    tree = ast.parse(FILES[module].read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in statements(tree, at_start=at_start):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports by a relative name"
            assert node.module is not None
            # `from a import b` may name the module a.b
            found |= {node.module, *(f"{node.module}.{each.name}" for each in node.names)}
    # a package is no dependency of what is inside of it
    found = {each for each in found if not f"{module}.".startswith(f"{each}.")}
    return {each for each in found if not each.startswith("sidecar") or each in FILES}


def statements(node: ast.AST, *, at_start: bool) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        if at_start and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        yield child
        yield from statements(child, at_start=at_start)


def reaches(module: str) -> set[str]:
    """Return everything that importing a module imports, as far as it is the sidecar's own."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        for each in imports(waiting.pop(), at_start=True) - found:
            found.add(each)
            waiting += [each] if each in FILES else []
    return found


def importers(*names: str) -> set[str]:
    """Return the modules that import one of these or something inside of one."""
    return {
        module
        for module in FILES
        for each in imports(module)
        if any(each == name or each.startswith(f"{name}.") for name in names)
    }


def below(package: str) -> set[str]:
    return {module for module in FILES if f"{module}.".startswith(f"sidecar.{package}.")}


@pytest.mark.parametrize(
    "module",
    [
        "sidecar.values",
        "sidecar.errors",
        "sidecar.providers.framing",
        "sidecar.rpc.lines",
        "sidecar.rpc.messages",
        "sidecar.engine.transcript",
        *sorted(below("providers.formats")),
    ],
)
def test_what_is_pure_knows_no_clock_no_loop_and_no_network(module: str) -> None:
    known = {each.partition(".")[0] for each in reaches(module)}
    unwanted = {"anyio", "asyncio", "httpx", "time", "threading", "socket", "sqlite3", "subprocess"}
    assert not known & unwanted


def test_the_protocol_knows_no_provider_and_no_method() -> None:
    known = importers("sidecar.providers", "sidecar.engine", "sidecar.handlers", "sidecar.local")
    assert not known & below("rpc")


def test_providers_know_nobody_above_them() -> None:
    known = importers("sidecar.engine", "sidecar.handlers", "sidecar.app", "sidecar.contract")
    assert not known & (below("providers") | below("local") | below("keys") | below("records"))


def test_the_engine_knows_no_method() -> None:
    assert not importers("sidecar.handlers", "sidecar.app", "sidecar.contract") & below("engine")


NETWORK = {
    "connecting": "events of httpcore",
    "pools": "httpx's transport",
    "routes": "the system's proxies, by urllib.request",
    "tls_faults": "errors of ssl",
    "trust": "ssl's context",
}
"""Of `providers/network`, who knows something of the network, and what."""


def test_one_file_opens_connections_one_reads_answers_and_one_explains_errors() -> None:
    network = ("httpx", "httpcore", "aiohttp", "requests", "urllib.request", "http.client", "ssl")
    readers = {"sidecar.providers.client", "sidecar.providers.answering"}
    sending = readers | {"sidecar.providers.httpx_errors"}
    beneath = {f"sidecar.providers.network.{name}" for name in NETWORK}
    assert importers(*network) == sending | beneath
    assert importers("sidecar.providers.answering") == {"sidecar.providers.client"}
    assert importers("sidecar.providers.httpx_errors") == readers
    assert importers("sidecar.providers.network.pools") == {"sidecar.providers.client"}
    # it sets options of a socket that httpcore has opened
    assert importers("socket") == {"sidecar.providers.network.connecting"}
    assert not importers("socketserver", "http.server")


def test_three_files_import_llama_cpp_and_one_process_them() -> None:
    beneath = {"sidecar.local.prompts", "sidecar.local.vectors"}
    assert importers("llama_cpp") == {"sidecar.local.engine"} | beneath
    assert importers(*beneath) == {"sidecar.local.engine"}
    assert importers("sidecar.local.engine") == {"sidecar.local.worker"}
    assert importers("sidecar.local.worker") == set()


def test_only_the_room_of_keys_sees_where_secrets_are_kept() -> None:
    assert importers("keyring", "cryptography") <= below("keys")


def test_only_keys_environment_reads_keys_from_the_environment() -> None:
    reads = {
        module
        for module, path in FILES.items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("os.environ.get", "os.getenv")
        and not names_its_variable(node.args[0])
    }
    # the catalogue names the variables of addresses
    assert reads == {"sidecar.keys.environment", "sidecar.engine.addresses"}


def names_its_variable(argument: ast.expr) -> bool:
    """True for a constant of this file, and for a literal that is no key's name."""
    if isinstance(argument, ast.Constant):
        return not str(argument.value).endswith("_API_KEY")
    return isinstance(argument, ast.Name) and argument.id.isupper()


def test_only_the_command_line_knows_the_whole() -> None:
    assert importers("sidecar.app") == {"sidecar.__main__"}


def test_there_are_no_circles() -> None:
    assert [module for module in FILES if module in reaches(module)] == []

"""Which of the places where a proxy may be named counts."""

from __future__ import annotations

import sys
import urllib.request
from collections.abc import Mapping

import pytest

from sidecar.errors import ConfigError
from sidecar.providers.network.proxies import Choice, parse
from sidecar.providers.network.routes import Routes

pytestmark = pytest.mark.anyio

ALL = {
    "HTTPS_PROXY": "http://https.example:1",
    "HTTP_PROXY": "http://http.example:1",
    "ALL_PROXY": "http://all.example:1",
}
GIVEN = parse("http://given.example:1", "config.toml")
OWN = parse("http://own.example:1", "config.toml")


async def host_of(
    environ: Mapping[str, str], given: Choice = None, own: Choice = None, scheme: str = "https"
) -> str | None:
    """The host of the proxy for api.example."""
    found = await Routes(given, environ).to(scheme, "api.example", 443, own)
    return found.host if found else None


@pytest.mark.parametrize(
    ("environ", "scheme", "host"),
    [
        ({}, "https", None),
        (ALL, "https", "https.example"),
        (ALL, "http", "http.example"),
        ({"HTTP_PROXY": "x"}, "https", None),
        ({"ALL_PROXY": "all.example"}, "https", "all.example"),
        ({"all_proxy": "small.example", **ALL}, "https", "https.example"),
        ({"https_proxy": "small.example", **ALL}, "https", "small.example"),
        ({"https_proxy": "", "HTTPS_PROXY": "big.example"}, "https", None),
        ({"NO_PROXY": ".example", **ALL}, "https", None),
        ({"no_proxy": "other", "NO_PROXY": ".example", **ALL}, "https", "https.example"),
    ],
)
async def test_variables_name_a_proxy(
    environ: dict[str, str], scheme: str, host: str | None
) -> None:
    assert await host_of(environ, scheme=scheme) == host


async def test_config_toml_comes_before_variables_and_the_provider_before_all() -> None:
    assert await host_of(ALL, GIVEN) == "given.example"
    assert await host_of(ALL, GIVEN, OWN) == "own.example"
    assert await host_of(ALL, "direct") is None
    assert await host_of(ALL, GIVEN, "direct") is None
    assert await host_of(ALL, "direct", OWN) == "own.example"


async def test_no_proxy_holds_for_what_is_for_all_and_not_for_a_provider_s_own() -> None:
    environ = {"NO_PROXY": "api.example"}
    assert await host_of(environ, GIVEN) is None
    assert await host_of(environ, GIVEN, OWN) == "own.example"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
async def test_this_machine_is_asked_directly_whatever_is_set(host: str) -> None:
    for given, own in ((GIVEN, OWN), ("unusable", "unusable"), (None, None)):
        assert await Routes(given, ALL).to("https", host, 443, own) is None  # type: ignore[arg-type]


async def test_what_cannot_be_followed_is_an_error_and_not_a_direct_way() -> None:
    with pytest.raises(ConfigError, match="nothing was sent"):
        await host_of({}, "unusable")
    with pytest.raises(ConfigError, match="nothing was sent"):
        await host_of({}, GIVEN, "unusable")
    with pytest.raises(ConfigError, match="SOCKS"):
        await host_of({"ALL_PROXY": "socks5://127.0.0.1:1080"})
    assert await host_of({}, "unusable", OWN) == "own.example"


async def test_problems_of_variables_are_told() -> None:
    [told] = Routes(environ={"https_proxy": "socks5://ada:hunter2@h"}).problems()
    assert "HTTPS_PROXY names a SOCKS proxy" in told
    assert "hunter2" not in told
    assert list(Routes(environ=ALL).problems()) == []


# --- the system's settings: what Python reads them with stands in for them ------------------------

SYSTEMS = {
    "darwin": ("getproxies_macosx_sysconf", "proxy_bypass_macosx_sysconf"),
    "win32": ("getproxies_registry", "proxy_bypass_registry"),
}


@pytest.fixture(params=SYSTEMS)
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A system of that kind, and the proxies of its settings; it bypasses hosts of `inside`."""
    proxies: dict[str, str] = {}
    settings, bypass = SYSTEMS[request.param]
    monkeypatch.setattr(sys, "platform", request.param)
    monkeypatch.setattr(urllib.request, settings, lambda: proxies, raising=False)
    monkeypatch.setattr(urllib.request, bypass, lambda host: host.endswith("inside"), raising=False)
    return proxies


async def test_the_system_s_proxy_counts_where_nothing_else_is_set(system: dict[str, str]) -> None:
    assert await host_of({}) is None
    system["https"] = "http://system.example:8080"  # it was changed while the sidecar runs
    assert await host_of({}) == "system.example"
    assert await host_of({"NO_PROXY": "other"}) == "system.example"
    assert await host_of({"NO_PROXY": "example"}) is None
    assert await host_of(ALL) == "https.example"
    assert await host_of({}, "direct") is None
    assert await Routes(environ={}).to("https", "llm.inside", 443) is None


async def test_a_system_s_socks_proxy_is_refused_in_plain_words(system: dict[str, str]) -> None:
    system["socks"] = "http://127.0.0.1:1080"
    with pytest.raises(ConfigError, match="The system's proxy setting names a SOCKS proxy"):
        await host_of({})
    system["https"] = "http://system.example:8080"
    assert await host_of({}) == "system.example"

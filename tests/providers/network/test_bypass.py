"""NO_PROXY, in the forms that people use."""

from __future__ import annotations

import pytest

from sidecar.providers.network.bypass import Bypass, is_this_machine


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "LOCALHOST", "localhost.", "app.localhost", "127.0.0.1", "127.8.9.10", "::1",
        "[::1]", "::ffff:127.0.0.1", "0.0.0.0", "::",  # noqa: S104 - nobody binds
    ],
)  # fmt: skip
def test_loopback_is_this_machine(host: str) -> None:
    assert is_this_machine(host)


@pytest.mark.parametrize(
    "host", ["localhost.example", "mylocalhost", "128.0.0.1", "::2", "10.0.0.1"]
)
def test_nothing_else_is_this_machine(host: str) -> None:
    assert not is_this_machine(host)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("*", "api.example", 443),
        ("api.example", "api.example", 443),
        ("API.Example.", "api.example", 443),
        ("api.example", "API.EXAMPLE.", 443),
        ("example", "api.example", 443),
        (".example", "api.example", 443),
        (".example", "example", 443),
        ("*.example", "a.b.example", 443),
        ("*corp*", "llm.corp.example", 443),
        ("other, ,api.example", "api.example", 443),
        ("other api.example", "api.example", 443),
        ("api.example:443", "api.example", 443),
        ("10.0.0.0/8", "10.1.2.3", 443),
        ("10.0.0.1/8", "10.1.2.3", 443),
        ("10.1.2.3", "10.1.2.3", 443),
        ("10.1.2.3:443", "10.1.2.3", 443),
        ("10.1.*", "10.1.2.3", 443),
        ("fd00::/8", "fd12::1", 443),
        ("fd12::1", "fd12:0::1", 443),
        ("[fd12::1]", "fd12::1", 443),
        ("[fd12::1]:8443", "fd12::1", 8443),
    ],
)
def test_a_host_is_covered(text: str, host: str, port: int) -> None:
    assert Bypass(text).covers(host, port)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("", "api.example", 443),
        (",. ,", "api.example", 443),
        ("api.example", "notapi.example", 443),
        ("api.example", "api.example.org", 443),
        (".example", "myexample", 443),
        ("api.example:8443", "api.example", 443),
        ("10.0.0.0/8", "11.1.2.3", 443),
        ("10.0.0.0/8", "ten.example", 443),
        ("10.0.0.0/99", "10.1.2.3", 443),
        ("fd12::1", "fd12::2", 443),
        ("1.2.3", "0.1.2.3", 443),
        ("[fd12::1]:8443", "fd12::1", 443),
    ],
)
def test_a_host_is_not_covered(text: str, host: str, port: int) -> None:
    assert not Bypass(text).covers(host, port)


def test_what_looks_like_a_network_and_is_none_can_be_told() -> None:
    assert Bypass("10.0.0.0/8, 10.0.0.0/99, a/b").unread == ["10.0.0.0/99", "a/b"]

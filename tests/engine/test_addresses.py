"""Which addresses a provider may have, and when two are the same place."""

from __future__ import annotations

import pytest

from sidecar.engine.directory import checked_url, origin
from sidecar.errors import ConfigError


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://a.example", "https://a.example"),
        (" https://a.example/v1// ", "https://a.example/v1"),
        ("HTTPS://A.example:8443/v1", "HTTPS://A.example:8443/v1"),
        ("http://localhost:1/v1", "http://localhost:1/v1"),
        ("http://127.0.0.1:1", "http://127.0.0.1:1"),
        ("http://[::1]:1/v1/", "http://[::1]:1/v1"),
    ],
)
def test_an_address_that_is_safe_is_taken(url: str, kept: str) -> None:
    assert checked_url(url) == kept


@pytest.mark.parametrize(
    "url",
    [
        "", "a.example", "ftp://a.example", "file:///etc/passwd", "javascript:alert(1)",
        "https://", "https:///v1", "https://a.example:99999", "https://a.example:0", "https://[::1",
        "http://a.example", "http://localhost.a.example", "http://127.0.0.1.a.example",
        "http://127.1", "http://2130706433", "http://0.0.0.0:1", "http://169.254.169.254/latest",
        "https://user@a.example", "https://user:pass@a.example", "https://@a.example",
        "https://a.example/v1?x=1", "https://a.example/v1?", "https://a.example/#x",
        "https://a.example/#", "https://a.example\\@b.example", "https://a.ex\nample/v1",
        "https://a.example/\tv1", "https://a.example/v 1", "https://a.example/\x00",
        "https://a.example\\b",
    ],
)  # fmt: skip
def test_any_other_address_is_refused(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        checked_url(url)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://a.example", "HTTPS://A.EXAMPLE:443/v1/x"),
        ("http://localhost", "http://LOCALHOST:80"),
        ("http://[::1]:5/", "http://[::1]:5/v1"),
    ],
)
def test_an_origin_is_scheme_host_and_port(one: str, other: str) -> None:
    assert origin(one) == origin(other)


@pytest.mark.parametrize(
    "other", ["http://a.example", "https://a.example:444", "https://b.a.example"]
)
def test_another_scheme_host_or_port_is_another_origin(other: str) -> None:
    assert origin(other) != origin("https://a.example")

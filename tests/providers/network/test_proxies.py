"""A proxy's address, as people write it."""

from __future__ import annotations

import pytest

from sidecar.errors import ConfigError
from sidecar.providers.network.proxies import choice, parse

NAMED = "HTTPS_PROXY"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("http://proxy.example:3128", "http://proxy.example:3128"),
        ("HTTP://Proxy.Example:3128/", "http://proxy.example:3128"),
        ("proxy.example:3128", "http://proxy.example:3128"),
        ("  proxy.example  ", "http://proxy.example:80"),
        ("https://proxy.example", "https://proxy.example:443"),
        ("http://[2001:db8::1]:3128", "http://[2001:db8::1]:3128"),
        ("ada:secret@proxy.example:3128", "http://proxy.example:3128"),
    ],
)
def test_an_address_is_read_as_people_write_it(text: str, address: str) -> None:
    assert parse(text, NAMED).address == address


def test_a_user_name_and_a_password_are_decoded_and_in_no_text() -> None:
    proxy = parse("http://a%40da:p%40ss%3A%2Fw@proxy.example:3128", NAMED)
    assert proxy.user == "a@da"
    assert proxy.password is not None
    assert proxy.password.reveal() == "p@ss:/w"
    told = f"{proxy!r} {proxy.address} {proxy.password}"
    assert not [word for word in ("p@ss", "a@da") if word in told]


@pytest.mark.parametrize(
    "text",
    [
        "ftp://ada:hunter2@proxy.example",
        "http://ada:hunter2#x@proxy.example:80",
        "http://ada:hunter2/x@proxy.example:80",
        "http://ada:12?hunter2@proxy.example:80",
        "http://ada:hunter2@proxy.example:port",
        "http://ada:hunter2@proxy.example:99999",
        "http://ada:hunter2@:80",
        "http://ada:hunter2@proxy example:80",
        "http://ada:hunter2@[::1",
        "http://ada:hunter2\x00@proxy.example",
        "",
        "://",
    ],
)
def test_what_is_no_address_is_told_without_quoting_it(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, NAMED)
    told = f"{caught.value.message} {caught.value.hint}"
    assert NAMED in told
    assert "http://proxy.example:3128" in told
    assert "hunter2" not in told
    assert "ada" not in told


@pytest.mark.parametrize("scheme", ["socks", "socks4", "socks5", "socks5h"])
def test_socks_is_refused_in_plain_words(scheme: str) -> None:
    with pytest.raises(ConfigError, match="SOCKS proxy; those are not supported") as caught:
        parse(f"{scheme}://ada:hunter2@127.0.0.1:1080", NAMED)
    assert "HTTP proxy" in caught.value.hint
    assert "hunter2" not in f"{caught.value.message} {caught.value.hint}"


def test_a_choice_is_an_address_or_the_word_direct_or_nothing() -> None:
    assert choice(None, NAMED) is None
    assert choice(" Direct ", NAMED) == "direct"
    assert choice("proxy.example", NAMED) == parse("proxy.example", NAMED)
    with pytest.raises(ConfigError):
        choice("", NAMED)

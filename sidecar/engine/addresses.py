"""Addresses of providers: what is wrong with one, where it leads, what the environment gives."""

from __future__ import annotations

import os
import re
from urllib.parse import urlsplit, urlunsplit

from sidecar.errors import ConfigError

_NOT_IN_A_URL = re.compile(r"[\x00-\x20\x7f\\]")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - asked, not listened at


def checked_url(url: str) -> str:
    """Return a base URL without its trailing slash. Raises `ConfigError` where it is unsafe."""
    url = url.strip()
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        message = f"This is not a URL: {error}."
        raise ConfigError(message, hint="Give a URL like https://host/v1.") from None
    if "@" in parts.netloc:  # first of all: what stands there is a password and is not quoted
        message = "A base_url has no user name and no password."
        raise ConfigError(message, hint="Give scheme, host, port and path alone.")
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        message = f"{url!r} is not the URL of a server."
        raise ConfigError(message, hint="Give a URL like https://host/v1.")
    if _NOT_IN_A_URL.search(url):
        # urlsplit passes over some of these: what it finds would not be what is asked.
        message = f"{url!r} has characters that no URL has."
        raise ConfigError(message, hint="Give a URL like https://host/v1.")
    if "?" in url or "#" in url:
        message = "A base_url has no query or fragment."
        raise ConfigError(message, hint="Give scheme, host, port and path alone.")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        message = f"{parts.hostname} is another machine: its base_url must use https."
        raise ConfigError(message, hint="Plain http is for servers on this machine only.")
    return url.rstrip("/")


def origin(url: str) -> str:
    """Scheme, host and port (RFC 6454), the default port written out."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    host = parts.hostname or ""
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def from_environment(variable: str, usual: str | None) -> str | None:
    """Return the URL that a variable holds, None where it is not set.

    What it leaves out is taken from `usual`: OLLAMA_HOST may be `:8080`, or a host alone. The
    address at which a server listens to all networks (`0.0.0.0`) is this machine. The URL is not
    checked here.
    """
    given = os.environ.get(variable, "").strip()
    if not given:
        return None
    scheme, found, rest = given.partition("://")
    parts = urlsplit(usual or "")
    if not found:
        scheme, rest = parts.scheme or "https", given
    try:
        named = urlsplit(f"{scheme}://{rest}")
        host, port = named.hostname or parts.hostname or "", named.port
    except ValueError:
        return given
    if named.username is not None or named.query or named.fragment:
        return given
    host = _EVERYWHERE.get(host, host)
    port = port if found or port is not None else parts.port
    place = f"[{host}]" if ":" in host else host
    place = place if port is None else f"{place}:{port}"
    return urlunsplit((scheme, place, named.path, "", ""))

"""A proxy's address, read strictly. What it is asked with is never part of any text.

Proxies that speak HTTP serve, to which the way is plain or TLS. SOCKS is refused in plain words.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote, urlsplit

from sidecar.errors import ConfigError
from sidecar.keys.secret import Unlisted

Scheme = Literal["http", "https"]
_PORTS: dict[Scheme, int] = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, and for people where it is named: a variable, a key of config.toml."""

    scheme: Scheme
    host: str
    port: int
    named_by: str
    user: str | None = field(default=None, repr=False)
    password: Unlisted | None = None
    """`Unlisted`: people choose it, and the redaction would let others try out words."""

    @property
    def address(self) -> str:
        """Where it is, without user name and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


Choice = Proxy | Literal["direct", "unusable"] | None
"""What config.toml says; None: nothing. `unusable`: it says what can't be followed."""


def choice(text: str | None, named_by: str) -> Choice:
    """Read a `proxy` of config.toml. Raises `ConfigError`."""
    if text is None:
        return None
    return "direct" if text.strip().lower() == "direct" else parse(text, named_by)


def parse(text: str, named_by: str) -> Proxy:
    """Read an address like `http://user:password@proxy.example:3128`. Raises `ConfigError`.

    Nothing of it is quoted, since a password may be anywhere in what is misspelt.
    """
    text = text.strip()
    if "://" not in text:  # as everybody allows it to be written
        text = f"http://{text}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _refused(named_by, "it is no address") from None
    if parts.scheme.startswith("socks"):
        message = f"{_begun(named_by)} names a SOCKS proxy; those are not supported."
        hint = (
            f"Set {named_by} to an HTTP proxy, like http://127.0.0.1:8080; most programs that "
            "offer SOCKS offer one, too."
        )
        raise ConfigError(message, hint=hint)
    scheme: Scheme
    match parts.scheme:
        case "http" | "https" as scheme:
            pass
        case _:
            raise _refused(named_by, "it begins with neither http:// nor https://")
    if parts.path.strip("/") or parts.query or parts.fragment:
        why = "there is more behind the port (is a sign of the password not percent-encoded?)"
        raise _refused(named_by, why)
    if not host or port == 0 or any(sign.isspace() or not sign.isprintable() for sign in text):
        raise _refused(named_by, "it is no address")
    return Proxy(
        scheme=scheme,
        host=host,
        port=port or _PORTS[scheme],
        named_by=named_by,
        user=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else Unlisted(unquote(parts.password)),
    )


def _refused(named_by: str, why: str) -> ConfigError:
    hint = f"Set {named_by} to an address like http://proxy.example:3128."
    return ConfigError(f"{_begun(named_by)} names no proxy that can be used: {why}.", hint=hint)


def _begun(words: str) -> str:
    return words[:1].upper() + words[1:]

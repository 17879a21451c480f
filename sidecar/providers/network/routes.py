"""Through which proxy a request goes, if through any.

    this machine → directly, whatever is set
    the provider's `proxy` in config.toml → that one, or directly
    NO_PROXY → directly
    `[network] proxy` → that one, or directly
    HTTPS_PROXY, HTTP_PROXY, ALL_PROXY → that one
    the system's settings (macOS, Windows) → that one

Variables in small letters come before those in capitals, and an empty one says that there is no
proxy, as curl has it. Systems tell a script's address (PAC) as well; scripts are not run.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping

import anyio.to_thread

from sidecar.errors import ConfigError
from sidecar.providers.network.bypass import Bypass, is_this_machine
from sidecar.providers.network.proxies import Choice, Proxy, parse

SYSTEM = "the system's proxy setting"
_SYSTEMS = {
    "darwin": ("getproxies_macosx_sysconf", "proxy_bypass_macosx_sysconf"),
    "win32": ("getproxies_registry", "proxy_bypass_registry"),
}
"""Of `urllib.request`, where they are there on these systems alone, and not documented. What is,
`getproxies`, asks no system where the environment has a NO_PROXY and nothing else."""


class Routes:
    """Finds the proxy for an address; `given` is `[network] proxy`."""

    def __init__(self, given: Choice = None, environ: Mapping[str, str] = os.environ) -> None:
        self._given = given
        self._environ = environ

    async def to(self, scheme: str, host: str, port: int, own: Choice = None) -> Proxy | None:
        """Return the proxy for this address; None: ask directly. `own`: the provider's choice.

        Raises `ConfigError` where one is named that can't serve: asking directly might be just
        what somebody wants to rule out.
        """
        if is_this_machine(host):
            return None
        if own is None and self.bypass.covers(host, port):
            return None
        chosen = self._given if own is None else own
        if chosen == "unusable":
            message = "config.toml names a proxy that can't be used; nothing was sent."
            hint = "Correct `proxy` in config.toml and start again: `ai-sidecar doctor` shows it."
            raise ConfigError(message, hint=hint)
        if chosen is not None:
            return chosen if isinstance(chosen, Proxy) else None
        if self._names_any:
            return self.of_the_environment(scheme)
        if sys.platform not in _SYSTEMS:
            return None  # without the price of a thread
        # In a thread: some versions of it look the name up.
        return await anyio.to_thread.run_sync(of_the_system, scheme, host)

    @property
    def bypass(self) -> Bypass:
        """The hosts that NO_PROXY lists."""
        return Bypass(self._variable("no")[1])

    def of_the_environment(self, scheme: str) -> Proxy | None:
        """Return the proxy that variables name. Raises `ConfigError`."""
        for kind in (scheme, "all"):
            name, value = self._variable(kind)
            if value:
                return parse(value, name)
        return None

    def problems(self) -> Iterator[str]:
        """What variables name and can't be used, for people."""
        for kind in ("https", "all"):
            name, value = self._variable(kind)
            try:
                if value:
                    parse(value, name)
            except ConfigError as error:
                yield f"{error.message} {error.hint}"

    @property
    def _names_any(self) -> bool:
        names = [f"{kind}_proxy" for kind in ("http", "https", "all")]
        return any(name in self._environ or name.upper() in self._environ for name in names)

    def _variable(self, kind: str) -> tuple[str, str]:
        name = f"{kind}_proxy"
        if name not in self._environ:
            name = name.upper()
        return name.upper(), self._environ.get(name, "").strip()


def of_the_system(scheme: str, host: str) -> Proxy | None:
    """Ask the system's settings, which may have changed since the last time. May block.

    Raises `ConfigError`.
    """
    if sys.platform not in _SYSTEMS:
        return None
    import urllib.request as standard  # noqa: PLC0415 - httpx loads it; who starts need not

    settings, bypassed = (getattr(standard, name) for name in _SYSTEMS[sys.platform])
    proxies: dict[str, str] = settings()
    if bypassed(host):
        return None
    if scheme in proxies:
        return parse(proxies[scheme], SYSTEM)
    if "socks" in proxies:  # macOS's names no scheme
        return parse(f"socks://{proxies['socks'].rpartition('//')[2]}", SYSTEM)
    return None

"""Which hosts are asked without a proxy: this machine always, and what NO_PROXY lists.

NO_PROXY has no standard. Here holds what curl does, with CIDR as curl and Go have it, and wildcards
as on Windows: `example.com`, `.example.com` and `*.example.com` all mean that host and those below
it; `10.0.0.0/8`, `fd00::/8`, `192.0.2.1`, `[::1]`; `host:port`; `*` means every host. Names are not
looked up to be held against addresses.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

_PORT = re.compile(r"(?P<host>\[[^\]]*\]|[^:]*):(?P<port>\d+)")


def is_this_machine(host: str) -> bool:
    """True for loopback, by name or by address."""
    name = _plain(host)
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = _address(name)
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address is not None and (address.is_loopback or address.is_unspecified)


class Bypass:
    """A list of hosts in the forms of NO_PROXY."""

    def __init__(self, text: str) -> None:
        self._entries = [entry.lower() for entry in re.split(r"[,\s]+", text) if entry]

    def __bool__(self) -> bool:
        return bool(self._entries)

    def __str__(self) -> str:
        return ", ".join(self._entries)

    def covers(self, host: str, port: int) -> bool:
        """True where this host is to be asked without a proxy."""
        name = _plain(host)
        return any(_covers(entry, name, port) for entry in self._entries)

    @property
    def unread(self) -> list[str]:
        """Entries that look like networks, and are none."""
        return [entry for entry in self._entries if "/" in entry and _network(entry) is None]


def _covers(entry: str, name: str, port: int) -> bool:
    if entry == "*":
        return True
    if (split := _PORT.fullmatch(entry)) is not None:
        if int(split["port"]) != port:
            return False
        entry = split["host"]
    address = _address(name)
    if address is not None:
        network = _network(entry)
        return address in network if network is not None else fnmatchcase(name, entry)
    domain = _plain(entry).removeprefix("*.").removeprefix(".")
    if "*" in domain:
        return fnmatchcase(name, domain)
    return bool(domain) and (name == domain or name.endswith(f".{domain}"))


def _plain(host: str) -> str:
    return host.lower().removeprefix("[").removesuffix("]").removesuffix(".")


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name)
    except ValueError:
        return None


def _network(entry: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(_plain(entry), strict=False)
    except ValueError:
        return None

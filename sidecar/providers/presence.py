"""Whether a server on this machine is running: it takes a connection. It is sent nothing."""

from __future__ import annotations

from urllib.parse import urlsplit

import anyio

_PATIENCE_S = 0.25
"""A server that runs takes a connection at once. Windows tries for two seconds where none does."""


async def answers(base_url: str) -> bool:
    """Return whether something is there. Another machine is not asked, and counts as there."""
    # the first answer must not wait for `ipaddress`
    from sidecar.providers.network.bypass import is_this_machine  # noqa: PLC0415

    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if not is_this_machine(host):
        return True
    port = parts.port or (443 if parts.scheme == "https" else 80)
    with anyio.move_on_after(_PATIENCE_S):
        try:
            stream = await anyio.connect_tcp(host, port)
        except OSError:
            return False
        await stream.aclose()
        return True
    return False

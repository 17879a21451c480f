"""What the doctor says of proxies and certificates.

It reads the same settings and environment as the sidecar that it has started: what they say may be
secret in part, so that no method tells it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from sidecar import settings
from sidecar.engine.network import Network
from sidecar.errors import ConfigError
from sidecar.providers.network import trust
from sidecar.providers.network.proxies import Choice
from sidecar.providers.network.routes import Routes, of_the_system
from sidecar.terminal.finding import Finding

_ANYWHERE = "api.example.com"


def findings(home: Path, environ: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """One line each: the proxy, the trust store, the CA file."""
    config = settings.load(home).config
    network = Network(config, home)
    yield _proxy(network, list(config.providers), Routes(network.proxy, environ))
    yield _trust()
    yield _ca_file(network.ca_file)


def _proxy(network: Network, providers: list[str], routes: Routes) -> Finding:
    own = {name: chosen for name in providers if (chosen := network.proxy_of(name)) is not None}
    chosen = network.proxy
    try:
        if chosen is None:
            chosen = routes.of_the_environment("https") or of_the_system("https", _ANYWHERE)
    except ConfigError as error:
        return Finding("warning", "proxy", error.message, error.hint)
    if "unusable" in (chosen, *own.values()):
        remedy = "Correct `proxy` in config.toml; what is wrong stands above, with the settings."
        return Finding("warning", "proxy", "config.toml names one that can't be used", remedy)
    bypass = routes.bypass
    told = [_told(chosen) if chosen else "none is set"]
    told += [f"{name}: {_told(choice)}" for name, choice in own.items()]
    told += [f"not for {bypass} (NO_PROXY)"] if bypass else []
    if bypass.unread:
        remedy = "Write networks like 10.0.0.0/8."
        text = f"NO_PROXY has what is no network: {', '.join(bypass.unread)}"
        return Finding("warning", "proxy", text, remedy)
    return Finding("ok", "proxy", "; ".join(told))


def _told(choice: Choice) -> str:
    """Where it is and who says so; of user name and password only that they are there."""
    if choice is None or isinstance(choice, str):
        return "directly, without a proxy"
    named = " with a user name" if choice.user is not None else ""
    return f"{choice.address}{named} ({choice.named_by})"


def _trust() -> Finding:
    store = trust.find()
    try:
        trust.Trust().build()
    except ConfigError as error:
        return Finding("warning", "trust", error.message, error.hint)
    if store.kind == "certifi":
        remedy = "Install the package ca-certificates, so that the list is kept up to date."
        return Finding("warning", "trust", str(store), remedy)
    return Finding("ok", "trust", str(store))


def _ca_file(file: trust.CaFile) -> Finding:
    try:
        count = trust.Trust(file).check()
    except ConfigError as error:
        return Finding("warning", "ca_file", error.message, error.hint)
    if file is None:
        return Finding("ok", "ca_file", "none is named: the trust store alone counts")
    told = "one certificate" if count == 1 else f"{count} certificates"
    return Finding("ok", "ca_file", f"{file}, {told}, besides the trust store")

"""Whose word counts for a server's certificate: the system's trust store and `[network] ca_file`.

On macOS and Windows the system itself is asked, by truststore. Elsewhere the store is a file that
OpenSSL reads; truststore would read it anew for each connection, which takes 25 ms of the event
loop (measured), and one context that is built once does the same. SSL_CERT_FILE and SSL_CERT_DIR
stand in the store's place, as OpenSSL has them. A machine without a store gets certifi's list.
"""

from __future__ import annotations

import errno
import os
import ssl
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import anyio
import anyio.to_thread

from sidecar.errors import ConfigError

CaFile = Path | Literal["unusable"] | None
"""`unusable`: config.toml means one, and does not say which."""

_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch, Gentoo
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # Fedora, RHEL
    "/etc/pki/tls/certs/ca-bundle.crt",  # older ones of these
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/ssl/cert.pem",  # Alpine, BSD
    "/var/lib/ca-certificates/ca-bundle.pem",  # SUSE
)
"""Where distributions keep it: a frozen program's OpenSSL knows only its builder's place."""


@dataclass(frozen=True, slots=True)
class Store:
    """Where certificates are trusted from, `ca_file` apart. A `system` has no path."""

    kind: Literal["environment", "system", "bundle", "certifi"]
    file: str | None = None
    folder: str | None = None

    def __str__(self) -> str:
        where = " and ".join(filter(None, (self.file, self.folder)))
        match self.kind:
            case "environment":
                return f"{where}, by SSL_CERT_FILE or SSL_CERT_DIR"
            case "system":
                return "the system's, by truststore"
            case "bundle":
                return f"the system's: {where}"
            case "certifi":
                return f"certifi's list, since the system has none: {where}"


class Trust:
    """Builds the one TLS context of all connections, when it is first needed."""

    def __init__(self, ca_file: CaFile = None) -> None:
        self._ca_file = ca_file
        self._context: ssl.SSLContext | None = None
        self._building = anyio.Lock()

    async def context(self) -> ssl.SSLContext:
        """Return it. Raises `ConfigError`, and tries again the next time, where a file is wrong."""
        async with self._building:
            if self._context is None:
                self._context = await anyio.to_thread.run_sync(self.build)
        return self._context

    def build(self) -> ssl.SSLContext:
        """Build it, which blocks for some 25 ms. Raises `ConfigError`."""
        store = find()
        if store.kind == "system":
            import truststore  # noqa: PLC0415 - nobody else needs it

            context: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        else:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            _load(context, store)
        # Not `ssl.create_default_context`: it writes the keys of connections down where
        # SSLKEYLOGFILE says so, and from Python 3.13 on refuses the CAs of many a company
        # (VERIFY_X509_STRICT).
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # A certificate that was put into ca_file is trusted though it is nobody's CA.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        _add(context, self._ca_file)
        return context

    def check(self) -> int:
        """Read `ca_file` alone; return how many certificates it has. Raises `ConfigError`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        _add(context, self._ca_file)
        return context.cert_store_stats()["x509"]


def find(environ: Mapping[str, str] = os.environ) -> Store:
    """Find the trust store of this machine."""
    if named := _named(environ):
        return Store("environment", named.get("SSL_CERT_FILE"), named.get("SSL_CERT_DIR"))
    if sys.platform in ("darwin", "win32"):
        return Store("system")
    usual = ssl.get_default_verify_paths()
    files = filter(None, (usual.cafile, *_BUNDLES))
    file = next(filter(_has_certificates, files), None)
    folder = usual.capath if usual.capath and _has_hashes(usual.capath) else None
    if file or folder:
        return Store("bundle", file, folder)
    import certifi  # noqa: PLC0415 - for machines without a store alone

    return Store("certifi", certifi.where())


def _named(environ: Mapping[str, str]) -> dict[str, str]:
    names = ("SSL_CERT_FILE", "SSL_CERT_DIR")
    return {name: value for name in names if (value := environ.get(name))}


def _has_certificates(file: str) -> bool:
    try:
        return b"CERTIFICATE-----" in Path(file).read_bytes()  # to load them takes 25 ms
    except OSError:
        return False


def _has_hashes(folder: str) -> bool:
    """True for a folder as OpenSSL wants it: files named like 5ed36f99.0."""
    try:
        return any(name.endswith(".0") for name in os.listdir(folder))  # noqa: PTH208 - names alone
    except OSError:
        return False


def _load(context: ssl.SSLContext, store: Store) -> None:
    try:
        if store.file:
            context.load_verify_locations(cafile=store.file)
        if store.folder:
            if not store.file and not any(map(os.path.isdir, store.folder.split(os.pathsep))):
                raise FileNotFoundError(errno.ENOENT, "there is no such folder")
            context.load_verify_locations(capath=store.folder)
    except OSError as error:
        message = f"The trust store of {store} can't be read: {_reason(error)}."
        hint = "Correct SSL_CERT_FILE and SSL_CERT_DIR, or unset them for the system's own."
        raise ConfigError(message, hint=hint) from None


def _add(context: ssl.SSLContext, ca_file: CaFile) -> None:
    if ca_file is None:
        return
    hint = (
        "`ca_file` in [network] of config.toml has to name a file of PEM certificates (BEGIN "
        "CERTIFICATE). One in DER becomes such a file by: openssl x509 -inform der -in FILE "
        "-out FILE.pem"
    )
    if ca_file == "unusable":
        message = "config.toml names a CA file in a way that can't be read; nothing was sent."
        raise ConfigError(message, hint=hint)
    try:
        context.load_verify_locations(cafile=ca_file)
    except OSError as error:
        message = f"The CA file {ca_file} can't be used: {_reason(error)}."
        raise ConfigError(message, hint=hint) from None


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return "it has no certificate that can be read"
    return error.strerror or str(error)

"""Every exception of httpx, as an `AIError`. The one place that knows httpx's tree.

A test holds `to_error` against that tree, so that a new exception of httpx can't pass unmapped.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from sidecar.errors import (
    AIError,
    Busy,
    ConfigError,
    InvalidResponse,
    NetworkError,
    ProviderTimeout,
    TruncatedStream,
)
from sidecar.keys.redaction import scrub
from sidecar.providers.network.bypass import is_this_machine
from sidecar.providers.network.connecting import Connecting
from sidecar.providers.network.proxies import Proxy
from sidecar.providers.network.tls_faults import explain
from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Target

_MAX_DETAIL = 500
_PROXY_HINT = "Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY."


@contextmanager
def errors_of(target: Target, facts: Facts, connecting: Connecting | None = None) -> Iterator[None]:
    """Turn what httpx raises into `AIError`s, and let each error say whose it is."""
    try:
        yield
    except AIError as error:
        error.provider = error.provider or target.vendor.name
        error.request_id = error.request_id or facts.request_id
        raise
    except (
        httpx.HTTPError,
        httpx.InvalidURL,
        httpx.StreamError,
        httpx.CookieConflict,
        UnicodeError,
    ) as error:
        raise _before_sent(error, target, connecting) or to_error(error, target) from error


def to_error(error: Exception, target: Target) -> AIError:  # noqa: PLR0911 - one per exception
    """Return the `AIError` for an exception of httpx."""
    name, display = target.vendor.name, target.vendor.display_name
    detail = _detail(error)
    match error:
        case httpx.ConnectTimeout() | httpx.PoolTimeout():
            return ProviderTimeout(
                f"{display} could not be connected to within {target.deadlines.connect_ms} ms.",
                hint="Check the network, or raise `timeouts.connect_ms`.",
                provider=name,
            )
        case httpx.TimeoutException():
            return ProviderTimeout(f"{display} did not answer in time: {detail}", provider=name)
        case httpx.InvalidURL() | httpx.UnsupportedProtocol() | UnicodeError():
            return ConfigError(
                f"The address {target.base_url!r} of {display} can't be used: {detail}",
                hint=f"Correct the base_url of {name}.",
                provider=name,
            )
        case httpx.ProxyError():
            return NetworkError(f"The proxy failed: {detail}", hint=_PROXY_HINT, provider=name)
        case httpx.ConnectError() if _lacks_descriptors(error):
            return Busy("More connections are open than the system allows.", provider=name)
        case httpx.ConnectError():
            return NetworkError(
                f"{display} can't be reached at {target.base_url}: {detail}",
                hint=_connect_hint(target),
                provider=name,
            )
        case httpx.RemoteProtocolError() if "incomplete" in detail:
            return TruncatedStream(f"{display} broke off its answer: {detail}", provider=name)
        case httpx.RemoteProtocolError() if "disconnected" in detail:
            return NetworkError(f"{display} hung up without an answer.", provider=name)
        case httpx.DecodingError() | httpx.RemoteProtocolError() | httpx.TooManyRedirects():
            return InvalidResponse(f"{display} broke the protocol: {detail}", provider=name)
        case _:
            return NetworkError(f"The connection to {display} broke: {detail}", provider=name)


def _detail(error: Exception) -> str:
    """What the system says, without its number."""
    said = scrub(str(error), _MAX_DETAIL) or type(error).__name__
    return re.sub(r"^\[Errno -?\d+\] ", "", said)


def _before_sent(error: Exception, target: Target, connecting: Connecting | None) -> AIError | None:
    """The error of a request that was not on its way yet: TLS's, or its proxy's."""
    if connecting is None or connecting.stage == "sent" or _lacks_descriptors(error):
        return None
    name, display = target.vendor.name, target.vendor.display_name
    via = connecting.via
    if isinstance(error, httpx.ConnectError) and (explained := explain(error)) is not None:
        said, hint = explained
        where = f"{display} at {target.base_url}"
        if via is not None and connecting.stage == "tls with the proxy":
            where, hint = f"The proxy {via.address}", f"{hint} The proxy is set by {via.named_by}."
        return NetworkError(f"{where}: {said}.", hint=hint, provider=name)
    if via is None or not isinstance(error, httpx.TransportError):
        return None
    hint = f"Check the proxy's address in {via.named_by}, or list {_host(target)} in NO_PROXY."
    if isinstance(error, httpx.ProxyError):
        return _refused_by_proxy(error, target, via)
    if isinstance(error, httpx.ConnectTimeout):
        message = (
            f"{display} could not be connected to within {target.deadlines.connect_ms} ms by the "
            f"proxy {via.address}."
        )
        return ProviderTimeout(message, hint=hint, provider=name)
    if connecting.stage == "tcp":
        message = f"The proxy {via.address} can't be reached: {_detail(error)}"
    else:
        message = f"The proxy {via.address} hung up, or is no HTTP proxy."
    return NetworkError(message, hint=hint, provider=name)


def _refused_by_proxy(error: httpx.ProxyError, target: Target, via: Proxy) -> AIError:
    """A proxy's own words are left out: some of them quote what they were sent."""
    name, status = target.vendor.name, str(error).partition(" ")[0]
    if status == "407":
        wrong = "does not take this user name and password"
        asks = "asks for a user name and a password"
        message = f"The proxy {via.address} {asks if via.user is None else wrong} (407)."
        hint = (
            f"Write them into {via.named_by}, as in http://user:password@proxy.example:3128, signs "
            "other than letters and digits percent-encoded. Basic authentication alone is spoken; "
            "for NTLM and Kerberos run a local proxy that speaks them, and name that one."
        )
        return ConfigError(message, hint=hint, provider=name)
    message = f"The proxy {via.address} does not connect to {_host(target)} ({status})."
    hint = "Ask whoever runs the proxy to allow this host, or list the host in NO_PROXY."
    if status.startswith("5"):
        hint = "The proxy can't reach it: check the proxy's own connection, and try again."
    return NetworkError(message, hint=hint, provider=name)


def _host(target: Target) -> str:
    return httpx.URL(target.base_url).host


def _connect_hint(target: Target) -> str:
    if is_this_machine(_host(target)):
        return f"Start the server at {target.base_url}, or correct the provider's base_url."
    return NetworkError.default_hint


def _lacks_descriptors(error: BaseException | None) -> bool:
    """Look through what caused it for a limit on open files."""
    if error is None:
        return False
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return True
    inside = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    return any(_lacks_descriptors(each) for each in (error.__cause__ or error.__context__, *inside))

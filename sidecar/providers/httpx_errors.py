"""Every exception of httpx, as an `AIError`. The one place that knows httpx's tree.

A test holds `to_error` against that tree, so that a new exception of httpx can't pass unmapped.
"""

from __future__ import annotations

import errno
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
from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Target

_MAX_DETAIL = 500


@contextmanager
def errors_of(target: Target, facts: Facts) -> Iterator[None]:
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
        raise to_error(error, target) from error


def to_error(error: Exception, target: Target) -> AIError:  # noqa: PLR0911 - one per exception
    """Return the `AIError` for an exception of httpx."""
    name, display = target.vendor.name, target.vendor.display_name
    detail = scrub(str(error), _MAX_DETAIL) or type(error).__name__
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
            hint = "Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY."
            return NetworkError(f"The proxy failed: {detail}", hint=hint, provider=name)
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


def _connect_hint(target: Target) -> str:
    host = httpx.URL(target.base_url).host
    if host in ("localhost", "127.0.0.1", "::1"):
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

"""No exception of httpx gets past the one place that knows them."""

from __future__ import annotations

import httpx
import pytest

from sidecar.errors import (
    AIError,
    ConfigError,
    InvalidResponse,
    NetworkError,
    ProviderTimeout,
    TruncatedStream,
)
from sidecar.providers.httpx_errors import errors_of, to_error
from sidecar.providers.sink import Facts
from tests.providers.answers import target_of

EXPECTED: dict[str, type[AIError]] = {
    "CloseError": NetworkError,
    "ConnectError": NetworkError,
    "ConnectTimeout": ProviderTimeout,
    "CookieConflict": NetworkError,
    "DecodingError": InvalidResponse,
    "HTTPError": NetworkError,
    "HTTPStatusError": NetworkError,
    "InvalidURL": ConfigError,
    "LocalProtocolError": NetworkError,
    "NetworkError": NetworkError,
    "PoolTimeout": ProviderTimeout,
    "ProtocolError": NetworkError,
    "ProxyError": NetworkError,
    "ReadError": NetworkError,
    "ReadTimeout": ProviderTimeout,
    "RemoteProtocolError": InvalidResponse,
    "RequestError": NetworkError,
    "RequestNotRead": NetworkError,
    "ResponseNotRead": NetworkError,
    "StreamClosed": NetworkError,
    "StreamConsumed": NetworkError,
    "StreamError": NetworkError,
    "TimeoutException": ProviderTimeout,
    "TooManyRedirects": InvalidResponse,
    "TransportError": NetworkError,
    "UnsupportedProtocol": ConfigError,
    "WriteError": NetworkError,
    "WriteTimeout": ProviderTimeout,
}


KINDS = [
    found
    for name in httpx.__all__
    if isinstance(found := getattr(httpx, name), type) and issubclass(found, Exception)
]


def made(kind: type[Exception], text: str = "why") -> Exception:
    """An exception of a kind, past constructors that want a request or a response."""
    error = kind.__new__(kind)
    Exception.__init__(error, text)
    return error


def test_the_systems_number_of_an_error_is_not_told() -> None:
    error = to_error(made(httpx.ConnectError, "[Errno -2] Name or service not known"), target_of())
    assert error.message.endswith(": Name or service not known")


def test_the_list_of_this_test_is_httpxs_own() -> None:
    assert {kind.__name__ for kind in KINDS} == set(EXPECTED)


@pytest.mark.parametrize("kind", KINDS)
def test_every_exception_of_httpx_has_its_error(kind: type[Exception]) -> None:
    error = to_error(made(kind), target_of("openai"))
    assert type(error) is EXPECTED[kind.__name__]
    assert error.provider == "openai"
    assert error.hint


@pytest.mark.parametrize("kind", KINDS)
def test_every_exception_of_httpx_is_caught_where_requests_are_sent(kind: type[Exception]) -> None:
    with pytest.raises(AIError), errors_of(target_of(), Facts()):
        raise made(kind)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("peer closed connection … (incomplete chunked read)", TruncatedStream),
        ("Server disconnected without sending a response.", NetworkError),
        ("illegal status line", InvalidResponse),
    ],
)
def test_a_broken_protocol_is_told_from_a_broken_connection(text: str, kind: type[AIError]) -> None:
    assert type(to_error(made(httpx.RemoteProtocolError, text), target_of())) is kind


def test_a_key_in_an_exceptions_text_is_taken_out() -> None:
    target = target_of("openai", key="my-own-key-1")
    error = to_error(made(httpx.LocalProtocolError, "Illegal header my-own-key-1"), target)
    assert "my-own-key-1" not in error.message


def test_an_error_of_ours_gets_its_provider_and_its_request_id() -> None:
    with (
        pytest.raises(InvalidResponse) as caught,
        errors_of(target_of("openai"), Facts(request_id="r1")),
    ):
        raise InvalidResponse("why")
    assert (caught.value.provider, caught.value.request_id) == ("openai", "r1")

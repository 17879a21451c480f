"""One request and the keys it may use: the next where one is out of quota, anew where refused.

Nothing is tried again once a word of an answer has been said. Waiting, backing off and other
providers are not of this room.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sidecar.errors import (
    AIError,
    Authentication,
    Cancelled,
    KeyNotFound,
    KeyStoreCorrupt,
    Quota,
    RateLimited,
)
from sidecar.keys.custody import Custody
from sidecar.keys.index import Entry
from sidecar.keys.secret import Secret
from sidecar.keys.wanted import Wanted
from sidecar.providers.sink import Sink

T = TypeVar("T")
Send = Callable[[Secret | None], Awaitable[T]]
"""Sends the request with a key, and takes the answer."""


async def with_keys(custody: Custody, wanted: Wanted, sink: Sink, send: Send[T]) -> T:
    """Answer one request. Raises what choosing and opening a key do, and what `send` does."""
    entries = custody.choose(wanted, sink.execution_id)
    if not entries:
        return await send(None)
    for entry in entries:
        try:
            return await _with_key(custody, entry, wanted, sink, send)
        except (Quota, RateLimited) as error:
            custody.rest(entry, error.retry_after_ms)
            if sink.begun or entry is entries[-1]:
                raise
        except (KeyNotFound, KeyStoreCorrupt):  # this one; the next may be whole
            if entry is entries[-1]:
                raise
    raise AssertionError  # the last one has returned or raised


async def _with_key(custody: Custody, entry: Entry, wanted: Wanted, sink: Sink, send: Send[T]) -> T:
    key = await custody.open(entry, wanted, sink.execution_id)
    try:
        return await _use(custody, entry, wanted, sink, send, key)
    except Authentication:
        # Somebody may have entered a new one, in another window or in the keyring itself.
        newer = None if sink.begun else await _newer(custody, entry, wanted, sink, key)
        if newer is None:
            raise
        return await _use(custody, entry, wanted, sink, send, newer)


async def _newer(
    custody: Custody, entry: Entry, wanted: Wanted, sink: Sink, key: Secret
) -> Secret | None:
    try:
        return await custody.read_again(entry, key, wanted, sink.execution_id)
    except AIError:
        return None  # what the provider said of the key is the answer


async def _use(  # noqa: PLR0913, PLR0917 - one use of one key by one request
    custody: Custody, entry: Entry, wanted: Wanted, sink: Sink, send: Send[T], key: Secret
) -> T:
    used, origin = custody.oversight.used, wanted.origin or ""
    with outcome(lambda result: used(entry, origin, sink.execution_id, result)):
        return await send(key)


@contextmanager
def outcome(tell: Callable[[str], None]) -> Iterator[None]:
    """Tell how what is done in here ended: `ok`, or the kind of the error; a cancel is one, too."""
    result = Cancelled.kind
    try:
        yield
        result = "ok"
    except AIError as error:
        result = error.kind
        raise
    finally:
        tell(result)

"""The JSON-RPC 2.0 envelope: bytes to requests, answers to bytes. Pure: no IO, no clock.

https://www.jsonrpc.org/specification. Rules beyond it:

* `params` and `id` stay raw bytes. A method decodes its own parameters against its own type, and
  an id goes back exactly as it came (`1.0` stays `1.0`).
* Parameters are by name (an object) or left out; this contract has no positional parameters.
* A batch has at most `MAX_BATCH` members, so that one line can't ask for millions of answers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from sidecar.errors import AIError, ErrorObject, InvalidParams, InvalidRequest, ParseError

MAX_BATCH = 1000
_LONGEST = 200
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
NULL = Raw(b"null")
_SPACES = (" ", "\t", "\r", "\n")


class Request(Struct, frozen=True):
    """One request, or a notification where `id` is UNSET."""

    jsonrpc: Literal["2.0"]
    method: str
    params: Raw | UnsetType = UNSET
    id: Raw | UnsetType = UNSET

    @property
    def is_notification(self) -> bool:
        """True where no answer may be sent (JSON-RPC 2.0, section 4.1)."""
        return self.id is UNSET


class Invalid(Struct, frozen=True):
    """What was no request: the error to answer, and the id as far as one could be read.

    None in its place: it was a notification, which nothing may answer.
    """

    error: AIError
    id: Raw | None = NULL


class Batch(Struct, frozen=True):
    """An array of requests, each of which runs on its own."""

    members: list[Request | Invalid]


class Response(Struct, frozen=True):
    """A successful response."""

    jsonrpc: Literal["2.0"]
    result: Raw
    id: Raw


class Failure(Struct, frozen=True):
    """An error response."""

    jsonrpc: Literal["2.0"]
    error: ErrorObject
    id: Raw


class Notification(Struct, frozen=True):
    """A message of the sidecar's own accord; `params` is any Struct."""

    jsonrpc: Literal["2.0"]
    method: str
    params: object


class _IdOnly(Struct):
    id: Raw = NULL


_request = msgspec.json.Decoder(Request)
_members = msgspec.json.Decoder(list[Raw])
_id_only = msgspec.json.Decoder(_IdOnly)
_anything = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder()


def decode(line: bytes) -> Request | Batch | Invalid:
    """Decode one line. Never raises: what is wrong comes back as `Invalid`."""
    try:
        if not line.isascii():
            line.decode("utf-8")
        if line.lstrip()[:1] == b"[":
            return _decode_batch(line)
        return _decode_one(line)
    except UnicodeDecodeError as error:
        return Invalid(ParseError(f"The line is not UTF-8 (byte {error.start})."))
    except msgspec.DecodeError as error:
        return _lone_surrogate(line) or Invalid(ParseError(f"The line is not JSON: {error}."))
    except RecursionError:
        return Invalid(ParseError("The JSON is nested too deeply.", hint="Flatten the value."))


def encode(message: object) -> bytes:
    """Encode one message as a line, without its line feed.

    Never fails for what its text holds: half a character, which a file's name can have, becomes
    U+FFFD.
    """
    try:
        return _encoder.encode(message)
    except UnicodeEncodeError:
        return _encoder.encode(_mended(msgspec.to_builtins(message, builtin_types=(Raw,))))


def _mended(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list | tuple):
        return [_mended(item) for item in value]
    if isinstance(value, dict):
        return {_mended(name): _mended(item) for name, item in value.items()}
    return value


def _decode_batch(line: bytes) -> Batch | Invalid:
    # Counted before it is decoded: millions of members would fill the memory.
    if line.count(b",") >= MAX_BATCH and _has_too_many(line.decode()):
        return Invalid(
            InvalidRequest(
                f"The batch has more than {MAX_BATCH} requests, which is the limit.",
                hint=f"Send batches of at most {MAX_BATCH} requests.",
            )
        )
    members = _members.decode(line)
    if not members:
        return Invalid(InvalidRequest("A batch must not be empty."))
    _anything.decode(line)  # one member that is not JSON makes the whole line not JSON
    return Batch([_decode_one(bytes(member)) for member in members])


def _has_too_many(text: str) -> bool:
    """Look at the members one by one, as far as the limit; what is no JSON is told by others."""
    decoder = json.JSONDecoder()
    place = _after_space(text, text.index("[") + 1)
    try:
        for _ in range(MAX_BATCH):
            _, place = decoder.raw_decode(text, place)
            place = _after_space(text, place)
            if text[place : place + 1] != ",":
                return False
            place = _after_space(text, place + 1)
    except ValueError:
        return False
    return True


def _after_space(text: str, place: int) -> int:
    while text[place : place + 1] in _SPACES:
        place += 1
    return place


def _decode_one(line: bytes) -> Request | Invalid:
    try:
        request = _request.decode(line)
    except msgspec.ValidationError as error:
        _anything.decode(line)  # text that isn't JSON is a parse error, whatever else is wrong
        return Invalid(InvalidRequest(_envelope_fault(line, error)), _readable_id(line))
    problem = _fault(request)
    return request if problem is None else Invalid(problem, _readable_id(line))


def _fault(request: Request) -> InvalidRequest | None:
    if request.id is not UNSET and not _is_id(request.id):
        return InvalidRequest("`id` must be a string, a number or null.", path="$.id")
    if request.params is not UNSET and bytes(request.params)[:1] not in (b"{", b"["):
        return InvalidRequest("`params` must be an object.", path="$.params")
    return None


def _envelope_fault(line: bytes, error: msgspec.ValidationError) -> str:
    if line.lstrip()[:1] != b"{":
        return "A request must be an object."
    # msgspec quotes what it found, and a line may have millions of characters.
    return f"Not a JSON-RPC 2.0 request: {str(error)[:_LONGEST]}."


def _readable_id(line: bytes) -> Raw:
    try:
        found = _id_only.decode(line).id
    except msgspec.ValidationError:
        return NULL
    return found if _is_id(found) else NULL


def _is_id(raw: Raw) -> bool:
    return bytes(raw)[:1] in b'"-0123456789n'


def _lone_surrogate(line: bytes) -> Batch | Invalid | None:
    """Explain a line that is JSON by its grammar and yet no text; half a character is none.

    None where the line has another fault.
    """
    # Without its surrogates the line can be decoded: ids go back as they came.
    mended = _SURROGATE.sub(rb"\\ufffd", line)
    try:
        value = json.loads(line)
        if isinstance(value, list):
            members = _members.decode(mended)
            pairs = zip(value, map(bytes, members), strict=True)
            return Batch([_explain_surrogate(*pair) or _decode_one(pair[1]) for pair in pairs])
        return _explain_surrogate(value, mended)
    except (ValueError, RecursionError):
        return None


def _explain_surrogate(value: object, mended: bytes) -> Invalid | None:
    path = _path_of_surrogate(value, "$")
    if path is None:
        return None
    error = InvalidParams(
        "The text has a lone surrogate, which is half a character.",
        path=path.replace("$.params", "$", 1),
        hint="Escape characters beyond U+FFFF as a pair of surrogates, or send plain UTF-8.",
    )
    if isinstance(value, dict) and isinstance(value.get("method"), str) and "id" not in value:
        return Invalid(error, None)
    id_ = _readable_id(mended) if isinstance(value, dict) else NULL
    return Invalid(error, NULL if rb"\ufffd" in bytes(id_) else id_)


def _path_of_surrogate(value: object, path: str) -> str | None:
    if isinstance(value, str):
        return path if _is_broken(value) else None
    inner: Iterable[tuple[str, object]] = ()
    if isinstance(value, list):
        inner = ((f"{path}[{index}]", item) for index, item in enumerate(value))
    elif isinstance(value, dict):
        inner = ((f"{path}.{name}", item) for name, item in value.items())
        if any(_path_of_surrogate(name, path) for name in value):
            return path
    found = (_path_of_surrogate(item, place) for place, item in inner)
    return next((each for each in found if each is not None), None)


def _is_broken(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False

"""Everything that can go wrong, as one tree.

Rules of this room:

* An `AIError` is an answer, not an accident: it says what happened (`message`), where (`path`),
  and what to do about it (`hint`). `kind` is the stable word that programs match on.
* Whatever is not an `AIError` is a bug of ours. The boundary in `rpc/server.py` turns it into
  `InternalError` and its text stays on stderr.
* This room knows no IO, no provider and no clock.

    AIError
    ├── CallerError                 the request was not usable; nothing left this machine
    │   ├── ParseError              -32700  invalid_request
    │   ├── InvalidRequest          -32600  invalid_request
    │   ├── MethodNotFound          -32601  invalid_request
    │   ├── InvalidParams           -32602  invalid_request
    │   ├── ProviderNotFound        -33001  provider_not_found
    │   ├── KeyNotFound             -33002  key_not_found
    │   ├── KeyOriginMismatch       -33003  key_origin_mismatch
    │   ├── ConfigError             -33004  config
    │   ├── NotFound                -33005  not_found
    │   └── Busy                    -33006  busy
    ├── ProviderError               the provider answered, and this is what it said
    │   ├── Authentication          -33010  authentication
    │   ├── Permission              -33011  permission
    │   ├── Quota                   -33012  quota
    │   ├── RateLimited             -33013  rate_limited
    │   ├── Overloaded              -33014  overloaded
    │   ├── RequestRejected         -33015  invalid_request
    │   ├── ContextLength           -33016  context_length
    │   ├── ContentFilter           -33017  content_filter
    │   ├── ModelNotFound           -33018  model_not_found
    │   ├── APIError                -33019  api_error
    │   ├── InvalidResponse         -33020  invalid_response
    │   └── TruncatedStream         -33021  truncated_stream
    ├── TransportError              no usable answer came
    │   ├── NetworkError            -33030  network
    │   └── ProviderTimeout         -33031  timeout
    ├── LocalError                  this machine's own parts
    │   ├── WorkerCrashed           -33040  worker_crashed
    │   ├── ComponentMissing        -33041  component_missing
    │   ├── StorageError            -33042  storage
    │   ├── KeyStoreLocked          -33043  key_store_locked
    │   └── KeyStoreCorrupt         -33044  key_store_corrupt
    ├── Cancelled                   -32800  cancelled (the code LSP uses for it)
    └── InternalError               -32603  internal

Codes of our own lie outside -32768…-32000, which JSON-RPC 2.0 (section 5.1) reserves.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from sidecar.keys.redaction import scrub


class ErrorData(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`error.data` on the wire. `kind` and `hint` are always there."""

    kind: str
    hint: str
    path: str | None = None
    provider: str | None = None
    status: int | None = None
    retry_after_ms: int | None = None
    request_id: str | None = None
    provider_message: str | None = None
    execution_id: str | None = None


class ErrorObject(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON-RPC error object (JSON-RPC 2.0, section 5.1), with this contract's `data`."""

    code: int
    message: str
    data: ErrorData


class AIError(Exception):
    """Base of every error that is part of the interface."""

    code: ClassVar[int] = -33000
    kind: ClassVar[str] = "api_error"
    default_hint: ClassVar[str] = "Try again; if it stays, look at the sidecar's log on stderr."

    def __init__(  # noqa: PLR0913 - one keyword per field of ErrorData, all optional
        self,
        message: str,
        *,
        hint: str | None = None,
        path: str | None = None,
        provider: str | None = None,
        status: int | None = None,
        retry_after_ms: int | None = None,
        request_id: str | None = None,
        provider_message: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint or self.default_hint
        self.path = path
        self.provider = provider
        self.status = status
        self.retry_after_ms = retry_after_ms
        self.request_id = request_id
        self.provider_message = provider_message
        self.execution_id: str | None = None
        """Set where the error ended an execution."""

    def to_object(self) -> ErrorObject:
        """Return the error as it goes on the wire: without secrets, whoever wrote it."""
        return ErrorObject(
            code=self.code,
            message=scrub(self.message),
            data=ErrorData(
                kind=self.kind,
                hint=scrub(self.hint),
                path=_scrubbed(self.path),
                provider=self.provider,
                status=self.status,
                retry_after_ms=self.retry_after_ms,
                request_id=_scrubbed(self.request_id),
                provider_message=_scrubbed(self.provider_message),
                execution_id=self.execution_id,
            ),
        )


def _scrubbed(text: str | None) -> str | None:
    return text if text is None else scrub(text)


class CallerError(AIError):
    """The request was not usable; nothing left this machine."""


class ParseError(CallerError):
    """A line that is not JSON text in UTF-8."""

    code = -32700
    kind = "invalid_request"
    default_hint = "Send one JSON value a line, in UTF-8, ended by a line feed."


class InvalidRequest(CallerError):
    """JSON, but not a JSON-RPC 2.0 request."""

    code = -32600
    kind = "invalid_request"
    default_hint = (
        'Send {"jsonrpc":"2.0","id":…,"method":"…","params":{…}} or an array of such objects.'
    )


class MethodNotFound(CallerError):
    """No method of that name."""

    code = -32601
    kind = "invalid_request"
    default_hint = "rpc.discover lists every method."


class InvalidParams(CallerError):
    """Parameters of the wrong shape; `path` names the place, like `$.request.messages[0].role`."""

    code = -32602
    kind = "invalid_request"
    default_hint = "rpc.discover describes the parameters of every method."


class ProviderNotFound(CallerError):
    """A provider name that neither the catalogue nor config.toml knows."""

    code = -33001
    kind = "provider_not_found"
    default_hint = "list_ai_providers lists every provider."


class KeyNotFound(CallerError):
    """The provider needs a key, and none is set."""

    code = -33002
    kind = "key_not_found"
    default_hint = "Give the key by set_api_key."


class KeyOriginMismatch(CallerError):
    """The key belongs to another origin than the one the provider now points at."""

    code = -33003
    kind = "key_origin_mismatch"
    default_hint = "Enter the key again for the new address, or set the provider's address back."


class ConfigError(CallerError):
    """A setting that can't be used."""

    code = -33004
    kind = "config"
    default_hint = "Correct the setting that is named here."


class NotFound(CallerError):
    """Something named by id that does not exist (any more)."""

    code = -33005
    kind = "not_found"
    default_hint = "It may have ended some minutes ago; list_executions lists what is known."


class Busy(CallerError):
    """More at once than the sidecar takes."""

    code = -33006
    kind = "busy"
    default_hint = "Wait until some of the running executions have ended, then try again."


class ProviderError(AIError):
    """The provider answered, and this is what it said."""


class Authentication(ProviderError):
    """The provider refused the key."""

    code = -33010
    kind = "authentication"
    default_hint = "Check the API key: it may be mistyped, revoked, or of another provider."


class Permission(ProviderError):
    """The key is known but may not do this."""

    code = -33011
    kind = "permission"
    default_hint = "This key may not use that model or feature; ask the account's owner."


class Quota(ProviderError):
    """The account has no credit left."""

    code = -33012
    kind = "quota"
    default_hint = "Add credit to the provider's account, or choose another provider."


class RateLimited(ProviderError):
    """Too many requests or tokens for now."""

    code = -33013
    kind = "rate_limited"
    default_hint = "Wait a little and try again; retry_after_ms says how long, where it is known."


class Overloaded(ProviderError):
    """The provider has no capacity for now."""

    code = -33014
    kind = "overloaded"
    default_hint = "The provider is overloaded; try again in a moment or choose another model."


class RequestRejected(ProviderError):
    """The provider found the request itself wrong."""

    code = -33015
    kind = "invalid_request"
    default_hint = "Change the request as the provider's message says; not every model takes it."


class ContextLength(ProviderError):
    """The prompt is longer than the model's context window."""

    code = -33016
    kind = "context_length"
    default_hint = "Shorten the conversation, or choose a model with a larger context window."


class ContentFilter(ProviderError):
    """The provider's safety system refused."""

    code = -33017
    kind = "content_filter"
    default_hint = "The provider's content policy refused this; rephrase the request."


class ModelNotFound(ProviderError):
    """The provider has no such model."""

    code = -33018
    kind = "model_not_found"
    default_hint = "list_models lists the models that this key may use."


class APIError(ProviderError):
    """The provider failed on its own side."""

    code = -33019
    kind = "api_error"
    default_hint = "The provider had an error of its own; try again in a moment."


class InvalidResponse(ProviderError):
    """The provider answered something that is not its API's format."""

    code = -33020
    kind = "invalid_response"
    default_hint = "Check the provider's base_url: it must be the root of its API."


class TruncatedStream(ProviderError):
    """The stream ended before the provider said that it was done."""

    code = -33021
    kind = "truncated_stream"
    default_hint = "The connection broke off; what came before is in the response. Try again."


class TransportError(AIError):
    """No usable answer came."""


class NetworkError(TransportError):
    """The provider could not be reached, or the connection broke."""

    code = -33030
    kind = "network"
    default_hint = "Check the internet connection, and the provider's base_url."


class ProviderTimeout(TransportError):
    """One of the four timeouts (connect, first token, idle, total) passed."""

    code = -33031
    kind = "timeout"
    default_hint = "Try again, or raise the timeout that is named here."


class LocalError(AIError):
    """The parts on this machine itself failed."""


class WorkerCrashed(LocalError):
    """The llama.cpp worker process died; only the execution it ran is lost."""

    code = -33040
    kind = "worker_crashed"
    default_hint = "The local model's process ended; the next request starts it anew."


class ComponentMissing(LocalError):
    """An optional part is not installed."""

    code = -33041
    kind = "component_missing"
    default_hint = "Install the missing part, or choose an online provider."


class StorageError(LocalError):
    """The sidecar's own database or folder could not be used."""

    code = -33042
    kind = "storage"
    default_hint = "Check that the sidecar's home folder is writable and the disk is not full."


class KeyStoreLocked(LocalError):
    """The key is there and can't be read before somebody unlocks its store."""

    code = -33043
    kind = "key_store_locked"
    default_hint = "Unlock the OS keyring, or the vault by unlock_vault, and try again."


class KeyStoreCorrupt(LocalError):
    """What a key store holds was changed from outside or damaged; it was not used."""

    code = -33044
    kind = "key_store_corrupt"
    default_hint = "Enter the key again by set_api_key; the other keys are not touched."


class Cancelled(AIError):
    """Somebody asked for this to stop."""

    code = -32800
    kind = "cancelled"
    default_hint = "The execution was cancelled; what came before is in the response."


class InternalError(AIError):
    """A bug of ours. The text of the exception goes to stderr, never to the caller."""

    code = -32603
    kind = "internal"
    default_hint = "This is a bug in the sidecar; its log on stderr has the details."

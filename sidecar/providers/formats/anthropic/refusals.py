"""Error answers: `{"type": "error", "error": {"type", "message"}, "request_id"}`.

https://platform.claude.com/docs/en/api/errors. Inside a stream an error has no status of its own;
its type stands for one. Proxies answer in other shapes, which the shared reader knows.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from sidecar.errors import AIError
from sidecar.providers.formats import faults, lenient
from sidecar.providers.vendor import Target

_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}


def parse(status: int, headers: Mapping[str, str], body: bytes, target: Target) -> AIError:
    """Turn an answer whose status is not 2xx into its error."""
    return faults.parse_error(status, headers, body, target)


def in_stream(data: bytes, target: Target) -> AIError:
    """Turn an error that came inside a 200 answer into its error."""
    try:
        error = lenient.fields(lenient.fields(lenient.read(data)).get("error"))
        status = _STATUS.get(str(error.get("type")))
        if status is not None:
            data = msgspec.json.encode({"error": {"status": status, **error}})
    except (ValueError, RecursionError, OverflowError):
        pass  # the shared reader takes it as the text it is
    return faults.error_in_stream(data, target)

"""Which kind of error it is, told by a server's status, codes and sentences."""

from __future__ import annotations

import re
from http import HTTPStatus

from sidecar.errors import (
    AIError,
    APIError,
    Authentication,
    ConfigError,
    ContentFilter,
    ContextLength,
    ModelNotFound,
    Overloaded,
    Permission,
    ProviderTimeout,
    Quota,
    RateLimited,
    RequestRejected,
)

_CLIENT_ERROR = 4
_CONTENT_TOO_LARGE = 413

_BY_STATUS: dict[int, type[AIError]] = {
    400: RequestRejected,
    401: Authentication,
    402: Quota,
    403: Permission,
    404: ConfigError,
    405: ConfigError,
    408: ProviderTimeout,
    413: RequestRejected,
    422: RequestRejected,
    429: RateLimited,
    503: Overloaded,
    504: ProviderTimeout,
    524: ProviderTimeout,  # Cloudflare's
    529: Overloaded,
}

_NEVER = r"(?!)"
_TOO_LARGE = r"request too large\b.{0,500}\btokens per min"


def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(patterns) or _NEVER, re.IGNORECASE | re.DOTALL)


# The vendors' own words say more than the status; the first that matches counts. Single words are
# looked for in `code` and `type` alone: a message may have them for any reason. In a message only
# whole phrases count.
_BY_WORDS: tuple[tuple[type[AIError], re.Pattern[str], re.Pattern[str]], ...] = tuple(
    (kind, _any_of(words), _any_of(phrases))
    for kind, words, phrases in (
        (
            ContextLength,
            (r"context_length_exceeded", r"exceed_context_size"),
            (
                r"maximum context length",
                r"context (?:window|length) (?:exceeded|of)",
                r"exceeds? the (?:available )?context",
                r"greater than the context length",
                r"maximum prompt length",
                r"prompt is too long",  # Anthropic
                r"exceed context limit",
                r"`inputs` tokens \+ `max_new_tokens`",
                # Groq's and OpenAI's code for it is rate_limit_exceeded; to wait never helps.
                _TOO_LARGE,
            ),
        ),
        (
            ContentFilter,
            (r"content_filter", r"content_policy"),
            (
                r"content management policy",
                r"blocked by content filtering policy",
                r"requires moderation.{0,200}\bflagged",  # OpenRouter
            ),
        ),
        (
            Quota,
            (r"insufficient_(?:quota|balance|credit)", r"billing_hard_limit", r"current_quota"),
            (
                r"insufficient (?:balance|credit)",
                r"exceeded your current quota",
                r"credit balance is",
                r"(?:no|any) credits",
                r"(?:reached|exceeded|hit) (?:\w+ ){0,3}spending limit",
                r"spending limit (?:has been |was )?(?:reached|exceeded|hit)",
            ),
        ),
        (
            ModelNotFound,
            (
                r"model_not_(?:found|exist|available)",
                r"deploymentnotfound",  # Azure
                r"model_decommissioned",
                r"(?:unknown|invalid|unsupported)_model",
            ),
            (
                r"model not exist",
                r"^model: \S+$",  # Anthropic
                r"no such model",
                r"not a valid model",
                r"(?:unknown|invalid|unsupported) model\b(?! (?:param|setting|option|field|arg))",
                r"no endpoints found",
                r"model (?:[^ ]+ )?(?:does not exist|doesn't exist|(?:was |is )?not found)",
            ),
        ),
        (
            Authentication,
            (r"invalid_api_key", r"authentication"),
            (
                r"(?:incorrect|invalid) api key",
                r"authentication (?:is |has )?(?:fails|failed|required|credentials)",
            ),
        ),
        (
            RateLimited,
            (r"rate[_ ]limit", r"too[_ ]many[_ ]requests"),
            (
                r"rate limit (?:has been |was )?(?:reached|exceeded|hit)",
                r"(?:reached|exceeded|exceeds|hit|over) (?:\w+ ){0,3}rate limit",
                r"too many requests",
            ),
        ),
        (
            Overloaded,
            (r"overloaded", r"over[_ ]capacity", r"capacity[_ ]exceeded"),
            (
                r"(?:is|are) (?:\w+ )?overloaded",
                r"(?:server|service|system|engine|model) overloaded",
                r"(?:is|are|at) (?:\w+ )?over capacity",
                r"capacity exceeded",
            ),
        ),
        # Inside 200, OpenAI's Responses tells by these alone that the request is to blame.
        (ContentFilter, (r"policy_violation", r"bio_policy"), ()),
        (
            RequestRejected,
            (
                r"invalid_(?:prompt|image|base64)",
                r"(?:empty|unsupported|failed_to_download)_image",
                r"image_(?:too_|parse_|file_)",
            ),
            (),
        ),
    )
)


def kind_of(status: int, codes: str, message: str) -> type[AIError]:
    """Return the kind. `codes` are the words of `code` and `type`, `message` the sentences."""
    if status != HTTPStatus.UNAUTHORIZED:
        for kind, words, phrases in _BY_WORDS:
            if words.search(codes) or phrases.search(message):
                if kind is RateLimited and status == _CONTENT_TOO_LARGE:
                    break  # too large now is too large later
                return kind
    of_request = status // 100 == _CLIENT_ERROR
    return _BY_STATUS.get(status) or (RequestRejected if of_request else APIError)


def hint_of(message: str) -> str | None:
    """Return what to do, where the kind's own hint would mislead."""
    if _any_of((_TOO_LARGE,)).search(message):
        return (
            "The request and its max_tokens are more than the account may use in a minute, so "
            "waiting does not help. Shorten the conversation, or lower max_tokens."
        )
    return None

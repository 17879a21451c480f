"""A vendor is a row of the catalogue; a `Target` is a vendor made concrete for one request."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import msgspec

from sidecar.keys.secret import Secret
from sidecar.providers.network.proxies import Choice

AuthStyle = Literal["bearer", "x-api-key", "x-goog-api-key", "api-key", "none"]
"""Where a key goes: `Authorization: Bearer …`, or a header of that name."""

REASONING_MODELS = r"(?:.*/)?(?:ft:)?(?:o\d|gpt-(?!5-chat|\d-search)(?:[5-9]|1\d)|codex-mini)"
"""What begins like this reasons: OpenAI's o-series and GPT from 5 on, as they are called there and
behind proxies. developers.openai.com, guide "Reasoning"."""


Refusable = Literal["frequency_penalty", "presence_penalty", "seed", "stop_sequences", "tools"]


class Quirks(msgspec.Struct, frozen=True, kw_only=True):
    """Where a vendor differs from its format's plain form."""

    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    stream_usage: bool = True
    """Takes `stream_options: {"include_usage": true}`."""
    required_word: Literal["required", "any"] = "required"
    """Its word for `tool_choice: "required"`."""
    seed_field: Literal["seed", "random_seed"] = "seed"
    reasoning_back: str | None = None
    """The field in which an assistant message's reasoning goes back; None: it is not sent."""
    reasoning_object: bool = False
    """Takes an object `reasoning` instead, with an effort or a number of tokens."""
    efforts: tuple[tuple[str, str], ...] = ()
    """Its words for efforts that it has not: the nearest that it has."""
    thinking_switch: bool = False
    """Switches reasoning on and off by `thinking: {"type": …}`."""
    refuses: tuple[Refusable, ...] = ()
    """Fields of AIRequest that it refuses, or passes over in silence."""
    json_formats: tuple[Literal["json_object", "json_schema"], ...] = ("json_object", "json_schema")
    """The types of `response_format` that it takes."""
    file_part: Literal["file", "document_url"] = "file"
    """Its content part for a document."""
    file_by_url: bool = True
    """Fetches a document from the URL it is given."""
    names: Literal["any message", "tool results", "none"] = "any message"
    """The messages that may have a `name`."""
    organization_header: str | None = None
    dimensions_field: Literal["dimensions", "output_dimension"] = "dimensions"
    embedding_base64: bool = True
    """Sends vectors in base64 where it is asked for; what it sends instead is understood."""
    prices_per_tokens: int | None = None
    """For how many tokens the `pricing` in its list of models is, in USD; None: not known."""
    azure: bool = False
    """Has Azure's paths: those of `/openai/v1`, or one of each deployment."""
    cache_marks: bool = False
    """Takes `cache_control` on a part of a message."""
    attribution: bool = False
    """Takes the app's name and address, for its own statistics of apps."""
    thought_signatures: bool = False
    """Gives its tool calls `extra_content.google.thought_signature`, and wants it back."""


class Vendor(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the catalogue. `base_url` is the root below which the format's paths lie."""

    name: str
    display_name: str
    format: str
    also: tuple[tuple[str, str], ...] = ()
    """Models that go by another format: a pattern for the beginning of their names, and which."""
    base_url: str | None = None
    auth: AuthStyle = "bearer"
    key_required: bool = True
    key_variables: tuple[str, ...] = ()
    """Environment variables that may hold the key, the first set one wins."""
    address_variable: str | None = None
    """The environment variable that may hold the address; config.toml goes before it."""
    runs_here: bool = False
    """A server that its user starts on this machine: it is there only while it runs."""
    capabilities: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    """Models of a vendor that has no list of its own to ask for."""
    quirks: Quirks = Quirks()

    def format_of(self, model: str) -> str:
        """The format by which requests to this model go."""
        return next((other for names, other in self.also if re.match(names, model)), self.format)

    def reasons(self, model: str) -> bool:
        """True for a model that is known to reason, by its name."""
        return re.match(REASONING_MODELS, model) is not None


class Deadlines(msgspec.Struct, frozen=True, kw_only=True):
    """The four timeouts of one request, in milliseconds."""

    connect_ms: int
    first_token_ms: int
    idle_ms: int
    total_ms: int


class ClientApp(msgspec.Struct, frozen=True):
    """The app that the sidecar serves, as it has named itself in `initialize`."""

    name: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """Everything that one request to a vendor needs besides the request."""

    vendor: Vendor
    base_url: str
    model: str
    deadlines: Deadlines
    key: Secret | None = None
    organization: str | None = None
    proxy: Choice = None
    """The provider's own, by config.toml."""
    api_version: str | None = None
    app: ClientApp | None = None

    def credentials(self) -> dict[str, str]:
        """The header that holds the key; none where there is no key."""
        if self.key is None or self.vendor.auth == "none":
            return {}
        if self.vendor.auth == "bearer":
            return {"authorization": f"Bearer {self.key.reveal()}"}
        return {self.vendor.auth: self.key.reveal()}

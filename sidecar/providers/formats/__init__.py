"""Wire formats: pure functions and decoders, one package or module each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from sidecar.providers.format import Format

FormatName = Literal["openai_chat", "openai_responses", "anthropic", "gemini", "ollama"]
FORMATS: tuple[FormatName, ...] = get_args(FormatName)
"""Those of servers; what runs on this machine has none."""


def load(name: str) -> Format:
    """Return a format. Each is imported when it is first needed. Raises `KeyError`."""
    if name == "openai_chat":
        from sidecar.providers.formats.openai_chat import OpenAIChat  # noqa: PLC0415

        return OpenAIChat()
    if name == "openai_responses":
        from sidecar.providers.formats.openai_responses import OpenAIResponses  # noqa: PLC0415

        return OpenAIResponses()
    if name == "anthropic":
        from sidecar.providers.formats.anthropic import Anthropic  # noqa: PLC0415

        return Anthropic()
    if name == "ollama":
        from sidecar.providers.formats.ollama import Ollama  # noqa: PLC0415

        return Ollama()
    if name == "gemini":
        from sidecar.providers.formats.gemini import Gemini  # noqa: PLC0415

        return Gemini()
    raise KeyError(name)

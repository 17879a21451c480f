"""The hosts whose models are known, and what the sources call them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Host:
    """One host.

    `prices`: its id in genai-prices. `limits`: litellm's words for it; `prefix` stands before its
    ids there, and no id without it counts. `cut` is taken off the ids of both.
    """

    name: str
    prices: str
    limits: tuple[str, ...] = ()
    prefix: str = ""
    cut: str = ""


HOSTS = (
    Host("api.openai.com", "openai", ("openai",)),
    Host("api.anthropic.com", "anthropic", ("anthropic",)),
    Host("generativelanguage.googleapis.com", "google", ("gemini",), "gemini/"),
    # litellm does not list its models; its own list tells their limits
    Host("openrouter.ai", "openrouter"),
    Host("api.groq.com", "groq", ("groq",), "groq/"),
    Host("api.mistral.ai", "mistral", ("mistral",), "mistral/"),
    Host("api.deepseek.com", "deepseek", ("deepseek",), "deepseek/"),
    Host("api.x.ai", "x-ai", ("xai",), "xai/"),
    Host("api.together.xyz", "together", ("together_ai",), "together_ai/"),
    Host(
        "api.fireworks.ai",
        "fireworks",
        ("fireworks_ai", "fireworks_ai-embedding-models"),
        "fireworks_ai/",
        "accounts/fireworks/models/",
    ),
    Host("api.cerebras.ai", "cerebras", ("cerebras",), "cerebras/"),
    Host("api.perplexity.ai", "perplexity", ("perplexity",), "perplexity/"),
)

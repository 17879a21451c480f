"""The vendors, one row each. To add one whose format is known is to add a row."""

from __future__ import annotations

from sidecar.providers.vendor import REASONING_MODELS, Quirks, Vendor

_CHAT = ("chat", "streaming", "tools", "json_schema", "models")
_VISION = (*_CHAT, "images")
# What vendors whose models know three efforts (gpt-oss and its like) are asked for in their place.
_THREE_EFFORTS = (("minimal", "low"), ("xhigh", "high"))

VENDORS: tuple[Vendor, ...] = (
    Vendor(
        name="openai",
        display_name="OpenAI",
        format="openai_chat",
        # By Chat Completions these would lose their reasoning between the turns.
        also=((REASONING_MODELS, "openai_responses"),),
        base_url="https://api.openai.com/v1",
        key_variables=("OPENAI_API_KEY",),
        capabilities=(*_VISION, "files", "audio", "reasoning", "embeddings"),
        quirks=Quirks(
            max_tokens_field="max_completion_tokens",
            organization_header="openai-organization",
            # Its Responses API does: developers.openai.com, guide "File inputs".
            file_by_url=False,
        ),
    ),
    Vendor(
        name="google",
        display_name="Google",
        format="gemini",
        base_url="https://generativelanguage.googleapis.com/v1beta",
        auth="x-goog-api-key",
        key_variables=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        capabilities=(*_VISION, "files", "audio", "reasoning", "citations", "embeddings"),
    ),
    Vendor(
        name="google-openai",
        display_name="Google (OpenAI-compatible)",
        format="openai_chat",
        base_url="https://generativelanguage.googleapis.com/v1beta/openai",
        key_variables=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        capabilities=(*_VISION, "audio", "reasoning", "embeddings"),
        # ai.google.dev/gemini-api/docs/openai. Fields that it does not know are refused (400,
        # "Cannot find field").
        quirks=Quirks(
            refuses=("frequency_penalty", "presence_penalty", "seed"),
            thought_signatures=True,
            file_by_url=False,
            names="tool results",
        ),
    ),
    Vendor(
        name="anthropic",
        display_name="Anthropic",
        format="anthropic",
        base_url="https://api.anthropic.com",
        auth="x-api-key",
        key_variables=("ANTHROPIC_API_KEY",),
        capabilities=(*_VISION, "files", "reasoning", "document_citations", "prompt_caching"),
    ),
    Vendor(
        name="azure",
        display_name="Azure OpenAI",
        format="openai_chat",
        # Each resource has an address of its own: https://NAME.openai.azure.com.
        auth="api-key",
        key_variables=("AZURE_OPENAI_API_KEY",),
        address_variable="AZURE_OPENAI_ENDPOINT",
        capabilities=(*_VISION, "audio", "reasoning", "embeddings"),
        quirks=Quirks(max_tokens_field="max_completion_tokens", file_by_url=False, azure=True),
    ),
    Vendor(
        name="openrouter",
        display_name="OpenRouter",
        format="openai_chat",
        base_url="https://openrouter.ai/api/v1",
        key_variables=("OPENROUTER_API_KEY",),
        capabilities=(
            *_VISION,
            "files",
            "audio",
            "reasoning",
            "citations",
            "embeddings",
            "prompt_caching",
        ),
        quirks=Quirks(
            stream_usage=False,  # it sends usage, and the cost, by itself
            reasoning_object=True,
            reasoning_back="reasoning_details",
            prices_per_tokens=1,
            attribution=True,
            cache_marks=True,
        ),
    ),
    Vendor(
        name="groq",
        display_name="Groq",
        format="openai_chat",
        base_url="https://api.groq.com/openai/v1",
        key_variables=("GROQ_API_KEY",),
        capabilities=(*_VISION, "reasoning"),
        quirks=Quirks(
            max_tokens_field="max_completion_tokens",
            efforts=_THREE_EFFORTS,
            names="none",  # 400: console.groq.com/docs/openai
        ),
    ),
    Vendor(
        name="mistral",
        display_name="Mistral",
        format="openai_chat",
        base_url="https://api.mistral.ai/v1",
        key_variables=("MISTRAL_API_KEY",),
        capabilities=(*_VISION, "files", "reasoning", "embeddings"),
        # It refuses fields that it does not know (422), stream_options and a user message's name
        # among them, and sends usage by itself.
        quirks=Quirks(
            stream_usage=False,
            required_word="any",
            reasoning_back="thinking",
            seed_field="random_seed",
            file_part="document_url",
            names="tool results",
            dimensions_field="output_dimension",
            embedding_base64=False,
            # It knows `none` and `high`.
            efforts=tuple((each, "high") for each in ("minimal", "low", "medium", "xhigh")),
        ),
    ),
    Vendor(
        name="deepseek",
        display_name="DeepSeek",
        format="openai_chat",
        base_url="https://api.deepseek.com",
        key_variables=("DEEPSEEK_API_KEY",),
        capabilities=("chat", "streaming", "tools", "json_object", "models", "reasoning"),
        # api-docs.deepseek.com, "Thinking Mode" (it maps efforts that it has not by itself) and
        # "JSON Output".
        quirks=Quirks(
            reasoning_back="reasoning_content",
            thinking_switch=True,
            json_formats=("json_object",),
            refuses=("seed",),
        ),
    ),
    Vendor(
        name="xai",
        display_name="xAI",
        format="openai_chat",
        base_url="https://api.x.ai/v1",
        key_variables=("XAI_API_KEY",),
        capabilities=(*_VISION, "reasoning"),
        quirks=Quirks(max_tokens_field="max_completion_tokens", efforts=(("minimal", "low"),)),
    ),
    Vendor(
        name="together",
        display_name="Together AI",
        format="openai_chat",
        base_url="https://api.together.xyz/v1",
        key_variables=("TOGETHER_API_KEY",),
        capabilities=(*_VISION, "reasoning", "embeddings"),
        quirks=Quirks(efforts=_THREE_EFFORTS, prices_per_tokens=1_000_000),
    ),
    Vendor(
        name="fireworks",
        display_name="Fireworks AI",
        format="openai_chat",
        base_url="https://api.fireworks.ai/inference/v1",
        key_variables=("FIREWORKS_API_KEY",),
        capabilities=(*_VISION, "reasoning", "embeddings"),
        quirks=Quirks(efforts=(("minimal", "low"),)),
    ),
    Vendor(
        name="cerebras",
        display_name="Cerebras",
        format="openai_chat",
        base_url="https://api.cerebras.ai/v1",
        key_variables=("CEREBRAS_API_KEY",),
        capabilities=(*_CHAT, "reasoning"),
        quirks=Quirks(
            max_tokens_field="max_completion_tokens",
            reasoning_back="reasoning",
            efforts=_THREE_EFFORTS,
        ),
    ),
    Vendor(
        name="perplexity",
        display_name="Perplexity",
        format="openai_chat",
        base_url="https://api.perplexity.ai",
        key_variables=("PERPLEXITY_API_KEY", "PPLX_API_KEY"),
        capabilities=("chat", "streaming", "json_schema", "images", "citations"),
        # It has no list of models; these are the ones its documentation names.
        models=("sonar", "sonar-pro", "sonar-reasoning-pro", "sonar-deep-research"),
        quirks=Quirks(
            stream_usage=False,  # each of its events has the usage so far
            json_formats=("json_schema",),
            refuses=("seed", "stop_sequences", "tools"),
        ),
    ),
    Vendor(
        name="ollama",
        display_name="Ollama",
        format="ollama",
        base_url="http://127.0.0.1:11434",
        key_required=False,
        key_variables=("OLLAMA_API_KEY",),
        address_variable="OLLAMA_HOST",
        runs_here=True,
        capabilities=(*_VISION, "reasoning", "embeddings"),
    ),
    Vendor(
        name="lmstudio",
        display_name="LM Studio",
        format="openai_chat",
        base_url="http://127.0.0.1:1234/v1",
        key_required=False,
        runs_here=True,
        capabilities=(*_VISION, "embeddings"),
        # 400: "'response_format.type' must be 'json_schema' or 'text'".
        quirks=Quirks(json_formats=("json_schema",)),
    ),
    Vendor(
        name="llamacpp",
        display_name="llama.cpp server",
        format="openai_chat",
        base_url="http://127.0.0.1:8080/v1",
        key_required=False,
        runs_here=True,
        key_variables=("LLAMA_API_KEY",),
        capabilities=(*_VISION, "reasoning", "embeddings"),
        quirks=Quirks(reasoning_back="reasoning_content"),
    ),
    Vendor(
        name="vllm",
        display_name="vLLM",
        format="openai_chat",
        base_url="http://127.0.0.1:8000/v1",
        key_required=False,
        runs_here=True,
        key_variables=("VLLM_API_KEY",),
        capabilities=(*_VISION, "reasoning", "embeddings"),
        quirks=Quirks(reasoning_back="reasoning"),
    ),
    Vendor(
        name="openai-compatible",
        display_name="OpenAI-compatible server",
        format="openai_chat",
        key_required=False,
        key_variables=("OPENAI_COMPATIBLE_API_KEY",),
        capabilities=(*_VISION, "embeddings"),
    ),
    Vendor(
        name="local",
        display_name="Local model (llama.cpp)",
        format="local",
        auth="none",
        key_required=False,
        capabilities=("chat", "streaming", "json_schema", "models", "embeddings", "offline"),
    ),
)

SCRIPTED = Vendor(
    name="scripted",
    display_name="Scripted answers",
    format="scripted",
    auth="none",
    key_required=False,
    capabilities=("chat", "streaming", "tools", "embeddings", "models", "offline"),
)
"""Offered with `--scripted DIR` only."""

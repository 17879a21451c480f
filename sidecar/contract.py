"""The one table: every method and notification with its parameters, its result and who does it.

It drives dispatch, `rpc.discover`, protocol/openrpc.json and protocol/schema.json, and whatever is
generated from those. After a change: `ai-sidecar contract openrpc` and `schema`, or
`scripts/gen_contract`, which writes both files.
"""

from __future__ import annotations

from typing import Any

from sidecar.engine.agent_block import AgentBlockOutput
from sidecar.engine.execution import StreamChunkNotification, StreamEndNotification
from sidecar.handlers import chat, models, system
from sidecar.rpc.methods import Method, NotificationType
from sidecar.values import AIResponse

METHODS: dict[str, Method] = {
    "initialize": Method(system.InitializeParams, system.InitializeResult, system.initialize),
    "ping": Method(models.NoParams, system.Empty, system.ping),
    "shutdown": Method(models.NoParams, system.Empty, system.shutdown),
    "rpc.discover": Method(models.NoParams, dict[str, Any], system.discover),
    "call_ai_provider": Method(
        chat.CallParams, (AIResponse, AgentBlockOutput), chat.call_ai_provider
    ),
    "stream_ai_provider": Method(chat.CallParams, chat.StreamAccepted, chat.stream_ai_provider),
    "cancel_execution": Method(chat.ExecutionParams, chat.CancelResult, chat.cancel_execution),
    "list_executions": Method(
        chat.ListExecutionsParams, chat.ListExecutionsResult, chat.list_executions
    ),
    "attach_execution": Method(chat.ExecutionParams, chat.AttachResult, chat.attach_execution),
    "list_ai_providers": Method(
        models.NoParams, models.ListProvidersResult, models.list_ai_providers
    ),
    "list_models": Method(models.ListModelsParams, models.ListModelsResult, models.list_models),
    "test_provider_connection": Method(
        models.TestProviderParams, models.TestProviderResult, models.test_provider_connection
    ),
    "configure_provider": Method(
        models.ConfigureProviderParams, models.ProviderInfo, models.configure_provider
    ),
    "set_active_provider": Method(
        models.SetActiveParams, models.ActiveProvider, models.set_active_provider
    ),
    "get_active_provider": Method(
        models.NoParams, models.ActiveProvider, models.get_active_provider
    ),
}

NOTIFICATIONS: dict[str, NotificationType] = {
    "ai_stream_chunk": NotificationType(StreamChunkNotification),
    "ai_stream_end": NotificationType(StreamEndNotification),
    "providers_changed": NotificationType(models.ProvidersChanged),
}

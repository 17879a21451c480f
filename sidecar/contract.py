"""The one table: every method and notification with its parameters, its result and who does it.

It drives dispatch, `rpc.discover`, protocol/openrpc.json, protocol/schema.json and the types of
protocol/typescript. After a change run `scripts/gen_contract`, which writes these files.
"""

from __future__ import annotations

from typing import Any

from sidecar.engine.agent_block import AgentBlockOutput
from sidecar.engine.execution import StreamChunkNotification, StreamEndNotification
from sidecar.handlers import chat, keys, models, system, tokens
from sidecar.keys.events import Verdict
from sidecar.keys.store import StoreState
from sidecar.keys.watch import SecurityNotice
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
        models.TestProviderParams,
        models.TestProviderResult,
        models.test_provider_connection,
        secrets=("api_key",),
    ),
    "embed": Method(tokens.EmbedParams, tokens.EmbedResult, tokens.embed),
    "count_tokens": Method(tokens.CountParams, tokens.CountResult, tokens.count_tokens),
    "configure_provider": Method(
        models.ConfigureProviderParams, models.ProviderInfo, models.configure_provider
    ),
    "set_active_provider": Method(
        models.SetActiveParams, models.ActiveProvider, models.set_active_provider
    ),
    "get_active_provider": Method(
        models.NoParams, models.ActiveProvider, models.get_active_provider
    ),
    "set_api_key": Method(
        keys.SetApiKeyParams, keys.KeyInfo, keys.set_api_key, secrets=("api_key",)
    ),
    "delete_api_key": Method(keys.KeyParams, keys.DeleteResult, keys.delete_api_key),
    "list_api_keys": Method(keys.ListKeysParams, keys.ListKeysResult, keys.list_api_keys),
    "create_vault": Method(
        keys.CreateVaultParams, StoreState, keys.create_vault, secrets=("password",)
    ),
    "unlock_vault": Method(
        keys.UnlockVaultParams, StoreState, keys.unlock_vault, secrets=("password",)
    ),
    "lock_vault": Method(models.NoParams, StoreState, keys.lock_vault),
    "change_vault_password": Method(
        keys.ChangeVaultPasswordParams,
        StoreState,
        keys.change_vault_password,
        secrets=("password", "new_password"),
    ),
    "list_audit_events": Method(keys.ListAuditParams, keys.ListAuditResult, keys.list_audit_events),
    "verify_audit": Method(models.NoParams, Verdict, keys.verify_audit),
}

NOTIFICATIONS: dict[str, NotificationType] = {
    "ai_stream_chunk": NotificationType(StreamChunkNotification),
    "ai_stream_end": NotificationType(StreamEndNotification),
    "providers_changed": NotificationType(models.ProvidersChanged),
    "security_notice": NotificationType(SecurityNotice),
}

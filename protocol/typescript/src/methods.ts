import type { Methods, NoParams } from "./contract.js";

/** A method of the contract. */
export type Method = keyof Methods;
/** What a method takes. */
export type ParamsOf<M extends Method> = Methods[M]["params"];
/** What a method answers. */
export type ResultOf<M extends Method> = Methods[M]["result"];
type Answer<M extends Method> = Promise<ResultOf<M>>;

/** What goes with any request. */
export interface RequestOptions {
  /**
   * Aborting rejects the promise at once with the signal's reason. What the sidecar does meanwhile
   * it does to its end, but for an execution: that is cancelled.
   */
  signal?: AbortSignal;
}

const NONE: NoParams = {};

/**
 * Every method of the contract by a name of its own: the wire's name in camelCase, without `ai`.
 * What each does stands in protocol/README.md. Parameters and results are the wire's, so fields
 * are in snake_case. Each rejects with a {@link SidecarError}.
 */
export abstract class ContractMethods {
  /** Send a request of any method. Rejects with a {@link SidecarError}, or the abort's reason. */
  abstract request<M extends Method>(
    method: M,
    params: ParamsOf<M>,
    options?: RequestOptions,
  ): Answer<M>;

  // ---- The sidecar ----

  /** Say hello; `AIClient.connect` does. Its answer has versions, capabilities and problems. */
  initialize(params: ParamsOf<"initialize"> = {}, options?: RequestOptions): Answer<"initialize"> {
    return this.request("initialize", params, options);
  }

  /** Answers `{}`. */
  ping(options?: RequestOptions): Answer<"ping"> {
    return this.request("ping", NONE, options);
  }

  /** End the sidecar: every execution is cancelled. `close` ends this client alone. */
  shutdown(options?: RequestOptions): Answer<"shutdown"> {
    return this.request("shutdown", NONE, options);
  }

  /** The contract as an OpenRPC document. */
  discover(options?: RequestOptions): Answer<"rpc.discover"> {
    return this.request("rpc.discover", NONE, options);
  }

  // ---- Executions; see also `callProvider`, `streamProvider` and `attach` ----

  /** Stop an execution. True for the one call that stopped something; never an error. */
  cancelExecution(
    params: ParamsOf<"cancel_execution">,
    options?: RequestOptions,
  ): Answer<"cancel_execution"> {
    return this.request("cancel_execution", params, options);
  }

  /** What runs; with `include_ended` also what ended some minutes ago. */
  listExecutions(
    params: ParamsOf<"list_executions"> = {},
    options?: RequestOptions,
  ): Answer<"list_executions"> {
    return this.request("list_executions", params, options);
  }

  /** What an execution has said so far. To follow it from there, use `attach`. */
  attachExecution(
    params: ParamsOf<"attach_execution">,
    options?: RequestOptions,
  ): Answer<"attach_execution"> {
    return this.request("attach_execution", params, options);
  }

  // ---- Providers ----

  /** Every provider with its state. Asks nobody, and shows no key. */
  listProviders(options?: RequestOptions): Answer<"list_ai_providers"> {
    return this.request("list_ai_providers", NONE, options);
  }

  /** Ask a provider (left out: the active one) for its models. */
  listModels(
    params: ParamsOf<"list_models"> = {},
    options?: RequestOptions,
  ): Answer<"list_models"> {
    return this.request("list_models", params, options);
  }

  /** Try a provider, with a key that is used once or with the one that is kept. */
  testProviderConnection(
    params: ParamsOf<"test_provider_connection">,
    options?: RequestOptions,
  ): Answer<"test_provider_connection"> {
    return this.request("test_provider_connection", params, options);
  }

  /** Turn texts into vectors, in their order. */
  embed(params: ParamsOf<"embed">, options?: RequestOptions): Answer<"embed"> {
    return this.request("embed", params, options);
  }

  /** Count the tokens of a request before it is sent: natively, or as a marked estimate. */
  countTokens(params: ParamsOf<"count_tokens">, options?: RequestOptions): Answer<"count_tokens"> {
    return this.request("count_tokens", params, options);
  }

  /** Set a provider's address and defaults; null sets a field back. */
  configureProvider(
    params: ParamsOf<"configure_provider">,
    options?: RequestOptions,
  ): Answer<"configure_provider"> {
    return this.request("configure_provider", params, options);
  }

  /** Set the provider that requests without one go to. */
  setActiveProvider(
    params: ParamsOf<"set_active_provider">,
    options?: RequestOptions,
  ): Answer<"set_active_provider"> {
    return this.request("set_active_provider", params, options);
  }

  /** The provider that requests without one go to. */
  getActiveProvider(options?: RequestOptions): Answer<"get_active_provider"> {
    return this.request("get_active_provider", NONE, options);
  }

  // ---- Keys: they go in and never come out ----

  /** Keep a key. Nothing gives it back: the answer is everything about it but the key. */
  setApiKey(params: ParamsOf<"set_api_key">, options?: RequestOptions): Answer<"set_api_key"> {
    return this.request("set_api_key", params, options);
  }

  /** Take a key away; false where there was none. */
  deleteApiKey(
    params: ParamsOf<"delete_api_key">,
    options?: RequestOptions,
  ): Answer<"delete_api_key"> {
    return this.request("delete_api_key", params, options);
  }

  /** Which keys there are, and how the key stores are. */
  listApiKeys(
    params: ParamsOf<"list_api_keys"> = {},
    options?: RequestOptions,
  ): Answer<"list_api_keys"> {
    return this.request("list_api_keys", params, options);
  }

  /** Make the vault, under a master password or protected by the OS keyring. */
  createVault(
    params: ParamsOf<"create_vault"> = {},
    options?: RequestOptions,
  ): Answer<"create_vault"> {
    return this.request("create_vault", params, options);
  }

  /** Open the vault. */
  unlockVault(params: ParamsOf<"unlock_vault">, options?: RequestOptions): Answer<"unlock_vault"> {
    return this.request("unlock_vault", params, options);
  }

  /** Lock the vault. */
  lockVault(options?: RequestOptions): Answer<"lock_vault"> {
    return this.request("lock_vault", NONE, options);
  }

  /** Give the vault another master password. */
  changeVaultPassword(
    params: ParamsOf<"change_vault_password"> = {},
    options?: RequestOptions,
  ): Answer<"change_vault_password"> {
    return this.request("change_vault_password", params, options);
  }

  /** What happened to keys, the newest first. */
  listAuditEvents(
    params: ParamsOf<"list_audit_events"> = {},
    options?: RequestOptions,
  ): Answer<"list_audit_events"> {
    return this.request("list_audit_events", params, options);
  }

  /** Whether the record of that is as it was written. */
  verifyAudit(options?: RequestOptions): Answer<"verify_audit"> {
    return this.request("verify_audit", NONE, options);
  }
}

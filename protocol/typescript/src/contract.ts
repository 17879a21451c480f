// Generated from the table in sidecar/contract.py: change that, then run scripts/gen_contract.
// Names and fields are those of the wire; protocol/README.md says what they mean.

/** The version of the contract that these types are of: MAJOR.MINOR. */
export const PROTOCOL_VERSION = "1.0";

/** Every method: what it takes, and what it answers. */
export interface Methods {
  /** Say hello. Optional: requests work without it. */
  initialize: { params: InitializeParams; result: InitializeResult };
  /** Answer. */
  ping: { params: NoParams; result: Empty };
  /** End every execution, answer, and exit with status 0. */
  shutdown: { params: NoParams; result: Empty };
  /** Return this contract as an OpenRPC document. */
  "rpc.discover": { params: NoParams; result: Record<string, unknown> };
  /**
   * Ask a model and answer when it is done. With `request.stream: true` the stream's notifications
   * come first. A cancelled call answers with error -32800.
   */
  call_ai_provider: { params: CallParams; result: AIResponse | AgentBlockOutput };
  /**
   * Ask a model and answer at once; chunks and one end follow as notifications. Bad parameters, an
   * unknown provider, a missing key or a duplicate id answer as an error, and no stream exists.
   * Everything later arrives in `ai_stream_end`.
   */
  stream_ai_provider: { params: CallParams; result: StreamAccepted };
  /** Stop an execution. Never an error; the provider's connection is closed at once. */
  cancel_execution: { params: ExecutionParams; result: CancelResult };
  /** List what runs. */
  list_executions: { params: ListExecutionsParams; result: ListExecutionsResult };
  /** Return what an execution has said so far, for a front end that was reloaded. */
  attach_execution: { params: ExecutionParams; result: AttachResult };
  /**
   * List every provider with its state. Shows no key. Nobody is asked; servers on this machine are
   * tried whether they take a connection.
   */
  list_ai_providers: { params: NoParams; result: ListProvidersResult };
  /** Ask a provider, live, for its models. */
  list_models: { params: ListModelsParams; result: ListModelsResult };
  /**
   * Ask a provider for its models, and tell how that went. That costs nothing; only a provider
   * without a list of models is asked for one token instead. An unknown provider answers as an
   * error; whatever the provider or the network does is in the result.
   */
  test_provider_connection: { params: TestProviderParams; result: TestProviderResult };
  /**
   * Turn texts into vectors. Large inputs are sent in several requests, as the provider takes.
   * `cancel_execution` stops it by its `execution_id`; it answers with error -32800 then.
   */
  embed: { params: EmbedParams; result: EmbedResult };
  /** Count the tokens of a request before it is sent: natively, or as a marked estimate. */
  count_tokens: { params: CountParams; result: CountResult };
  /** Set a provider's address and defaults, and keep them. Tells `providers_changed`. */
  configure_provider: { params: ConfigureProviderParams; result: ProviderInfo };
  /** Set, and keep, the provider that requests without one go to. */
  set_active_provider: { params: SetActiveParams; result: ActiveProvider };
  /** Return the provider that requests without one go to. */
  get_active_provider: { params: NoParams; result: ActiveProvider };
  /**
   * Keep a key, in place of the one of that id. The next request uses it. It is bound to the
   * address that its provider has now: point the provider elsewhere, and the key is not sent there
   * until it is entered again.
   */
  set_api_key: { params: SetApiKeyParams; result: KeyInfo };
  /** Take a key away. Requests under way end on it. */
  delete_api_key: { params: KeyParams; result: DeleteResult };
  /** List which keys there are, and how the key stores are. Opens no store and no dialogue. */
  list_api_keys: { params: ListKeysParams; result: ListKeysResult };
  /** Make the vault: keys in the home folder, encrypted. It is open then. */
  create_vault: { params: CreateVaultParams; result: StoreState };
  /** Open the vault until it is locked, by `lock_vault` or by not being used for a while. */
  unlock_vault: { params: UnlockVaultParams; result: StoreState };
  /** Lock the vault, and forget what was read from it. Requests under way end on their key. */
  lock_vault: { params: NoParams; result: StoreState };
  /** Give the vault another master password. Its keys are not encrypted anew. */
  change_vault_password: { params: ChangeVaultPasswordParams; result: StoreState };
  /** List what happened to keys. */
  list_audit_events: { params: ListAuditParams; result: ListAuditResult };
  /** Tell whether the events are as they were written. */
  verify_audit: { params: NoParams; result: Verdict };
}

/** Every notification, with its parameters. */
export interface Notifications {
  /** One chunk of a stream. `seq` counts from 1 and has no gaps. */
  ai_stream_chunk: StreamChunkNotification;
  /** The last word of a stream; exactly one comes. `response` is what was said until then. */
  ai_stream_end: StreamEndNotification;
  /** The settings of a provider, or which one is active, have changed. */
  providers_changed: ProvidersChanged;
  /** Something odd about keys, in words for a person. `timestamp` in Unix milliseconds. */
  security_notice: SecurityNotice;
}

/** What sort of thing went wrong, as `data.kind` of an error; a later minor may add some. */
export type ErrorKind =
  /** -33019: The provider failed on its own side. */
  | "api_error"
  /** -33010: The provider refused the key. */
  | "authentication"
  /** -33006: More at once than the sidecar takes. */
  | "busy"
  /** -32800: Somebody asked for this to stop. */
  | "cancelled"
  /** -33041: An optional part is not installed. */
  | "component_missing"
  /** -33004: A setting that can't be used. */
  | "config"
  /** -33017: The provider's safety system refused. */
  | "content_filter"
  /** -33016: The prompt is longer than the model's context window. */
  | "context_length"
  /** -32603: A bug of ours. The text of the exception goes to stderr, never to the caller. */
  | "internal"
  /**
   * -32700: A line that is not JSON text in UTF-8.
   *
   * -32600: JSON, but not a JSON-RPC 2.0 request.
   *
   * -32601: No method of that name.
   *
   * -32602: Parameters of the wrong shape; `path` names the place, like
   * `$.request.messages[0].role`.
   *
   * -33015: The provider found the request itself wrong.
   */
  | "invalid_request"
  /** -33020: The provider answered something that is not its API's format. */
  | "invalid_response"
  /** -33002: The provider needs a key, and none is set. */
  | "key_not_found"
  /** -33003: The key belongs to another origin than the one the provider now points at. */
  | "key_origin_mismatch"
  /** -33044: What a key store holds was changed from outside or damaged; it was not used. */
  | "key_store_corrupt"
  /** -33043: The key is there and can't be read before somebody unlocks its store. */
  | "key_store_locked"
  /** -33018: The provider has no such model. */
  | "model_not_found"
  /** -33030: The provider could not be reached, or the connection broke. */
  | "network"
  /** -33005: Something named by id that does not exist (any more). */
  | "not_found"
  /** -33014: The provider has no capacity for now. */
  | "overloaded"
  /** -33011: The key is known but may not do this. */
  | "permission"
  /** -33001: A provider name that neither the catalogue nor config.toml knows. */
  | "provider_not_found"
  /** -33012: The account has no credit left. */
  | "quota"
  /** -33013: Too many requests or tokens for now. */
  | "rate_limited"
  /** -33042: The sidecar's own database or folder could not be used. */
  | "storage"
  /** -33031: One of the four timeouts (connect, first token, idle, total) passed. */
  | "timeout"
  /** -33021: The stream ended before the provider said that it was done. */
  | "truncated_stream"
  /** -33040: The llama.cpp worker process died; only the execution it ran is lost. */
  | "worker_crashed";

/** `process_id`: the sidecar ends when this process does, besides ending with its stdin. */
export interface InitializeParams {
  client?: ClientInfo;
  /** At least 1. */
  process_id?: number;
}

/** Who is calling. `url`: the app's own page on the web. */
export interface ClientInfo {
  /** At most 200 characters. */
  name: string;
  /** At most 200 characters. */
  version?: string;
  /** At most 200 characters. */
  url?: string;
}

/**
 * `protocol_version` is MAJOR.MINOR; a client refuses another major.
 *
 * `problems` are for people: settings that could not be used, and what was used instead.
 */
export interface InitializeResult {
  server: ServerInfo;
  protocol_version: string;
  capabilities: string[];
  key_store: KeyStoreState;
  paths: Paths;
  problems: string[];
}

/** Who is answering. */
export interface ServerInfo {
  name: string;
  version: string;
}

/**
 * Where keys are looked for, in that order, as far as it is known without asking.
 *
 * `unknown`: whether there is an OS keyring, and whether it is open, `list_api_keys` tells.
 */
export interface KeyStoreState {
  stores: StoreState[];
}

/**
 * One key store as it is now. `detail` says why where it is not `ready`, `hint` what to do.
 *
 * `missing`: there is none here; `locked`: it needs its password; `busy`: it does not answer;
 * `damaged`: what it keeps can't be read; `unknown`: nobody has asked it yet.
 */
export interface StoreState {
  name: "environment" | "keyring" | "memory" | "vault";
  state: "busy" | "damaged" | "locked" | "missing" | "ready" | "unknown";
  detail?: string;
  hint?: string;
}

/** The files a user may want to find. */
export interface Paths {
  home: string;
  config: string;
}

/** No parameters. */
export type NoParams = Record<string, never>;

/** Nothing to say. */
export type Empty = Record<string, unknown>;

/** `provider` is left out for the active one. */
export interface CallParams {
  request: AIRequest;
  /** 1 to 100 characters. */
  provider?: string;
  /** Chosen by the client, or by the server where it is left out; unique. 1 to 200 characters. */
  execution_id?: string;
  /** The client's own label; echoed. At most 200 characters. */
  block_id?: string;
  /** Default: "response". */
  output?: "agent_block" | "response";
}

/**
 * One request to a model, the same for every provider.
 *
 * `extra` is merged into the body that goes to the provider, for fields only this vendor has; it
 * cannot set headers, URLs or `stream`. `metadata` is the app's own: it stays with the execution
 * and is not sent.
 */
export interface AIRequest {
  /** At least 1 item. */
  messages: AIMessage[];
  /** 1 to 300 characters. */
  model?: string;
  /** At least 0. */
  temperature?: number;
  /** 0 to 1. */
  top_p?: number;
  /** At least 1. */
  max_tokens?: number;
  stop_sequences?: string[];
  frequency_penalty?: number;
  presence_penalty?: number;
  seed?: number;
  tools?: Tool[];
  tool_choice?: "auto" | "none" | "required" | NamedToolChoice;
  parallel_tool_calls?: boolean;
  response_format?: TextFormat | JsonObjectFormat | JsonSchemaFormat;
  reasoning?: ReasoningOptions;
  /** Default: false. */
  stream?: boolean;
  metadata?: Record<string, string>;
  extra?: Record<string, unknown>;
  timeouts?: Timeouts;
}

/**
 * One turn of a conversation.
 *
 * `AIResponse.message` is such a message, to be appended unchanged.
 */
export interface AIMessage {
  role: "assistant" | "system" | "tool" | "user";
  content?: string | (TextPart | ImagePart | FilePart | AudioPart)[];
  name?: string;
  tool_calls?: ToolCall[];
  tool_call_id?: string;
  reasoning?: Reasoning[];
}

/** A piece of text. */
export interface TextPart {
  type: "text";
  text: string;
  cache_control?: CacheControl;
}

/** The provider is to keep the prompt up to here, for `ttl` or five minutes (Anthropic). */
export interface CacheControl {
  type: "ephemeral";
  ttl?: "1h" | "5m";
}

/** An image: either `url` (https or data URL) or base64 `data` with its `media_type`. */
export interface ImagePart {
  type: "image";
  url?: string;
  data?: string;
  media_type?: string;
  detail?: "auto" | "high" | "low";
  cache_control?: CacheControl;
}

/**
 * A document (PDF): either `url` or base64 `data` with its `media_type`.
 *
 * `citations`: the answer may cite it (Anthropic).
 */
export interface FilePart {
  type: "file";
  url?: string;
  data?: string;
  media_type?: string;
  filename?: string;
  citations?: boolean;
  cache_control?: CacheControl;
}

/** Sound: base64 `data` and its `media_type` (`audio/wav`, `audio/mpeg`). */
export interface AudioPart {
  type: "audio";
  data: string;
  media_type: string;
}

/** A call that the model wants made. `arguments` is the JSON text as the model wrote it. */
export interface ToolCall {
  id: string;
  name: string;
  arguments: string;
  signature?: string;
}

/**
 * One block of an assistant's reasoning, with the provider's opaque proof of it, if any.
 *
 * `text` is what was thought, `summary` what the provider tells of it. `signature` proves the text;
 * `data` is reasoning that only the provider can read. `origin` says whose form the block has: only
 * there does its proof go back. A block of a signature alone belongs to the message's own text.
 */
export interface Reasoning {
  text?: string;
  summary?: string;
  signature?: string;
  data?: string;
  id?: string;
  origin?: string;
}

/** A function that the model may call; `parameters` is its JSON schema. */
export interface Tool {
  /** 1 to 128 characters. */
  name: string;
  description?: string;
  parameters?: Record<string, unknown>;
  strict?: boolean;
  cache_control?: CacheControl;
}

/** The model must call this tool. */
export interface NamedToolChoice {
  name: string;
}

/** Plain text, which is the default. */
export interface TextFormat {
  type: "text";
}

/** Any JSON object. */
export interface JsonObjectFormat {
  type: "json_object";
}

/** JSON that follows `schema` (JSON Schema). */
export interface JsonSchemaFormat {
  type: "json_schema";
  schema: Record<string, unknown>;
  /** Default: "response". */
  name?: string;
  description?: string;
  strict?: boolean;
}

/** How much the model may think: a word or a number of tokens. */
export interface ReasoningOptions {
  effort?: "high" | "low" | "medium" | "minimal" | "none" | "xhigh";
  /** At least 1. */
  max_tokens?: number;
}

/**
 * The four timeouts, in milliseconds; what is left out comes from the provider's row.
 *
 * `connect_ms`: until the connection stands. `first_token_ms`: until the first word of a stream, or
 * the answer of a request that does not stream. `idle_ms`: between two arrivals of bytes,
 * heartbeats included. `total_ms`: the whole.
 */
export interface Timeouts {
  /** 1 to 86400000. */
  connect_ms?: number;
  /** 1 to 86400000. */
  first_token_ms?: number;
  /** 1 to 86400000. */
  idle_ms?: number;
  /** 1 to 86400000. */
  total_ms?: number;
}

/**
 * The whole answer. `content` is the chunks' content joined; so is everything else.
 *
 * `parsed` is the content as JSON, where `request.response_format` asked for it.
 */
export interface AIResponse {
  content: string;
  message: AIMessage;
  model: string;
  provider: string;
  execution_id: string;
  finish_reason?: "cancelled" | "content_filter" | "error" | "length" | "stop" | "tool_calls";
  provider_finish_reason?: string;
  reasoning?: string;
  tool_calls?: ToolCall[];
  citations?: Citation[];
  refusal?: string;
  logprobs?: Record<string, unknown[]>;
  parsed?: unknown;
  usage?: TokenUsage;
  cost?: Cost;
  timing?: Timing;
  response_id?: string;
  request_id?: string;
  warnings?: string[];
}

/**
 * A source that the answer refers to; indexes are characters of `content`.
 *
 * A document of the request has no `url`: `document_index` counts those from 0, `page` is where the
 * cited text begins, from 1.
 */
export interface Citation {
  url?: string;
  title?: string;
  text?: string;
  date?: string;
  start_index?: number;
  end_index?: number;
  document_index?: number;
  page?: number;
}

/**
 * What an answer took.
 *
 * `prompt_tokens` counts all input, cached included; `completion_tokens` all output, reasoning
 * included.
 */
export interface TokenUsage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  cached_tokens?: number;
  cache_write_tokens?: number;
  reasoning_tokens?: number;
  audio_tokens?: number;
}

/** Money, in `currency` (ISO 4217). */
export interface Cost {
  currency: string;
  total: number;
  input?: number;
  output?: number;
}

/** Where the time went. `connect_ms` is absent where a kept connection was used again. */
export interface Timing {
  queued_ms?: number;
  connect_ms?: number;
  first_token_ms?: number;
  total_ms?: number;
}

/** `output: "agent_block"`: the answer, flat, with every field that an editor binds to. */
export interface AgentBlockOutput {
  content: string;
  model: string;
  provider: string;
  /** Chosen by the client, or by the server where it is left out; unique. 1 to 200 characters. */
  execution_id: string;
  tokens: AgentTokens;
  tool_calls: ToolCall[];
  /** The client's own label; echoed. At most 200 characters. */
  block_id?: string;
  finish_reason?: "cancelled" | "content_filter" | "error" | "length" | "stop" | "tool_calls";
  reasoning?: string;
  timing?: Timing;
  warnings?: string[];
}

/** Token counts, zero where the provider told none. */
export interface AgentTokens {
  prompt: number;
  completion: number;
  total: number;
}

/** The stream runs; its chunks and its end come as notifications of this id. */
export interface StreamAccepted {
  /** Chosen by the client, or by the server where it is left out; unique. 1 to 200 characters. */
  execution_id: string;
}

/** Names an execution. */
export interface ExecutionParams {
  /** Chosen by the client, or by the server where it is left out; unique. 1 to 200 characters. */
  execution_id: string;
}

/** True for the call that stopped it; false where there was nothing (more) to stop. */
export interface CancelResult {
  cancelled: boolean;
}

/** With `include_ended`, also those that ended within the last minutes. */
export interface ListExecutionsParams {
  /** Default: false. */
  include_ended?: boolean;
}

/** Oldest first. */
export interface ListExecutionsResult {
  executions: ExecutionInfo[];
}

/** One execution. */
export interface ExecutionInfo {
  /** Chosen by the client, or by the server where it is left out; unique. 1 to 200 characters. */
  execution_id: string;
  state: "cancelled" | "done" | "failed" | "queued" | "streaming" | "waiting";
  provider: string;
  model: string;
  streams: boolean;
  seq: number;
  created_at: number;
  /** The client's own label; echoed. At most 200 characters. */
  block_id?: string;
  metadata?: Record<string, string>;
}

/** What was said so far; notifications go on at `seq` + 1. */
export interface AttachResult {
  /** Chosen by the client, or by the server where it is left out; unique. 1 to 200 characters. */
  execution_id: string;
  state: "cancelled" | "done" | "failed" | "queued" | "streaming" | "waiting";
  seq: number;
  response: AIResponse | AgentBlockOutput;
  error?: ErrorObject;
}

/** The JSON-RPC error object (JSON-RPC 2.0, section 5.1), with this contract's `data`. */
export interface ErrorObject {
  code: number;
  message: string;
  data: ErrorData;
}

/** `error.data` on the wire. `kind` and `hint` are always there. */
export interface ErrorData {
  kind: string;
  hint: string;
  path?: string;
  provider?: string;
  status?: number;
  retry_after_ms?: number;
  request_id?: string;
  provider_message?: string;
  execution_id?: string;
}

/** Every provider, the catalogue's first. */
export interface ListProvidersResult {
  providers: ProviderInfo[];
}

/**
 * One provider. `available`: nothing is missing that can be known without asking it.
 *
 * A server that users start on this machine is available while it takes connections.
 *
 * `origins` are the addresses that its key is for; requests go to `base_url`.
 */
export interface ProviderInfo {
  /** 1 to 100 characters. */
  name: string;
  display_name: string;
  format: string;
  capabilities: string[];
  available: boolean;
  has_api_key: boolean;
  key_required: boolean;
  origins: string[];
  active: boolean;
  base_url?: string;
  key_variables?: string[];
  defaults?: ProviderDefaults;
}

/** What requests get that don't say otherwise. */
export interface ProviderDefaults {
  model?: string;
  max_tokens?: number;
  temperature?: number;
  organization?: string;
  api_version?: string;
  timeouts?: Timeouts;
}

/** `provider` is left out for the active one. */
export interface ListModelsParams {
  /** 1 to 100 characters. */
  provider?: string;
}

/** As the provider orders them. */
export interface ListModelsResult {
  models: ModelInfo[];
}

/**
 * One model that a provider offers: what the provider itself tells, then what is known of it.
 *
 * `context_window` is how many tokens a prompt may have; with most providers its answer counts in,
 * too. `input_modalities` and `output_modalities` are those that are known: `text`, `image`,
 * `audio`, `video`, `file`, `embedding`. `tools`, `structured_output` (by a JSON schema) and
 * `reasoning` say whether it can; left out, nobody said. `capabilities` are the provider's own
 * words. On `deprecation_date` (YYYY-MM-DD) the provider means to take the model away.
 */
export interface ModelInfo {
  id: string;
  provider: string;
  display_name?: string;
  kind?: "chat" | "embedding";
  context_window?: number;
  max_output_tokens?: number;
  input_modalities?: string[];
  output_modalities?: string[];
  tools?: boolean;
  structured_output?: boolean;
  reasoning?: boolean;
  capabilities?: string[];
  prices?: ModelPrices;
  deprecation_date?: string;
  created_at?: number;
  owned_by?: string;
}

/**
 * What a million tokens of text cost, in `currency` (ISO 4217): list prices, without tax.
 *
 * `input` are those that come from no cache, `cache_read` those that do; `cache_write` is for the
 * shortest time that the provider keeps them. `output` counts reasoning in. Where a price depends
 * on the hour it is the dearest. `as_of` is the day (YYYY-MM-DD) on which the catalogue was made
 * that they are from; without it they are what the provider has just said.
 */
export interface ModelPrices {
  currency: string;
  input?: number;
  output?: number;
  cache_read?: number;
  cache_write?: number;
  tiers?: PriceTier[];
  as_of?: string;
}

/**
 * The prices of a request whose prompt has more than `above_tokens` tokens, for all of it.
 *
 * What is not here costs what it does below.
 */
export interface PriceTier {
  above_tokens: number;
  input?: number;
  output?: number;
  cache_read?: number;
  cache_write?: number;
}

/** `api_key` is used for this test alone and not kept. */
export interface TestProviderParams {
  /** 1 to 100 characters. */
  provider: string;
  /** 1 to 10000 characters. */
  api_key?: string;
}

/** `ok`: the provider was reached and took the key. Where not, `error` says why. */
export interface TestProviderResult {
  ok: boolean;
  latency_ms: number;
  models?: number;
  error?: ErrorObject;
}

/**
 * Texts to be turned into vectors. `provider` is left out for the active one.
 *
 * `dimensions` shortens the vectors, where the model can do that. `extra` is merged into the body
 * that goes to the provider.
 */
export interface EmbedParams {
  /** 1 to 300 characters. */
  model: string;
  /** At least 1 character. 1 to 256 items. */
  input: string | string[];
  /** 1 to 100 characters. */
  provider?: string;
  /** At least 1. */
  dimensions?: number;
  extra?: Record<string, unknown>;
  timeouts?: Timeouts;
  /** Chosen by the client, or by the server where it is left out; unique. 1 to 200 characters. */
  execution_id?: string;
}

/** A vector for each text, in their order. `model` as the provider names it. */
export interface EmbedResult {
  embeddings: number[][];
  model: string;
  provider: string;
  dimensions: number;
  usage?: TokenUsage;
  warnings?: string[];
}

/** What would be asked. `provider` is left out for the active one. */
export interface CountParams {
  request: AIRequest;
  /** 1 to 100 characters. */
  provider?: string;
  /** Chosen by the client, or by the server where it is left out; unique. 1 to 200 characters. */
  execution_id?: string;
}

/** Tokens of the prompt. `estimated`: the provider does not tell, and this is about right. */
export interface CountResult {
  tokens: number;
  estimated: boolean;
  model: string;
  provider: string;
  warnings?: string[];
}

/**
 * What is left out stays as it is; null sets it back.
 *
 * `format` makes a new provider of a name that is not known yet, and null takes it away. There is
 * nothing here about keys, headers, TLS, proxies or environment variables, and there won't be.
 */
export interface ConfigureProviderParams {
  /** 1 to 100 characters. */
  provider: string;
  format?: "anthropic" | "gemini" | "ollama" | "openai_chat" | "openai_responses" | null;
  /** 1 to 100 characters. */
  display_name?: string | null;
  /** At most 2000 characters. */
  base_url?: string | null;
  /** 1 to 300 characters. */
  model?: string | null;
  /** At least 1. */
  max_tokens?: number | null;
  /** At least 0. */
  temperature?: number | null;
  organization?: string | null;
  api_version?: string | null;
  timeouts?: Timeouts | null;
}

/** Names the provider, and perhaps the model. */
export interface SetActiveParams {
  /** 1 to 100 characters. */
  provider: string;
  /** 1 to 300 characters. */
  model?: string;
}

/** The provider, and perhaps the model, that requests without one go to. */
export interface ActiveProvider {
  /** 1 to 100 characters. */
  provider: string;
  model?: string;
}

/** `store`: where it is kept; `auto`, or left out: in the first of the order that works. */
export interface SetApiKeyParams {
  /** 1 to 100 characters. */
  provider: string;
  /** 1 to 10000 characters. */
  api_key: string;
  /** Default: "default". */
  key_id?: string;
  /** Default: "auto". */
  store?: "auto" | "keyring" | "memory" | "vault";
}

/**
 * Everything about a key but the key. `source` is the store it lies in.
 *
 * `origins`: it is sent there and nowhere else. `fingerprint`: the same for the same key, made with
 * a key of this home folder's own. A key in the environment has no `created_at`.
 */
export interface KeyInfo {
  /** 1 to 100 characters. */
  provider: string;
  key_id: string;
  has_api_key: boolean;
  source: "environment" | "keyring" | "memory" | "vault";
  origins: string[];
  fingerprint: string;
  created_at?: number;
}

/** Names a key. */
export interface KeyParams {
  /** 1 to 100 characters. */
  provider: string;
  /** Default: "default". */
  key_id?: string;
}

/** True where there was one. */
export interface DeleteResult {
  deleted: boolean;
}

/** `provider` is left out for the keys of all. */
export interface ListKeysParams {
  /** 1 to 100 characters. */
  provider?: string;
}

/** The keys of each provider in the order in which they are used, and the key stores. */
export interface ListKeysResult {
  keys: KeyInfo[];
  stores: StoreState[];
}

/** Without a `password` the OS keyring protects the vault. */
export interface CreateVaultParams {
  /** 8 to 1000 characters. */
  password?: string;
}

/** The master password. */
export interface UnlockVaultParams {
  /** At most 1000 characters. */
  password: string;
}

/** `password` is the present one; without a `new_password` the OS keyring protects the vault. */
export interface ChangeVaultPasswordParams {
  /** At most 1000 characters. */
  password?: string;
  /** 8 to 1000 characters. */
  new_password?: string;
}

/** The newest come first. `before`: a `seq`, to page on. */
export interface ListAuditParams {
  /** 1 to 100 characters. */
  provider?: string;
  /** At least 1. */
  before?: number;
  /** 1 to 1000. Default: 100. */
  limit?: number;
}

/** Newest first. */
export interface ListAuditResult {
  events: NumberedEvent[];
}

/** An event with its place in the chain. */
export interface NumberedEvent {
  seq: number;
  event: AuditEvent;
}

/**
 * One thing that happened to a key. `result` is `ok` or the kind of the error.
 *
 * `at` in Unix milliseconds. `use`: it was sent to `origin`; `refuse`: it was not, since it is for
 * another origin; `read`: it was taken out of its store.
 */
export interface AuditEvent {
  at: number;
  event:
    | "begin_anew"
    | "change_vault_password"
    | "create_vault"
    | "delete"
    | "lock_vault"
    | "read"
    | "refuse"
    | "store"
    | "unlock_vault"
    | "use";
  result: string;
  provider?: string;
  key_id?: string;
  store?: string;
  origin?: string;
  execution_id?: string;
}

/**
 * Whether the chain is as it was written.
 *
 * `sealed` is the last event that a seal vouches for, with all before it; what comes after it is
 * only as good as the file. Where `valid` is false, `problem` says what is wrong, and `seq` where.
 */
export interface Verdict {
  valid: boolean;
  events: number;
  sealed: number;
  problem?: string;
  seq?: number;
}

/** One chunk of a stream. `seq` counts from 1 and has no gaps. */
export interface StreamChunkNotification {
  /** Chosen by the client, or by the server where it is left out; unique. 1 to 200 characters. */
  execution_id: string;
  seq: number;
  timestamp: number;
  chunk: StreamChunk;
  /** The client's own label; echoed. At most 200 characters. */
  block_id?: string;
}

/** What one step of a stream brought. `logprobs` is `{content?: […], refusal?: […], …}`. */
export interface StreamChunk {
  content?: string;
  reasoning?: string;
  tool_calls?: ToolCallDelta[];
  citations?: Citation[];
  refusal?: string;
  logprobs?: Record<string, unknown[]>;
  finish_reason?: "cancelled" | "content_filter" | "error" | "length" | "stop" | "tool_calls";
  usage?: TokenUsage;
}

/**
 * A piece of a tool call.
 *
 * The first of an `index` has `id` and `name`; later ones append to `arguments`.
 */
export interface ToolCallDelta {
  index: number;
  id?: string;
  name?: string;
  arguments?: string;
}

/** The last word of a stream; exactly one comes. `response` is what was said until then. */
export interface StreamEndNotification {
  /** Chosen by the client, or by the server where it is left out; unique. 1 to 200 characters. */
  execution_id: string;
  seq: number;
  timestamp: number;
  finish_reason: "cancelled" | "content_filter" | "error" | "length" | "stop" | "tool_calls";
  response: AIResponse | AgentBlockOutput;
  error?: ErrorObject;
  /** The client's own label; echoed. At most 200 characters. */
  block_id?: string;
}

/** The settings of a provider, or which one is active, have changed. */
export interface ProvidersChanged {
  /** 1 to 100 characters. */
  provider: string;
}

/** Something odd about keys, in words for a person. `timestamp` in Unix milliseconds. */
export interface SecurityNotice {
  kind:
    | "audit_failed"
    | "authentication_failures"
    | "burst"
    | "new_origin"
    | "origin_mismatch"
    | "unlock_failures";
  message: string;
  timestamp: number;
  provider?: string;
  key_id?: string;
  origin?: string;
  count?: number;
}

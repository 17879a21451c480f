import { Connection, type ConnectionState } from "./connection.js";
import {
  type AIRequest,
  type AttachResult,
  type CallParams,
  type InitializeResult,
  type Notifications,
  PROTOCOL_VERSION,
} from "./contract.js";
import { clientError, reporter, type SidecarClosed, SidecarError } from "./errors.js";
import {
  ContractMethods,
  type Method,
  type ParamsOf,
  type RequestOptions,
  type ResultOf,
} from "./methods.js";
import type {
  CallOptions,
  ClientOptions,
  ExecutionOptions,
  StateHandler,
  StreamOptions,
} from "./options.js";
import {
  type AIStream,
  type AnswerOf,
  type Output,
  RunningStream,
  type StreamHandlers,
  type StreamLink,
} from "./stream.js";
import type { Transport } from "./transport.js";

type Handler<N extends keyof Notifications> = (params: Notifications[N]) => void;

const SILENCE_MS = 15_000;

/**
 * A sidecar's client: every method of the contract, typed, and streams.
 *
 * ```ts
 * const client = await AIClient.connect(new TauriTransport());
 * const stream = client.streamProvider("openai", { messages: [{ role: "user", content: "Hello?" }] });
 * for await (const chunk of stream) show(chunk.content ?? "");
 * ```
 */
export class AIClient extends ContractMethods {
  readonly #connection: Connection;
  readonly #link: StreamLink;
  readonly #streams = new Map<string, Set<RunningStream<Output>>>();
  readonly #handlers = new Map<string, Set<Handler<keyof Notifications>>>();
  readonly #stateHandlers = new Set<StateHandler>();
  readonly #onError: (error: unknown) => void;
  #info!: InitializeResult;

  private constructor(transport: Transport, options: ClientOptions) {
    super();
    this.#onError = reporter(options.onError);
    this.#connection = new Connection(transport, {
      onNotification: (method, params) => this.#heard(method, params),
      onState: (state, error) => this.#changed(state, error),
      onError: this.#onError,
    });
    this.#link = {
      silenceMs: options.silenceMs ?? SILENCE_MS,
      attach: (executionId) => this.#attached(executionId),
      cancel: (executionId) => this.#cancel(executionId),
      forget: (stream) => this.#forget(stream),
      onError: this.#onError,
    };
  }

  /**
   * Open a transport and say hello.
   *
   * @throws SidecarClosed where the sidecar can't be reached
   * @throws SidecarError of kind `protocol_version` where it speaks another major version
   */
  static async connect(transport: Transport, options: ClientOptions = {}): Promise<AIClient> {
    const client = new AIClient(transport, options);
    const { name, version, url, processId } = options;
    const about = { ...(version !== undefined && { version }), ...(url !== undefined && { url }) };
    try {
      await client.#connection.start();
      client.#info = await client.initialize({
        ...(name !== undefined && { client: { name, ...about } }),
        ...(processId !== undefined && { process_id: processId }),
      });
      requireMajor(client.#info.protocol_version);
    } catch (error) {
      await client.close();
      throw error;
    }
    return client;
  }

  /** What the sidecar said of itself at the beginning. */
  get info(): InitializeResult {
    return this.#info;
  }

  /** Whether requests can be sent: `lost` while the sidecar is started again. */
  get state(): ConnectionState {
    return this.#connection.state;
  }

  async request<M extends Method>(
    method: M,
    params: ParamsOf<M>,
    options: RequestOptions = {},
  ): Promise<ResultOf<M>> {
    return (await this.#connection.request(method, params, options.signal)) as ResultOf<M>;
  }

  /**
   * Ask a model, and wait for the whole answer. `provider` undefined is the active one. An abort
   * cancels the execution and rejects at once.
   */
  async callProvider<O extends Output = "response">(
    provider: string | undefined,
    request: AIRequest,
    options: CallOptions<O> = {},
  ): Promise<AnswerOf<O>> {
    const params = this.#paramsOf(provider, request, options);
    const cancel = () => void this.#cancel(params.execution_id);
    const answer = this.request("call_ai_provider", params, options);
    options.signal?.addEventListener("abort", cancel, { once: true });
    try {
      return (await answer) as AnswerOf<O>;
    } finally {
      options.signal?.removeEventListener("abort", cancel);
    }
  }

  /**
   * Ask a model, and hear the answer as it comes. `provider` undefined is the active one. Never
   * throws: where the sidecar refuses the request, the stream ends with that error.
   */
  streamProvider<O extends Output = "response">(
    provider: string | undefined,
    request: AIRequest,
    options: StreamOptions<O> = {},
  ): AIStream<O> {
    const params = this.#paramsOf(provider, request, options);
    const stream = this.#follow(params.execution_id, options);
    if (options.signal?.aborted) stream.failed(stoppedBefore(options.signal));
    else {
      this.request("stream_ai_provider", params).then(
        () => stream.accepted(),
        (error) => stream.failed(error),
      );
    }
    return stream;
  }

  /**
   * Follow an execution that another window, or this one before its reload, has started. Its first
   * chunk is everything that was said until now; the rest comes as if it had been started here.
   * Where the sidecar does not know it (any more), it ends with `not_found`.
   */
  attach<O extends Output = "response">(
    executionId: string,
    options: StreamHandlers<O> & RequestOptions = {},
  ): AIStream<O> {
    const stream = this.#follow(executionId, options);
    if (options.signal?.aborted) stream.failed(stoppedBefore(options.signal));
    else void stream.catchUp("attach");
    return stream;
  }

  /** Hear a notification, until the returned function is called. */
  on<N extends keyof Notifications>(name: N, handler: Handler<N>): () => void {
    const handlers = this.#handlers.get(name) ?? new Set();
    this.#handlers.set(name, handlers);
    const own = (params: Notifications[keyof Notifications]) => handler(params as Notifications[N]);
    handlers.add(own);
    return () => handlers.delete(own);
  }

  /** Hear of `lost`, `open` (it is back) and `closed`, until the returned function is called. */
  onState(handler: StateHandler): () => void {
    const own: StateHandler = (state, error) => handler(state, error);
    this.#stateHandlers.add(own);
    return () => this.#stateHandlers.delete(own);
  }

  /** End the connection. What is pending rejects, and streams end, with {@link SidecarClosed}. */
  close(): Promise<void> {
    return this.#connection.close();
  }

  // ---- Streams ----

  #paramsOf(
    provider: string | undefined,
    request: AIRequest,
    options: ExecutionOptions<Output>,
  ): CallParams & { execution_id: string } {
    return {
      request,
      // ours, so that a cancel can go out before the sidecar has answered
      execution_id: options.executionId ?? this.#connection.newId(),
      ...(provider !== undefined && { provider }),
      ...(options.blockId !== undefined && { block_id: options.blockId }),
      ...(options.output !== undefined && { output: options.output }),
    };
  }

  #follow<O extends Output>(
    executionId: string,
    options: StreamHandlers<O> & RequestOptions,
  ): RunningStream<O> {
    const stream = new RunningStream<O>(executionId, options, this.#link);
    const others = this.#streams.get(executionId) ?? new Set();
    this.#streams.set(executionId, others.add(stream as RunningStream<Output>));
    const { signal } = options;
    if (signal) {
      const stop = () => void stream.stop();
      signal.addEventListener("abort", stop, { once: true });
      void stream.done.catch(() => {}).then(() => signal.removeEventListener("abort", stop));
    }
    return stream;
  }

  #forget(stream: RunningStream<Output>): void {
    const others = this.#streams.get(stream.executionId);
    others?.delete(stream);
    if (others?.size === 0) this.#streams.delete(stream.executionId);
  }

  async #cancel(executionId: string): Promise<boolean> {
    try {
      return (await this.cancelExecution({ execution_id: executionId })).cancelled;
    } catch {
      return false; // the sidecar is gone, and what it ran with it
    }
  }

  async #attached(executionId: string): Promise<AttachResult> {
    const params = { execution_id: executionId };
    const { silenceMs } = this.#link;
    const unanswered = silenceMs > 0 ? AbortSignal.timeout(silenceMs) : undefined;
    try {
      return await this.request("attach_execution", params, unanswered && { signal: unanswered });
    } catch (error) {
      if (error !== unanswered?.reason) throw error;
      // not even an answer comes: the way to us may be blocked by a message that was lost on it
      await this.#connection.renew();
      return this.request("attach_execution", params);
    }
  }

  // ---- What comes by itself ----

  #heard(method: string, params: unknown): void {
    if (method === "ai_stream_chunk" || method === "ai_stream_end") {
      const message = params as Notifications["ai_stream_chunk"] | Notifications["ai_stream_end"];
      for (const each of [...(this.#streams.get(message.execution_id) ?? [])]) each.heard(message);
    }
    for (const each of [...(this.#handlers.get(method) ?? [])]) {
      this.#guard(() => each(params as Notifications[keyof Notifications]));
    }
  }

  #changed(state: ConnectionState, error: SidecarClosed | undefined): void {
    if (error) {
      for (const each of [...this.#streams.values()].flatMap((streams) => [...streams])) {
        each.failed(error);
      }
    }
    for (const each of [...this.#stateHandlers]) this.#guard(() => each(state, error));
  }

  #guard(tell: () => void): void {
    try {
      tell();
    } catch (error) {
      this.#onError(error);
    }
  }
}

function requireMajor(version: string): void {
  if (version.split(".")[0] === PROTOCOL_VERSION.split(".")[0]) return;
  const message = `The sidecar speaks version ${version} of its protocol, this client ${PROTOCOL_VERSION}.`;
  throw clientError(
    "protocol_version",
    message,
    "Bundle a sidecar and a client of the same major.",
  );
}

function stoppedBefore(signal: AbortSignal): SidecarError {
  const message = "It was stopped before it began.";
  const data = { kind: "cancelled", hint: "Nothing was sent." };
  return new SidecarError({ code: -32800, message, data }, { cause: signal.reason });
}

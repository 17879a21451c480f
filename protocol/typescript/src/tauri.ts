/**
 * The sidecar behind the Tauri plugin `ai-sidecar`: for a window of a Tauri app.
 *
 * **The plugin's interface**, whole. The Rust side is written from this; names and shapes are those
 * on Tauri's IPC.
 *
 * `plugin:ai-sidecar|connect`, arguments `{ channel: Channel, connection: string }`, returns
 * {@link PluginInfo}
 * - The window is told by its label. It has one connection, named by a random id. A `connect` with
 *   another id (the page was reloaded) takes the place of the former one: its channel is sent
 *   `{"event":"replaced"}` and nothing after it, and what it waited for is dropped. A `connect` with
 *   the same id ({@link TauriTransport.renew}) changes the channel and nothing else.
 * - Resolves when the sidecar runs and has answered the plugin's own `initialize`; it waits while
 *   that is started, or started again. It starts a sidecar that is `stopped` or `failed`.
 * - Rejects with an error object (below): kind `protocol_version` where the sidecar speaks another
 *   major version than the plugin, kind `closed` where it can't be started.
 *
 * `plugin:ai-sidecar|send`, arguments `{ line: string }`, returns null
 * - `line` is one JSON-RPC message, a request, a notification or a batch, without a line feed (one
 *   in it is refused). The plugin adds it and writes the line to the sidecar's stdin. Resolves when
 *   the line was written or queued; lines of one window reach the sidecar in the order in which
 *   they were sent (the client has one `send` under way at a time).
 * - Rejects with an error object, and sends nothing: kind `not_allowed` where a method in it is not
 *   on this window's list, kind `malformed` where it can't be read or could be read in two ways, kind
 *   `busy` where the sidecar does not read, kind `closed` where it does not run now.
 *
 * `plugin:ai-sidecar|disconnect`, arguments `{ connection: string }`, returns null
 * - Ends that connection, where it still is the window's; its channel is sent nothing more.
 *   Executions go on: another `connect` can attach to them.
 *
 * **Messages on the channel** are of two forms, told apart by their JSON type:
 * - a string: 1..n lines of the sidecar's stdout, as they came, each ended by `"\n"`. Lines are
 *   gathered for at most 16 ms and up to less than 8 KB (8,192 bytes, from where on Tauri takes
 *   another way); a longer line is a message of its own, and is never cut.
 * - an object: a {@link PluginEvent}. It keeps its place among the lines.
 *
 * **Who is sent what**, where several windows share the sidecar:
 * - An answer goes to the connection that sent the request. The client's ids are strings with a
 *   random prefix of each client's own, so those of windows don't collide and the plugin need not
 *   rewrite them; it remembers id → connection until the answer, and drops the answer to a
 *   connection that is no more. A batch's answer goes where its first id leads.
 * - `ai_stream_chunk` and `ai_stream_end` go to the connections that follow their `execution_id`.
 *   The plugin notes a follower when it forwards a `stream_ai_provider`, `call_ai_provider` or
 *   `attach_execution` of that id (this client always names one), before its answer. It forgets all
 *   of them after the `ai_stream_end` or the answer to the `call_ai_provider`, and the one whose
 *   request was answered by an error, or by a `state` of `done`, `failed` or `cancelled`.
 * - All other notifications, and all events, go to every connected window.
 *
 * **Life.** The plugin keeps the sidecar and its executions alive while windows come, reload and
 * go, and ends it with the app. An **error object** is the contract's: `{"code": 0, "message": "…",
 * "data": {"kind": "…", "hint": "…"}}`, with code 0 since no sidecar made it.
 *
 * @module
 */
import { errorOf, gone, SidecarClosed, type SidecarError } from "./errors.js";
import { randomId } from "./ids.js";
import type { Transport, TransportListener } from "./transport.js";

/** What `connect` returns. */
export interface PluginInfo {
  /** The plugin's own version. */
  plugin_version: string;
  /** The protocol's version that the sidecar speaks, MAJOR.MINOR. */
  protocol_version: string;
  /** How often the sidecar was started again since the app's start. */
  restarts: number;
}

/** What the plugin says of the sidecar's process. A form that is not known is passed over. */
export type PluginEvent =
  /** It ended, and nobody had asked it to. Everything under way is lost. */
  | {
      event: "crashed";
      /** Its exit status; null where a signal ended it. */
      exit_code: number | null;
      /** The signal's name, like `SIGKILL`; null where there was none. */
      signal: string | null;
      /** The end of its stderr, 4,096 characters at most. */
      stderr_tail: string;
    }
  /** It will be started again after so many milliseconds; attempts count from 1. */
  | { event: "restarting"; attempt: number; delay_ms: number }
  /** It was started again, has answered `initialize`, and takes requests. */
  | { event: "started"; protocol_version: string; restarts: number }
  /** The plugin has given up starting it, until the next `connect`. The connection has ended. */
  | { event: "failed"; message: string; hint: string }
  /** It was ended on purpose: `shutdown`, or the app's end. The connection has ended. */
  | { event: "stopped" }
  /** The window has connected anew; this channel's last word. */
  | { event: "replaced" };

/** What comes on the channel. */
export type PluginMessage = string | PluginEvent;

/** What is used of `@tauri-apps/api/core`. */
export interface TauriApi {
  invoke<T>(command: string, args?: Record<string, unknown>): Promise<T>;
  Channel: new <T>(onmessage?: (message: T) => void) => object;
}

/** How a transport is made. */
export interface TauriOptions {
  /**
   * In the place of `@tauri-apps/api/core`, which is imported when it is needed: for a page without
   * a bundler `window.__TAURI__.core`, for tests a stand-in.
   */
  api?: TauriApi;
  /**
   * Told every event, for those who show restarts; the client has dealt with it before, and needs no
   * help. What this throws goes to the client's `onError`.
   */
  onEvent?(event: PluginEvent): void;
}

/** The way from a window to the sidecar, through the Tauri plugin. */
export class TauriTransport implements Transport {
  readonly #options: TauriOptions;
  #api: TauriApi | undefined;
  #listener: TransportListener | undefined;
  /** The present channel; what comes on a former one is passed over. */
  #channel: object | undefined;
  readonly #connection = randomId();
  #lastSend: Promise<unknown> = Promise.resolve();
  #info: PluginInfo | undefined;

  constructor(options: TauriOptions = {}) {
    this.#options = options;
  }

  /** What the plugin said of itself and of the sidecar, once this is open. */
  get info(): PluginInfo | undefined {
    return this.#info;
  }

  async start(listener: TransportListener): Promise<void> {
    this.#listener = listener;
    this.#api = this.#options.api ?? (await import("@tauri-apps/api/core"));
    await this.#connect();
  }

  /** Connect anew: a message that Tauri lost blocks all later ones on its channel. */
  async renew(): Promise<void> {
    if (this.#channel) await this.#connect();
  }

  send(line: string): Promise<void> {
    // one after the other: two calls under way may overtake each other on Tauri's threads
    const sent = this.#lastSend.then(() => this.#invoke<void>("send", { line }));
    this.#lastSend = sent.catch(() => {});
    return sent;
  }

  async close(): Promise<void> {
    if (!this.#channel) return;
    this.#channel = undefined;
    await this.#lastSend;
    await this.#invoke("disconnect", { connection: this.#connection }).catch(() => {});
  }

  async #connect(): Promise<void> {
    const Channel = this.#api?.Channel as TauriApi["Channel"];
    const former = this.#channel;
    const channel = new Channel<PluginMessage>((message) => {
      if (this.#channel === channel) this.#receive(message);
    });
    this.#channel = channel;
    try {
      this.#info = await this.#invoke<PluginInfo>("connect", {
        channel,
        connection: this.#connection,
      });
    } catch (error) {
      if (this.#channel === channel) this.#channel = former;
      throw error;
    }
  }

  async #invoke<T>(command: string, args: Record<string, unknown>): Promise<T> {
    try {
      return await (this.#api as TauriApi).invoke<T>(`plugin:ai-sidecar|${command}`, args);
    } catch (reason) {
      throw refused(reason);
    }
  }

  #receive(message: PluginMessage): void {
    if (typeof message !== "string") this.#happened(message);
    // each line has its end, so what comes after the last one is empty
    else for (const line of message.split("\n")) if (line) this.#listener?.onLine(line);
  }

  #happened(event: PluginEvent): void {
    switch (event.event) {
      case "crashed":
        this.#listener?.onLost(
          gone("The sidecar has crashed.", {
            exitCode: event.exit_code,
            signal: event.signal,
            stderrTail: event.stderr_tail,
          }),
        );
        break;
      case "started":
        this.#listener?.onBack();
        break;
      case "failed":
        this.#end(new SidecarClosed(event.message, event.hint));
        break;
      case "stopped":
        this.#end(gone("The sidecar was ended."));
        break;
      case "replaced":
        this.#end(gone("This window has connected anew, by another client."));
        break;
    }
    try {
      this.#options.onEvent?.(event);
    } catch (error) {
      this.#listener?.onOddity(error);
    }
  }

  #end(error: SidecarClosed): void {
    this.#channel = undefined;
    this.#listener?.onClose(error);
  }
}

/** What an `invoke` was refused with: the plugin's error object, or a text of Tauri's own. */
function refused(reason: unknown): SidecarError {
  if (typeof reason === "object" && reason !== null && "code" in reason) {
    const error = errorOf(reason);
    return error.kind === "closed" ? new SidecarClosed(error.message, error.hint) : error;
  }
  const hint =
    "Is the plugin registered, and is `ai-sidecar:default` among this window's capabilities?";
  return new SidecarClosed(`Tauri refused: ${String(reason)}`, hint, {}, { cause: reason });
}

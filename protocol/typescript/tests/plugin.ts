import type { TransportListener } from "@ai-sidecar/client";
import type { StdioTransport } from "@ai-sidecar/client/stdio";
import type { PluginEvent, PluginMessage } from "@ai-sidecar/client/tauri";

const BATCH_MS = 16;
const BATCH_BYTES = 8192;

/** What Tauri injects into a window, as far as `@tauri-apps/api/core` asks for it. */
export interface TauriInternals {
  invoke(command: string, args: Record<string, unknown>): Promise<unknown>;
  transformCallback(callback: (message: unknown) => void): number;
  unregisterCallback(id: number): void;
}

interface Connection {
  id: string;
  window: Window;
  tell(message: PluginMessage): void;
  lines: string;
  timer?: ReturnType<typeof setTimeout> | undefined;
}

interface Asked {
  by: Connection;
  method: string;
  execution: string;
}

/** A window of the app: it runs a page, which Tauri's own JavaScript talks from. */
export class Window {
  readonly #plugin: Plugin;
  readonly #callbacks = new Map<number, (message: unknown) => void>();
  connection: Connection | undefined;
  /** A number of a channel's message that gets lost: WebKitGTK may drop an `eval`. */
  loses: number | undefined;
  /** Every message that came on its channels. */
  readonly messages: PluginMessage[] = [];

  constructor(plugin: Plugin) {
    this.#plugin = plugin;
  }

  /** What the page sees; the next page's is another one, and the former's callbacks are gone. */
  load(): TauriInternals {
    this.#callbacks.clear();
    return {
      invoke: (command, args) => this.#plugin.invoke(this, command, args),
      transformCallback: (callback) => {
        const id = Math.floor(Math.random() * 2 ** 32);
        this.#callbacks.set(id, callback);
        return id;
      },
      unregisterCallback: (id) => this.#callbacks.delete(id),
    };
  }

  /** A channel's Rust side: numbered messages, which Tauri's JavaScript puts in order. */
  channel(argument: unknown): (message: PluginMessage) => void {
    // what Tauri's IPC makes of a Channel: `__CHANNEL__:<id>`
    const id = Number(JSON.parse(JSON.stringify(argument)).split(":")[1]);
    let index = 0;
    return (message) => {
      const numbered = { index: index++, message };
      this.messages.push(message);
      if (numbered.index === this.loses) this.loses = undefined;
      else this.#callbacks.get(id)?.(numbered);
    };
  }
}

/**
 * The plugin's side of the interface in src/tauri.ts, over a real sidecar: what the Rust plugin does,
 * but for windows' capabilities and for supervision.
 */
export class Plugin implements TransportListener {
  readonly #sidecar: StdioTransport;
  readonly #windows: Window[] = [];
  readonly #asked = new Map<unknown, Asked>();
  readonly #followers = new Map<string, Set<Connection>>();
  /** Methods that windows may not use. */
  readonly forbidden: Set<string> = new Set();

  constructor(sidecar: StdioTransport) {
    this.#sidecar = sidecar;
  }

  /** Start the sidecar. */
  start(): Promise<void> {
    return this.#sidecar.start(this);
  }

  /** Open a window. */
  open(): Window {
    const window = new Window(this);
    this.#windows.push(window);
    return window;
  }

  async invoke(window: Window, command: string, args: Record<string, unknown>): Promise<unknown> {
    switch (command) {
      case "plugin:ai-sidecar|connect":
        return this.#connect(window, args);
      case "plugin:ai-sidecar|send":
        return this.#send(window, args.line as string);
      case "plugin:ai-sidecar|disconnect":
        if (window.connection?.id === args.connection) this.#drop(window);
        return null;
      default:
        throw `Command ${command} not found`;
    }
  }

  #connect(window: Window, args: Record<string, unknown>): object {
    const tell = window.channel(args.channel);
    const { connection } = window;
    if (connection && connection.id === args.connection) connection.tell = tell;
    else {
      this.#drop(window)?.tell({ event: "replaced" });
      window.connection = { id: args.connection as string, window, tell, lines: "" };
    }
    return { plugin_version: "0.1.0", protocol_version: "1.0", restarts: 0 };
  }

  #drop(window: Window): Connection | undefined {
    const { connection } = window;
    window.connection = undefined;
    clearTimeout(connection?.timer);
    return connection;
  }

  async #send(window: Window, line: string): Promise<null> {
    const { connection } = window;
    if (!connection) throw refusal("closed", "This window is not connected.");
    const message = JSON.parse(line);
    if (this.forbidden.has(message.method)) {
      throw refusal("not_allowed", `This window may not use ${message.method}.`);
    }
    const execution = message.params?.execution_id;
    this.#asked.set(message.id, { by: connection, method: message.method, execution });
    if (/^(stream_ai_provider|call_ai_provider|attach_execution)$/.test(message.method)) {
      const followers = this.#followers.get(execution) ?? new Set();
      this.#followers.set(execution, followers.add(connection));
    }
    await this.#sidecar.send(line);
    return null;
  }

  onLine(line: string): void {
    const message = JSON.parse(line);
    const execution = message.params?.execution_id;
    if (message.id !== undefined) {
      const asked = this.#asked.get(message.id);
      this.#asked.delete(message.id);
      this.#gather(asked?.by, line);
      this.#unfollow(asked, message);
    } else if (/^ai_stream_/.test(message.method)) {
      for (const each of this.#followers.get(execution) ?? []) this.#gather(each, line);
      if (message.method === "ai_stream_end") this.#followers.delete(execution);
    } else for (const { connection } of this.#windows) this.#gather(connection, line);
  }

  /** An answer tells that nothing more will come of an execution, or not to this asker. */
  #unfollow(
    asked: Asked | undefined,
    answer: { error?: object; result?: { state?: string } },
  ): void {
    if (!asked) return;
    const { by, method, execution } = asked;
    if (method === "call_ai_provider") this.#followers.delete(execution);
    else if (/^(stream_ai_provider|attach_execution)$/.test(method)) {
      const ended = /^(done|failed|cancelled)$/.test(answer.result?.state ?? "");
      if (answer.error || ended) this.#followers.get(execution)?.delete(by);
    }
  }

  /** Put a line into the next message, which leaves in 16 ms, or before it would be too long. */
  #gather(connection: Connection | undefined, line: string): void {
    if (!connection || connection.window.connection !== connection) return;
    const bytes = (text: string) => new TextEncoder().encode(text).length;
    if (bytes(connection.lines) + bytes(line) + 1 >= BATCH_BYTES) this.#flush(connection);
    connection.lines += `${line}\n`;
    if (bytes(connection.lines) >= BATCH_BYTES) this.#flush(connection);
    else connection.timer ??= setTimeout(() => this.#flush(connection), BATCH_MS);
  }

  #flush(connection: Connection): void {
    clearTimeout(connection.timer);
    connection.timer = undefined;
    if (connection.lines) connection.tell(connection.lines);
    connection.lines = "";
  }

  /** Tell every window an event, in its place among the lines. */
  tell(event: PluginEvent): void {
    for (const { connection } of this.#windows) {
      if (connection) this.#flush(connection);
      connection?.tell(event);
    }
  }

  onClose(error: Parameters<TransportListener["onClose"]>[0]): void {
    const { exitCode: exit_code, signal, stderrTail: stderr_tail } = error;
    this.#asked.clear();
    this.#followers.clear();
    this.tell({ event: "crashed", exit_code, signal, stderr_tail });
  }

  onLost(): void {}
  onBack(): void {}
  onOddity(): void {}
}

function refusal(kind: string, message: string): object {
  return { code: 0, message, data: { kind, hint: "" } };
}

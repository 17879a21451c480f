import { clientError, errorOf, SidecarClosed, SidecarError } from "./errors.js";
import { randomId } from "./ids.js";
import type { Transport, TransportListener } from "./transport.js";

/** The longest line that the sidecar takes, in bytes of UTF-8. */
export const MAX_LINE_BYTES: number = 32 * 1024 * 1024;

/** Whether requests can be sent: `lost` while the sidecar is being started again. */
export type ConnectionState = "open" | "lost" | "closed";

/** Whom a connection tells. */
export interface ConnectionListener {
  onNotification(method: string, params: unknown): void;
  onState(state: ConnectionState, error: SidecarClosed | undefined): void;
  onError(error: unknown): void;
}

interface Pending {
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** JSON-RPC 2.0 over a transport: requests and their answers, and what comes by itself. */
export class Connection implements TransportListener {
  readonly #transport: Transport;
  readonly #listener: ConnectionListener;
  /** Several windows may share a sidecar, and a reloaded one may hear its former self's answers. */
  readonly #prefix = randomId();
  readonly #pending = new Map<string, Pending>();
  #count = 0;
  #state: ConnectionState = "closed";
  #error = new SidecarClosed("The client is not connected.", "Make it by AIClient.connect.");

  constructor(transport: Transport, listener: ConnectionListener) {
    this.#transport = transport;
    this.#listener = listener;
  }

  /** Whether requests can be sent now. */
  get state(): ConnectionState {
    return this.#state;
  }

  /** An id that nobody else has: for a request, and for an execution. */
  newId(): string {
    this.#count += 1;
    return `${this.#prefix}-${this.#count}`;
  }

  /** Open the transport. */
  async start(): Promise<void> {
    this.#state = "open"; // what comes meanwhile is for us
    try {
      await this.#transport.start(this);
    } catch (error) {
      this.#state = "closed";
      throw error;
    }
  }

  /** Send a request; its answer, or an error. An abort rejects at once with the signal's reason. */
  request(method: string, params: unknown, signal?: AbortSignal): Promise<unknown> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#state !== "open") return Promise.reject(this.#error);
    const id = this.newId();
    const line = JSON.stringify({ jsonrpc: "2.0", id, method, params });
    if (isTooLong(line)) return Promise.reject(tooLong(method));
    return new Promise((resolve, reject) => {
      const forget = () => signal?.removeEventListener("abort", abort);
      // its place is kept after an abort: the answer that still comes is no oddity
      const abort = () => reject(signal?.reason);
      signal?.addEventListener("abort", abort, { once: true });
      this.#pending.set(id, {
        resolve: (result) => {
          forget();
          resolve(result);
        },
        reject: (error) => {
          forget();
          reject(error);
        },
      });
      this.#transport.send(line).catch((error: unknown) => this.#take(id)?.reject(error));
    });
  }

  /** Close the transport; what is pending is rejected. */
  async close(): Promise<void> {
    await this.#transport.close();
    this.onClose(new SidecarClosed("The client was closed.", "Make another by AIClient.connect."));
  }

  /** Have the transport open the sidecar's way to us anew; false where it has no such thing. */
  async renew(): Promise<void> {
    await this.#transport.renew?.();
  }

  // ---- What the transport tells ----

  onLine(line: string): void {
    if (!line.trim()) return;
    let message: unknown;
    try {
      message = JSON.parse(line);
    } catch (cause) {
      this.#odd("A line is no JSON.", line, { cause });
      return;
    }
    for (const each of Array.isArray(message) ? message : [message]) this.#receive(each, line);
  }

  onLost(error: SidecarClosed): void {
    this.#change("lost", error);
  }

  onBack(): void {
    if (this.#state === "lost") this.#change("open", undefined);
  }

  onClose(error: SidecarClosed): void {
    if (this.#state !== "closed") this.#change("closed", error);
  }

  onOddity(error: unknown): void {
    this.#listener.onError(error);
  }

  #receive(message: unknown, line: string): void {
    const { id, method, params, error, result } = (message ?? {}) as Record<string, unknown>;
    if (typeof method === "string" && id === undefined) {
      this.#listener.onNotification(method, params ?? {});
    } else if (error === undefined && result === undefined) {
      this.#odd("A line is no JSON-RPC message.", line);
    } else if (id === null || id === undefined) {
      this.#listener.onError(errorOf(error)); // to a line of ours that could not be read
    } else {
      const pending = this.#take(id);
      if (!pending) this.#odd("An answer came that nobody waits for.", line);
      else if (error === undefined) pending.resolve(result);
      else pending.reject(errorOf(error));
    }
  }

  #take(id: unknown): Pending | undefined {
    const pending = this.#pending.get(id as string);
    this.#pending.delete(id as string);
    return pending;
  }

  #odd(message: string, line: string, options?: ErrorOptions): void {
    const hint = `It was passed over: ${line.slice(0, 200)}`;
    this.#listener.onError(clientError("malformed", message, hint, options));
  }

  #change(state: ConnectionState, error: SidecarClosed | undefined): void {
    this.#state = state;
    if (error) this.#error = error;
    const lost = [...this.#pending.values()];
    this.#pending.clear();
    for (const pending of lost) pending.reject(error);
    this.#listener.onState(state, error);
  }
}

function isTooLong(line: string): boolean {
  // most lines are so short that nobody has to count; a UTF-16 unit is 3 bytes of UTF-8 at most
  return line.length * 3 > MAX_LINE_BYTES && new TextEncoder().encode(line).length > MAX_LINE_BYTES;
}

/** The sidecar would answer so, too, but to nobody: it does not read the id of what is too long. */
function tooLong(method: string): SidecarError {
  const hint = "A line may have 32 MiB. Images and files are what makes them long.";
  const data = { kind: "invalid_request", hint };
  return new SidecarError({ code: -32600, message: `The request ${method} is too long.`, data });
}

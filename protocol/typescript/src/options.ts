import type { ConnectionState } from "./connection.js";
import type { SidecarClosed } from "./errors.js";
import type { RequestOptions } from "./methods.js";
import type { Output, StreamHandlers } from "./stream.js";

/** How a client is made. */
export interface ClientOptions {
  /** Who is calling: for the sidecar's log, and for providers that attribute requests to an app. */
  name?: string;
  /** Its version; told with its name. */
  version?: string;
  /** Its page, for such providers; told with its name. */
  url?: string;
  /** The sidecar ends when this process does; see `process_id` of `initialize`. */
  processId?: number;
  /**
   * After so many milliseconds without a word of a stream, what it has said is asked for, in case
   * a message was lost. 15,000 by default; doubled, up to a minute, while nothing comes; 0: never.
   */
  silenceMs?: number;
  /**
   * Told of what nobody can be thrown at: an exception in a handler or callback, a line that is no
   * JSON-RPC message, a chunk that is none, an answer that nobody waits for. By default it goes to
   * `console.error`, and so does what this throws itself.
   */
  onError?(error: unknown): void;
}

/** What goes with an execution. */
export interface ExecutionOptions<O extends Output = "response"> {
  /** Chosen by the client where it is left out. Another running execution's id is refused. */
  executionId?: string;
  /** A label of your own, which comes back with the execution. */
  blockId?: string;
  /** The answer's shape; `response` where it is left out. */
  output?: O;
}

/** What goes with a call. */
export type CallOptions<O extends Output = "response"> = ExecutionOptions<O> & RequestOptions;

/** What goes with a stream: whom it tells, and how it is stopped. Aborting is `stop()`. */
export type StreamOptions<O extends Output = "response"> = CallOptions<O> & StreamHandlers<O>;

/** How the client hears of its connection: `lost` while the sidecar is started again. */
export type StateHandler = (state: ConnectionState, error: SidecarClosed | undefined) => void;

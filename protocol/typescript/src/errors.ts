import type { ErrorKind, ErrorObject } from "./contract.js";

/**
 * What can go wrong on this side of the pipe, besides the contract's own kinds:
 *
 * - `closed`: the sidecar is gone, or can't be reached ({@link SidecarClosed})
 * - `protocol_version`: the sidecar speaks another major version of the contract
 * - `malformed`: told to `onError`: a line that is no JSON-RPC message, a chunk that is none, an answer
 *   that nobody waits for; ending a stream: an end or an answer of it that is not the contract's;
 *   rejecting a request: the Tauri plugin has refused its line, which can be read in two ways
 * - `not_allowed`: the Tauri plugin does not let this window use the method
 */
export type ClientErrorKind = "closed" | "protocol_version" | "malformed" | "not_allowed";

/** Every kind of error; a newer sidecar may send others. Treat those like `api_error`. */
export type Kind = ErrorKind | ClientErrorKind | (string & {});

/** The code of errors that were made on this side of the pipe. */
export const CLIENT_CODE = 0;

/**
 * What the sidecar answered instead of a result, and what ended a stream. `message` says what
 * happened and `hint` what to do, both for people; match on `kind`.
 *
 * The fields are those of the contract's error object and are named as there. They are undefined
 * where they are not known.
 */
export class SidecarError extends Error {
  override name = "SidecarError";
  /** Exactly what happened: the contract's code, {@link CLIENT_CODE} for this side's own errors. */
  readonly code: number;
  /** What sort of thing happened. */
  readonly kind: Kind;
  /** What to do about it, for people; `""` where nobody knows. */
  readonly hint: string;
  /** A JSONPath below the parameters: `$.request.messages[0].role`. */
  readonly path: string | undefined;
  /** The provider that it is about. */
  readonly provider: string | undefined;
  /** The HTTP status of the provider's answer. */
  readonly status: number | undefined;
  /** How long to wait before trying again, in milliseconds. */
  readonly retry_after_ms: number | undefined;
  /** The provider's id of the HTTP exchange, for its support. */
  readonly request_id: string | undefined;
  /** The provider's own reason. */
  readonly provider_message: string | undefined;
  /** The execution that it ended. */
  readonly execution_id: string | undefined;
  readonly #object: ErrorObject;

  constructor(error: ErrorObject, options?: ErrorOptions) {
    super(error.message, options);
    this.#object = error;
    const { data } = error;
    this.code = error.code;
    this.kind = data.kind;
    this.hint = data.hint;
    this.path = data.path;
    this.provider = data.provider;
    this.status = data.status;
    this.retry_after_ms = data.retry_after_ms;
    this.request_id = data.request_id;
    this.provider_message = data.provider_message;
    this.execution_id = data.execution_id;
  }

  /** The error as it came, for a way that keeps no classes (Electron's IPC, `postMessage`). */
  toJSON(): ErrorObject {
    return this.#object;
  }
}

/** What is known of the end of the sidecar's process. */
export interface Ending {
  /** Its exit status; null where a signal ended it, or where it is not known. */
  exitCode?: number | null;
  /** The signal that ended it, like `SIGKILL`. */
  signal?: string | null;
  /** The last lines that it wrote to stderr. */
  stderrTail?: string;
}

/**
 * The sidecar is gone: whatever ran is lost. Pending requests reject with it, streams end with it.
 */
export class SidecarClosed extends SidecarError implements Required<Ending> {
  override name = "SidecarClosed";
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stderrTail: string;

  constructor(message: string, hint: string, ending: Ending = {}, options?: ErrorOptions) {
    super({ code: CLIENT_CODE, message, data: { kind: "closed", hint } }, options);
    this.exitCode = ending.exitCode ?? null;
    this.signal = ending.signal ?? null;
    this.stderrTail = ending.stderrTail ?? "";
  }
}

/** Make the error of a transport whose sidecar is gone. */
export function gone(message: string, ending?: Ending): SidecarClosed {
  return new SidecarClosed(message, "Start the sidecar again; what was running is lost.", ending);
}

/** Make an error of this side's own. */
export function clientError(
  kind: ClientErrorKind,
  message: string,
  hint: string,
  options?: ErrorOptions,
): SidecarError {
  return new SidecarError({ code: CLIENT_CODE, message, data: { kind, hint } }, options);
}

/** Make an error of what came as a JSON-RPC error object, even where it lacks the contract's `data`. */
export function errorOf(value: unknown): SidecarError {
  const { code, message, data } = (value ?? {}) as Partial<ErrorObject>;
  return new SidecarError({
    code: typeof code === "number" ? code : CLIENT_CODE,
    message: typeof message === "string" ? message : "The sidecar answered an unknown error.",
    data: { ...data, kind: data?.kind ?? "api_error", hint: data?.hint ?? "" },
  });
}

/** A user's `onError`, or the console; it throws nothing, since who calls it is in mid-delivery. */
export function reporter(onError?: (error: unknown) => void): (error: unknown) => void {
  const log = (error: unknown) => console.error("@ai-sidecar/client:", error);
  if (!onError) return log;
  return (error) => {
    try {
      onError(error);
    } catch (thrown) {
      log(error);
      log(thrown);
    }
  };
}

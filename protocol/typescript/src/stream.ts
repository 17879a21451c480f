import type {
  AgentBlockOutput,
  AIResponse,
  AttachResult,
  CallParams,
  StreamChunk,
  StreamChunkNotification,
  StreamEndNotification,
} from "./contract.js";
import { clientError, errorOf, SidecarError } from "./errors.js";
import { Queue } from "./queue.js";
import { Transcript } from "./transcript.js";

/** The shape of an answer: `response` is the default, `agent_block` a flat one for editors. */
export type Output = NonNullable<CallParams["output"]>;

/** The answer's type by the shape that was asked for. */
export type AnswerOf<O extends Output> = O extends "agent_block" ? AgentBlockOutput : AIResponse;

/** Why an answer ended. */
export type FinishReason = StreamEndNotification["finish_reason"];

/** How a stream ended: what `ai_stream_end` says, or what took its place. */
export interface StreamEnd<O extends Output = "response"> {
  execution_id: string;
  /** `error` where there is an `error`, `cancelled` after a stop. */
  finish_reason: FinishReason;
  /** Everything that was said; not there where the stream never began or the sidecar is gone. */
  response?: AnswerOf<O>;
  /** Why it failed; not there after a stop. */
  error?: SidecarError;
}

/** The end of a stream that did not fail. */
export type StreamResult<O extends Output = "response"> = StreamEnd<O> & { response: AnswerOf<O> };

/**
 * How a stream is getting on: `accepted` by the sidecar; `streaming`, when the first chunk came;
 * `catching_up`: what was said meanwhile is being fetched, after a reload (`attach`), after a
 * message was lost (`gap`), or since nothing came for long (`silence`).
 */
export type StreamStatus =
  | { state: "accepted" }
  | { state: "streaming" }
  | { state: "catching_up"; reason: "attach" | "gap" | "silence" };

/** Whom a stream tells. What these throw goes to the client's `onError`; the stream goes on. */
export interface StreamHandlers<O extends Output = "response"> {
  /** Each chunk, in order and without a gap. */
  onChunk?(chunk: StreamChunk): void;
  /** How it is getting on. */
  onStatus?(status: StreamStatus): void;
  /** The end: exactly once, whatever happens, and the last word. */
  onEnd?(end: StreamEnd<O>): void;
}

/**
 * One stream. It can be followed by the handlers that it was given, by `for await`, or by awaiting
 * `done` alone.
 *
 * `for await` gives every chunk from the first on, however slow its body is: what was not read yet
 * is kept, unbounded but for the size of an answer. A stream that was given `onChunk` keeps chunks
 * from when its iterator was made, so make it at once. Iterate once. Leaving the loop early stops
 * the stream; an error is thrown after the last chunk, a stop just ends the loop.
 */
export interface AIStream<O extends Output = "response"> extends AsyncIterable<StreamChunk> {
  /** The execution's id, known before the sidecar has answered. */
  readonly executionId: string;
  /** The `content` of all chunks until now. */
  readonly text: string;
  /**
   * Resolves at the end, also after a stop (`finish_reason` is `cancelled` then); rejects where
   * the stream failed. Nothing is reported as unhandled where nobody looks at it.
   */
  readonly done: Promise<StreamResult<O>>;
  /**
   * Stop it: the sidecar closes the connection to the provider, and the end comes. May be called
   * at any time, also before the sidecar has accepted the stream. True for the call that stopped
   * it, false where it had ended or the sidecar is gone. Never rejects.
   */
  stop(): Promise<boolean>;
}

/** What a stream needs of its client. */
export interface StreamLink {
  /** How long nothing may come before the stream asks, in milliseconds; 0: for ever. */
  silenceMs: number;
  attach(executionId: string): Promise<AttachResult>;
  /** True where it stopped something. */
  cancel(executionId: string): Promise<boolean>;
  /** The stream has ended: it hears nothing more. */
  forget(stream: RunningStream<Output>): void;
  /** A handler has thrown. */
  onError(error: unknown): void;
}

type Heard = StreamChunkNotification | StreamEndNotification;

const MAX_SILENCE_MS = 60_000;

/** A stream at work: told by the client what comes, it tells its handlers and its reader. */
export class RunningStream<O extends Output> implements AIStream<O> {
  readonly executionId: string;
  readonly done: Promise<StreamResult<O>>;
  readonly #link: StreamLink;
  readonly #handlers: StreamHandlers<O>;
  readonly #said = new Transcript();
  readonly #queue = new Queue<StreamChunk>();
  #keepsChunks: boolean;
  #resolve!: (result: StreamResult<O>) => void;
  #reject!: (error: unknown) => void;
  /** The last notification that was delivered. */
  #seq = 0;
  /**
   * What came before the stream was accepted (it may be another's, whose id was taken once more),
   * and while it is catching up. Undefined where what comes is delivered at once.
   */
  #held: Heard[] | undefined = [];
  #fetching = false;
  #accepted = false;
  #streaming = false;
  #ended = false;
  #heardOfLate = false;
  #silence: ReturnType<typeof setTimeout> | undefined;

  constructor(executionId: string, handlers: StreamHandlers<O>, link: StreamLink) {
    this.executionId = executionId;
    this.#handlers = handlers;
    this.#link = link;
    this.#keepsChunks = handlers.onChunk === undefined;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.done.catch(() => {}); // who follows it by handlers or by iteration need not look here
    this.#listenFor(link.silenceMs);
  }

  get text(): string {
    return this.#said.text;
  }

  async stop(): Promise<boolean> {
    if (this.#ended) return false;
    return this.#link.cancel(this.executionId);
  }

  [Symbol.asyncIterator](): AsyncIterator<StreamChunk> {
    this.#keepsChunks = true;
    return {
      next: () => this.#queue.next(),
      return: async () => {
        await this.stop();
        return { value: undefined, done: true };
      },
    };
  }

  // ---- What the client tells ----

  /** The sidecar has taken it. */
  accepted(): void {
    if (this.#accepted || this.#ended) return;
    this.#accepted = true;
    this.#tell("onStatus", { state: "accepted" });
    if (!this.#fetching) this.#release();
  }

  /** A notification of this execution came. */
  heard(message: Heard): void {
    this.#heardOfLate = true;
    if (this.#ended) return;
    if (this.#held) this.#held.push(message);
    else if (message.seq === this.#seq + 1) this.#take(message);
    else if (message.seq > this.#seq) {
      this.#held = [message];
      void this.#fetch("gap");
    }
  }

  /** Fetch what was said until now, and go on from there. */
  catchUp(reason: "attach" | "silence"): Promise<void> {
    this.#held ??= [];
    this.#accepted ||= reason === "attach"; // it was, for somebody else
    return this.#fetch(reason);
  }

  /** It ended without an end of the sidecar's: it was refused, or the sidecar is gone. */
  failed(error: SidecarError): void {
    const finish_reason = error.kind === "cancelled" ? "cancelled" : "error";
    this.#end({ execution_id: this.executionId, finish_reason, error });
  }

  // ---- In order, without a gap, to exactly one end ----

  #take(message: Heard): void {
    this.#seq = message.seq;
    if ("chunk" in message) this.#deliver(message.chunk);
    else this.#endWith(message.finish_reason, message.response, message.error);
  }

  async #fetch(reason: "attach" | "gap" | "silence"): Promise<void> {
    this.#fetching = true;
    this.#tell("onStatus", { state: "catching_up", reason });
    try {
      const soFar = await this.#link.attach(this.executionId);
      this.accepted(); // if that answer was lost
      this.#adopt(soFar);
    } catch (error) {
      // one that waits for its key is not known yet: its own answer will tell
      if (this.#accepted) this.failed(error instanceof SidecarError ? error : unreadable(error));
    }
    this.#fetching = false;
    if (this.#accepted) this.#release();
  }

  #release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const message of held) this.heard(message);
  }

  #adopt({ state, seq, response, error }: AttachResult): void {
    if (this.#ended) return;
    const missing = this.#said.missing(response);
    if (missing) this.#deliver(missing);
    this.#seq = Math.max(this.#seq, seq);
    if (state === "cancelled") this.#endWith("cancelled", response, undefined);
    else if (state === "failed") this.#endWith("error", response, error);
    else if (state === "done") this.#endWith(response.finish_reason ?? "stop", response, undefined);
  }

  #deliver(chunk: StreamChunk): void {
    try {
      if (!isObject(chunk)) throw new TypeError("A chunk is an object.");
      this.#said.add(chunk);
    } catch (cause) {
      // not thrown: what comes after it in the same bytes is for others, too
      this.#link.onError(malformed(`A chunk of ${this.executionId} was passed over.`, cause));
      return;
    }
    if (!this.#streaming) {
      this.#streaming = true;
      this.#tell("onStatus", { state: "streaming" });
    }
    this.#tell("onChunk", chunk);
    if (this.#keepsChunks) this.#queue.push(chunk);
  }

  #endWith(
    finish_reason: FinishReason,
    response: AIResponse | AgentBlockOutput,
    error: StreamEndNotification["error"],
  ): void {
    if (!error && !(isObject(response) && typeof finish_reason === "string")) {
      this.failed(malformed("The stream's end lacks its response or its finish_reason."));
      return;
    }
    this.#end({
      execution_id: this.executionId,
      finish_reason,
      response: response as AnswerOf<O>,
      ...(error && { error: errorOf(error) }),
    });
  }

  #end(end: StreamEnd<O>): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#silence);
    this.#link.forget(this);
    this.#tell("onEnd", end);
    if (end.error) {
      this.#queue.fail(end.error);
      this.#reject(end.error);
    } else {
      this.#queue.end();
      this.#resolve(end as StreamResult<O>);
    }
  }

  #tell<K extends keyof StreamHandlers<O>>(
    name: K,
    what: Parameters<NonNullable<StreamHandlers<O>[K]>>[0],
  ): void {
    try {
      (this.#handlers[name] as ((value: typeof what) => void) | undefined)?.(what);
    } catch (error) {
      this.#link.onError(error);
    }
  }

  // ---- Silence: a lost message that nothing comes after leaves no gap to see ----

  #listenFor(silenceMs: number): void {
    if (silenceMs <= 0) return;
    this.#silence = setTimeout(async () => {
      const quiet = !this.#heardOfLate && !this.#fetching;
      this.#heardOfLate = false;
      if (quiet) await this.catchUp("silence");
      const next = quiet ? silenceMs * 2 : this.#link.silenceMs;
      if (!this.#ended)
        this.#listenFor(Math.min(next, Math.max(MAX_SILENCE_MS, this.#link.silenceMs)));
    }, silenceMs);
  }
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

function unreadable(cause: unknown): SidecarError {
  return malformed("The answer to attach_execution can't be read.", cause);
}

function malformed(message: string, cause?: unknown): SidecarError {
  const hint =
    "This is no sidecar of the contract's version, or something between changes its lines.";
  return clientError("malformed", message, hint, { cause });
}

/**
 * The sidecar as a child process of Node's: for Electron's main process, for servers, for tests.
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { clientError, gone, SidecarClosed, type SidecarError } from "./errors.js";
import { LineDecoder } from "./lines.js";
import type { Transport, TransportListener } from "./transport.js";

/** Which program is started, and how. */
export interface StdioOptions {
  /** The program: a path, or a name that is looked for in PATH. No shell reads it. */
  command: string;
  /** Its arguments, like `["--home", folder]`. */
  args?: readonly string[];
  /** Its whole environment; left out: this process's. */
  env?: Record<string, string | undefined>;
  /** The folder that it runs in; left out: this process's. */
  cwd?: string;
  /**
   * Told what the sidecar writes to stderr (its log, for people), as it comes. What this throws goes
   * to the client's `onError`.
   */
  onStderr?(text: string): void;
  /** A longer line of the sidecar's is passed over; 256 MiB. An answer's text has 16 MiB at most. */
  maxLineBytes?: number;
  /**
   * How long each step of `close` may take, in milliseconds: the end of stdin, then SIGTERM, then
   * SIGKILL. 3,000: the sidecar itself takes 2,000 at most.
   */
  patienceMs?: number;
}

const MAX_LINE_BYTES = 256 * 1024 * 1024;
const PATIENCE_MS = 3000;
const TAIL_CHARACTERS = 4096;
/** After an exit, for what is still in its pipes; somebody else may hold these open for ever. */
const LAST_WORDS_MS = 500;

/** A sidecar that this process starts, and that ends with it: its stdin is the lifeline. */
export class StdioTransport implements Transport {
  readonly #options: StdioOptions;
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #closing = false;
  #stderrTail = "";

  constructor(options: StdioOptions) {
    this.#options = options;
  }

  /** The sidecar's process id, while it runs. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async start(listener: TransportListener): Promise<void> {
    const { command, args = [], cwd, env } = this.#options;
    const child = spawn(command, args, {
      stdio: ["pipe", "pipe", "pipe"],
      windowsHide: true,
      ...(cwd !== undefined && { cwd }),
      ...(env !== undefined && { env }),
    });
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", (cause) => {
        const hint = `Check that ${command} is there and may be run.`;
        reject(
          new SidecarClosed(
            `The sidecar could not be started: ${cause.message}`,
            hint,
            {},
            { cause },
          ),
        );
      });
    });
    this.#child = child;
    child.on("error", (cause) => listener.onOddity(odd(`A signal failed: ${cause.message}`)));
    child.stdin?.on("error", () => {}); // told to whoever sends; that it ended, by its exit
    this.#read(child, listener);
    this.#ended = this.#end(child).then(() => {
      this.#child = undefined;
      listener.onClose(this.#reason(child));
    });
  }

  send(line: string): Promise<void> {
    const stdin = this.#child?.stdin;
    return new Promise((resolve, reject) => {
      if (!stdin?.writable || this.#closing) return reject(gone("The sidecar takes no more."));
      const written = stdin.write(`${line}\n`, (cause) => {
        if (cause) reject(gone(`The sidecar takes no more: ${cause.message}`));
        else resolve();
      });
      // what is queued is handed on; who waits for the write itself waits for a slow sidecar
      if (written) resolve();
    });
  }

  async close(): Promise<void> {
    this.#closing = true;
    const child = this.#child;
    if (!child) return this.#ended;
    child.stdin?.end();
    if (await this.#endsInTime()) return;
    child.kill("SIGTERM");
    if (await this.#endsInTime()) return;
    child.kill("SIGKILL");
    await this.#ended;
  }

  #read(child: ChildProcess, listener: TransportListener): void {
    const decoder = new LineDecoder(this.#options.maxLineBytes ?? MAX_LINE_BYTES);
    // always, as the contract asks: a sidecar that nobody reads stops its streams
    child.stdout?.on("data", (bytes: Uint8Array) => {
      const { lines, discarded } = decoder.feed(bytes);
      for (const line of lines) listener.onLine(line);
      if (discarded) listener.onOddity(odd(`${discarded} too long line(s) were passed over.`));
    });
    const text = new TextDecoder();
    child.stderr?.on("data", (bytes: Uint8Array) => {
      const said = text.decode(bytes, { stream: true });
      this.#stderrTail = (this.#stderrTail + said).slice(-TAIL_CHARACTERS);
      try {
        this.#options.onStderr?.(said);
      } catch (error) {
        listener.onOddity(error); // thrown here it would end this process
      }
    });
  }

  /** Resolves when the process has ended, and what it wrote was read. */
  #end(child: ChildProcess): Promise<void> {
    return new Promise((resolve) => {
      child.once("close", () => resolve());
      child.once("exit", () => setTimeout(resolve, LAST_WORDS_MS).unref());
    });
  }

  async #endsInTime(): Promise<boolean> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(resolve, this.#options.patienceMs ?? PATIENCE_MS, false);
    });
    const inTime = await Promise.race([this.#ended.then(() => true), late]);
    clearTimeout(timer);
    return inTime;
  }

  #reason({ exitCode, signalCode }: ChildProcess): SidecarClosed {
    const how = signalCode ? `by ${signalCode}` : `with status ${exitCode}`;
    return gone(`The sidecar has ended ${this.#closing ? "as asked, " : ""}${how}.`, {
      exitCode,
      signal: signalCode,
      stderrTail: this.#stderrTail,
    });
  }
}

function odd(message: string): SidecarError {
  return clientError("malformed", message, "Nothing else is touched by it.");
}

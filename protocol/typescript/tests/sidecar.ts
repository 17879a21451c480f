import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { AIClient, type AIRequest, type ClientOptions, type Transport } from "@ai-sidecar/client";
import { type StdioOptions, StdioTransport } from "@ai-sidecar/client/stdio";
import { onTestFinished } from "vitest";

/** The repository. */
export const ROOT: string = fileURLToPath(new URL("../../..", import.meta.url));
/** The canned answers that the sessions of the contract use. */
export const SCRIPTED: string = join(ROOT, "protocol", "sessions", "scripted");
/** The Python that has the sidecar; the pytest that runs these tests names its own. */
export const PYTHON: string = process.env.AI_SIDECAR_PYTHON ?? join(ROOT, ".venv", "bin", "python");

/** What calls a function at the end of a test (`onTestFinished`), or of a file (`afterAll`). */
export type Until = (cleanUp: () => void | Promise<void>) => void;

/** A folder that goes away with the test. */
export function temporaryFolder(until: Until = onTestFinished): string {
  const folder = mkdtempSync(join(tmpdir(), "ai-sidecar-client-"));
  until(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Canned answers of a test's own: name → one step a line. Returns the folder. */
export function scripts(steps: Record<string, object[]>, until?: Until): string {
  const folder = join(temporaryFolder(until), "scripts");
  mkdirSync(folder);
  for (const [name, lines] of Object.entries(steps)) {
    const text = lines.map((line) => JSON.stringify(line)).join("\n");
    writeFileSync(join(folder, `${name}.jsonl`), text);
  }
  return folder;
}

/** How the real sidecar is started: in a home of its own, without anybody's keys or keyring. */
export function sidecarOptions(
  scripted: string = SCRIPTED,
  home: string = temporaryFolder(),
): StdioOptions {
  writeFileSync(
    join(home, "config.toml"),
    '[key_store]\norder = ["memory", "vault", "environment"]\n',
  );
  const kept = Object.entries(process.env).filter(([name]) => !/_(KEY|TOKEN|PROXY)$/i.test(name));
  return {
    command: PYTHON,
    args: ["-m", "sidecar", "--home", home, "--scripted", scripted],
    env: {
      ...Object.fromEntries(kept),
      PYTHONPATH: ROOT,
      PYTHON_KEYRING_BACKEND: "keyring.backends.fail.Keyring",
    },
    cwd: ROOT,
  };
}

/** How a test's sidecar differs from others. */
export interface Special extends ClientOptions {
  /** Its folder of canned answers. */
  scripted?: string;
  /** What stands between it and its client. */
  wrap?(transport: Transport): Transport;
  /** When it ends: with the test, if nothing is said. */
  until?: Until;
}

/** A real sidecar and its client. */
export async function start(
  special: Special = {},
): Promise<{ client: AIClient; transport: StdioTransport; errors: unknown[] }> {
  const { scripted, wrap, until = onTestFinished, ...options } = special;
  const transport = new StdioTransport(sidecarOptions(scripted, temporaryFolder(until)));
  const errors: unknown[] = [];
  const client = await AIClient.connect(wrap?.(transport) ?? transport, {
    onError: (error) => errors.push(error),
    ...options,
  });
  until(() => client.close());
  return { client, transport, errors };
}

/** A request to a canned answer. */
export function ask(model: string, content = "Hello?"): AIRequest {
  return { model, messages: [{ role: "user", content }] };
}

/** What a test waits for: a promise, and the function that resolves it. */
export interface Signal<T> {
  promise: Promise<T>;
  resolve(value: T): void;
}

/** Make a signal. */
export function signalled<T = void>(): Signal<T> {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** What a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it did not reject");
}

/** Everything of an async iterable. */
export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const each of items) found.push(each);
  return found;
}

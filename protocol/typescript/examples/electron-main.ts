/**
 * An Electron main process that owns the sidecar and lets its windows use it: the window says what
 * it wants by `ipcRenderer.invoke`, and hears its streams by `ipcRenderer.on`. What Electron is
 * asked for is spelled out in `Ipc` and `Sender`, so that the tests run this very file under Node;
 * in an app, these are `ipcMain` and `event.sender`.
 *
 * ```ts
 * import { app, BrowserWindow, ipcMain } from "electron";
 *
 * // the program in its folder, which electron-builder puts there by `extraResources`
 * const command = join(process.resourcesPath, "ai-sidecar", "ai-sidecar");
 * const sidecar = new Sidecar({ command }, { name: app.getName(), version: app.getVersion() });
 * serveWindows(ipcMain, sidecar);
 * app.on("before-quit", (event) => {
 *   event.preventDefault();
 *   sidecar.close().finally(() => app.exit());
 * });
 * ```
 */

import {
  AIClient,
  type AIRequest,
  type AIStream,
  type ClientOptions,
  type Method,
  SidecarError,
} from "@ai-sidecar/client";
import { type StdioOptions, StdioTransport } from "@ai-sidecar/client/stdio";

/** The part of Electron's `ipcMain` that is used. */
export interface Ipc {
  handle(channel: string, listener: (event: { sender: Sender }, ...args: never[]) => unknown): void;
}

/** The part of Electron's `WebContents` that is used: one window. */
export interface Sender {
  send(channel: string, ...args: unknown[]): void;
  isDestroyed(): boolean;
}

/** What a window may ask for. A window never starts, ends or reconfigures the sidecar. */
const FOR_WINDOWS: ReadonlySet<string> = new Set<Method>([
  "list_ai_providers",
  "list_models",
  "list_executions",
  "set_api_key",
  "list_api_keys",
]);

/** The app's one sidecar, which is started when it is needed, and again after a crash. */
export class Sidecar {
  readonly #program: StdioOptions;
  readonly #options: ClientOptions;
  #client: Promise<AIClient> | undefined;

  constructor(program: StdioOptions, options: ClientOptions = {}) {
    this.#program = program;
    this.#options = { ...options, processId: process.pid };
  }

  /** The client of the running sidecar. */
  client(): Promise<AIClient> {
    this.#client ??= AIClient.connect(new StdioTransport(this.#program), this.#options).then(
      (client) => {
        client.onState((state) => state === "closed" && this.#forget());
        return client;
      },
      (error) => {
        this.#forget();
        throw error;
      },
    );
    return this.#client;
  }

  /** End it. */
  async close(): Promise<void> {
    const client = await this.#client?.catch(() => undefined);
    await client?.close();
  }

  #forget(): void {
    this.#client = undefined; // the next request starts another
  }
}

/** Let windows use the sidecar. What they are answered is plain data: `{result}` or `{error}`. */
export function serveWindows(ipc: Ipc, sidecar: Sidecar): void {
  const streams = new Map<string, AIStream>();

  ipc.handle("ai:request", (_event, method: Method, params: object) =>
    answer(async () => {
      if (!FOR_WINDOWS.has(method)) throw new Error(`Windows may not use ${method}.`);
      return (await sidecar.client()).request(method, params as never);
    }),
  );

  ipc.handle("ai:stream", ({ sender }, provider: string, request: AIRequest) =>
    answer(async () => {
      const client = await sidecar.client();
      return follow(sender, (handlers) => client.streamProvider(provider, request, handlers));
    }),
  );

  // a window that was reloaded asks for what it followed before
  ipc.handle("ai:attach", ({ sender }, executionId: string) =>
    answer(async () => {
      const client = await sidecar.client();
      return follow(sender, (handlers) => client.attach(executionId, handlers));
    }),
  );

  ipc.handle("ai:stop", (_event, executionId: string) =>
    answer(async () => (await streams.get(executionId)?.stop()) ?? false),
  );

  type Handlers = Parameters<AIClient["attach"]>[1];

  function follow(sender: Sender, begin: (handlers: Handlers) => AIStream): string {
    const tell = (channel: string, data: unknown) => {
      if (!sender.isDestroyed()) sender.send(channel, stream.executionId, data);
    };
    const stream = begin({
      onChunk: (chunk) => tell("ai:chunk", chunk),
      // classes don't pass Electron's IPC, so an error goes as the contract's object
      onEnd: (end) => {
        if (streams.get(end.execution_id) === stream) streams.delete(end.execution_id);
        tell("ai:end", { ...end, error: end.error?.toJSON() });
      },
    });
    streams.set(stream.executionId, stream);
    return stream.executionId;
  }
}

async function answer(
  act: () => Promise<unknown>,
): Promise<{ result: unknown } | { error: object }> {
  try {
    return { result: await act() };
  } catch (error) {
    if (error instanceof SidecarError) return { error: error.toJSON() };
    return { error: { message: error instanceof Error ? error.message : String(error) } };
  }
}

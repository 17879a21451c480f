import { AIClient, SidecarClosed, SidecarError, type StreamChunk } from "@ai-sidecar/client";
import { StdioTransport } from "@ai-sidecar/client/stdio";
import { type PluginEvent, type TauriApi, TauriTransport } from "@ai-sidecar/client/tauri";
import * as core from "@tauri-apps/api/core";
import { afterAll, expect, expectTypeOf, onTestFinished, test, vi } from "vitest";
import { Plugin, type TauriInternals, type Window } from "./plugin.js";
import {
  all,
  ask,
  rejection,
  scripts,
  sidecarOptions,
  signalled,
  temporaryFolder,
  type Until,
} from "./sidecar.js";

const FOLDER = scripts(
  {
    hello: [{ content: "Hello!" }],
    parrot: [{ echo: true }],
    endless: [{ content: "Once upon a time" }, { hang: true }],
    silent: [{ hang: true }],
    many: [{ repeat: 2000, content: "é 😀 \u2028" }],
    large: [{ content: "x".repeat(20_000) }],
    tale: [{ pace_ms: 10 }, { repeat: 40, content: "word " }],
  },
  afterAll,
);

/** The plugin over a real sidecar, which both end with the test. */
async function app(
  until: Until = onTestFinished,
): Promise<{ plugin: Plugin; sidecar: StdioTransport }> {
  const sidecar = new StdioTransport(sidecarOptions(FOLDER, temporaryFolder(until)));
  const plugin = new Plugin(sidecar);
  await plugin.start();
  until(() => sidecar.close());
  return { plugin, sidecar };
}

const { plugin } = await app(afterAll);

/** Tauri's own JavaScript, whose `invoke` and `Channel` are the given page's. */
function apiOf(page: TauriInternals): TauriApi {
  const inPage = <T>(act: () => T): T => {
    vi.stubGlobal("window", { __TAURI_INTERNALS__: page });
    try {
      return act();
    } finally {
      vi.unstubAllGlobals();
    }
  };
  return {
    invoke: (command, args) => inPage(() => core.invoke(command, args)),
    // a function that is called with `new` and returns an object gives that object
    Channel: function make(onmessage: (message: unknown) => void) {
      return inPage(() => new core.Channel(onmessage));
    } as unknown as TauriApi["Channel"],
  };
}

/** Load a page into a window: a client of its own. */
async function load(
  window: Window,
  options: { onEvent?: (event: PluginEvent) => void; silenceMs?: number } = {},
): Promise<{ client: AIClient; errors: unknown[] }> {
  const errors: unknown[] = [];
  const transport = new TauriTransport({ api: apiOf(window.load()), ...options });
  const client = await AIClient.connect(transport, {
    onError: (error) => errors.push(error),
    ...(options.silenceMs !== undefined && { silenceMs: options.silenceMs }),
  });
  return { client, errors };
}

test("calls, streams and notifications pass, in messages of the size that was agreed on", async () => {
  const window = plugin.open();
  const { client, errors } = await load(window);
  const changed = signalled<string>();
  client.on("providers_changed", ({ provider }) => changed.resolve(provider));
  await client.setActiveProvider({ provider: "scripted", model: "many" });
  expect(await changed.promise).toBe("scripted");
  const { response } = await client.streamProvider(undefined, ask("many")).done;
  expect(response.content).toBe("é 😀 \u2028".repeat(2000));
  const texts = window.messages.filter((each) => typeof each === "string");
  for (const text of texts) {
    expect(text.endsWith("\n")).toBe(true);
    const lines = text.slice(0, -1).split("\n");
    expect(lines.length === 1 || new TextEncoder().encode(text).length < 8192).toBe(true);
  }
  expect(texts.length).toBeLessThan(500); // 2,000 chunks: they were gathered
  expect((await client.callProvider("scripted", ask("large"))).content).toHaveLength(20_000);
  expect(errors).toEqual([]);
});

test("a stop that follows a stream at once reaches the sidecar after it", async () => {
  const { client } = await load(plugin.open());
  const stream = client.streamProvider("scripted", ask("endless"));
  expect(await stream.stop()).toBe(true);
  expect((await stream.done).finish_reason).toBe("cancelled");
});

test("a page that is reloaded while it streams attaches, and has the text whole", async () => {
  const window = plugin.open();
  const before = await load(window);
  const begun = signalled();
  before.client.streamProvider("scripted", ask("tale"), {
    blockId: "bubble-7",
    onChunk: () => begun.resolve(),
  });
  await begun.promise;

  const after = await load(window); // the former page's client is gone without a word
  const { executions } = await after.client.listExecutions({ include_ended: true });
  const [mine] = executions.filter(({ block_id }) => block_id === "bubble-7");
  const stream = after.client.attach(mine?.execution_id ?? "");
  const chunks = await all(stream);
  expect(chunks.map(({ content = "" }) => content).join("")).toBe("word ".repeat(40));
  expect(chunks.length).toBeGreaterThan(2); // what was said in one, the rest as it came
  expect((await stream.done).response.content).toBe(stream.text);
  expect(after.errors).toEqual([]);
});

test("windows share the sidecar, and each hears its own; what is for all, all hear", async () => {
  const windows = [plugin.open(), plugin.open()];
  const [one, two] = await Promise.all(windows.map((window) => load(window)));
  if (!one || !two) throw new Error("two windows");
  const heard = [one, two].map(({ client }) => {
    const told = signalled<string>();
    client.on("providers_changed", ({ provider }) => told.resolve(provider));
    return told.promise;
  });
  const said: string[][] = [[], []];
  for (const [place, { client }] of [one, two].entries()) {
    client.on("ai_stream_chunk", ({ chunk }) => said[place]?.push(chunk.content ?? "."));
  }
  await Promise.all([
    one.client.streamProvider("scripted", ask("parrot", "I am one")).done,
    two.client.streamProvider("scripted", ask("parrot", "I am two")).done,
  ]);
  expect(said).toEqual([
    ["I", " am", " one", "."],
    ["I", " am", " two", "."],
  ]);
  await one.client.configureProvider({ provider: "groq", model: "m" });
  expect(await Promise.all(heard)).toEqual(["groq", "groq"]);
  expect([...one.errors, ...two.errors]).toEqual([]);
});

test("a window can follow another one's stream", async () => {
  const [one, two] = [await load(plugin.open()), await load(plugin.open())];
  const begun = signalled();
  const mine = one.client.streamProvider("scripted", ask("endless"), {
    onChunk: () => begun.resolve(),
  });
  await begun.promise;
  const theirs = two.client.attach(mine.executionId);
  await two.client.ping();
  await mine.stop();
  expect((await theirs.done).response.content).toBe("Once upon a time");
});

test("a message that Tauri loses blocks its channel; the client takes another one and mends", async () => {
  const window = plugin.open();
  const { client, errors } = await load(window, { silenceMs: 100 });
  const chunks: StreamChunk[] = [];
  const stream = client.streamProvider("scripted", ask("tale"), {
    onChunk: (chunk) => {
      chunks.push(chunk);
      if (chunks.length === 3) window.loses = window.messages.length;
    },
  });
  expect((await stream.done).response.content).toBe("word ".repeat(40));
  expect(stream.text).toBe("word ".repeat(40));
  expect(chunks.length).toBeLessThan(41); // some came as one, by attaching
  expect(errors).toEqual([]);
});

test("a crash is told with what is known, and after the restart it works again", async () => {
  const { plugin, sidecar } = await app();
  const events: string[] = [];
  const { client } = await load(plugin.open(), { onEvent: ({ event }) => events.push(event) });
  const back = signalled();
  client.onState((state) => state === "open" && back.resolve());
  const begun = signalled();
  const stream = client.streamProvider("scripted", ask("endless"), {
    onChunk: () => begun.resolve(),
  });
  await begun.promise;
  process.kill(sidecar.pid as number, "SIGKILL");
  expect(await rejection(stream.done)).toMatchObject({ kind: "closed", signal: "SIGKILL" });
  expect(client.state).toBe("lost");
  plugin.tell({ event: "restarting", attempt: 1, delay_ms: 0 });
  await plugin.start();
  plugin.tell({ event: "started", protocol_version: "1.0", restarts: 1 });
  await back.promise;
  expect((await client.callProvider("scripted", ask("hello"))).content).toBe("Hello!");
  expect(events).toEqual(["crashed", "restarting", "started"]);
});

test.each<PluginEvent>([
  { event: "failed", message: "It does not start.", hint: "Install it anew." },
  { event: "stopped" },
])("after $event the connection has ended", async (event) => {
  const { plugin } = await app();
  const { client } = await load(plugin.open());
  const pending = rejection(client.callProvider("scripted", ask("silent")));
  await client.ping();
  plugin.tell(event);
  expect(await pending).toBeInstanceOf(SidecarClosed);
  expect(client.state).toBe("closed");
  if (event.event === "failed") expect(await pending).toMatchObject({ hint: event.hint });
});

test("an onEvent that throws is told of, and what waits is told of the crash all the same", async () => {
  const { plugin } = await app();
  const oops = new Error("oops");
  const { client, errors } = await load(plugin.open(), {
    onEvent: () => {
      throw oops;
    },
  });
  const pending = rejection(client.callProvider("scripted", ask("silent")));
  await client.ping();
  plugin.tell({ event: "crashed", exit_code: null, signal: "SIGKILL", stderr_tail: "" });
  expect(await pending).toMatchObject({ kind: "closed", signal: "SIGKILL" });
  expect(client.state).toBe("lost");
  expect(errors).toEqual([oops]);
});

test("what the plugin refuses is an error of its kind, and the next request is sent", async () => {
  const { plugin } = await app();
  plugin.forbidden.add("shutdown");
  const { client } = await load(plugin.open());
  const error = await rejection(client.shutdown());
  expect(error).toBeInstanceOf(SidecarError);
  expect(error).toMatchObject({ kind: "not_allowed", code: 0 });
  expect(await client.ping()).toEqual({});
});

test("a client that was replaced in its window, and one that was closed, are told so", async () => {
  const window = plugin.open();
  const page = apiOf(window.load());
  const first = await AIClient.connect(new TauriTransport({ api: page }));
  const second = await AIClient.connect(new TauriTransport({ api: page }));
  expect([first.state, second.state]).toEqual(["closed", "open"]);
  await first.close(); // ends nobody else's connection
  expect(await second.ping()).toEqual({});
  await second.close();
  expect(await rejection(second.ping())).toBeInstanceOf(SidecarClosed);
  expect(window.connection).toBeUndefined();
});

test("where Tauri knows no such plugin the hint says what to look at", async () => {
  const api = {
    invoke: () => Promise.reject("plugin ai-sidecar not found"),
    Channel: class {},
  };
  const error = await rejection(AIClient.connect(new TauriTransport({ api })));
  expect(error).toBeInstanceOf(SidecarClosed);
  expect(error).toMatchObject({
    message: "Tauri refused: plugin ai-sidecar not found",
    hint: expect.stringContaining("ai-sidecar:default"),
  });
});

test("without being given it, Tauri's own module is imported, which fits", async () => {
  expectTypeOf(core).toExtend<TauriApi>();
  vi.stubGlobal("window", { __TAURI_INTERNALS__: plugin.open().load() });
  onTestFinished(() => {
    vi.unstubAllGlobals();
  });
  const client = await AIClient.connect(new TauriTransport());
  expect(await client.ping()).toEqual({});
});

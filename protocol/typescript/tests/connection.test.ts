import { AIClient, SidecarClosed, type SidecarError } from "@ai-sidecar/client";
import { expect, test } from "vitest";
import { all, ask, rejection, start } from "./sidecar.js";
import { Played } from "./transports.js";

async function played(): Promise<{ client: AIClient; sidecar: Played; errors: SidecarError[] }> {
  const sidecar = new Played();
  const errors: SidecarError[] = [];
  const client = await AIClient.connect(sidecar, {
    onError: (error) => errors.push(error as SidecarError),
  });
  return { client, sidecar, errors };
}

test.each(["2.0", "0.9", "11.0", ""])(
  "a sidecar of another major is refused: %s",
  async (version) => {
    const sidecar = new Played();
    sidecar.version = version;
    const error = await rejection(AIClient.connect(sidecar));
    expect(error).toMatchObject({ kind: "protocol_version" });
    expect((error as Error).message).toContain("1.0");
    expect(sidecar.closed).toBe(true);
  },
);

test("a sidecar of a newer minor is taken", async () => {
  const sidecar = new Played();
  sidecar.version = "1.7";
  expect((await AIClient.connect(sidecar)).info.protocol_version).toBe("1.7");
});

test("who calls is told when it says its name", async () => {
  const sidecar = new Played();
  await AIClient.connect(sidecar, {
    name: "a",
    version: "1",
    url: "https://a.example",
    processId: 7,
  });
  expect(sidecar.sent[0]).toMatchObject({
    method: "initialize",
    params: { client: { name: "a", version: "1", url: "https://a.example" }, process_id: 7 },
  });
  const nameless = new Played();
  await AIClient.connect(nameless, { url: "https://a.example" });
  expect(nameless.sent[0]?.params).toEqual({});
});

test("what the real sidecar says of itself is kept", async () => {
  const { client } = await start({ name: "test", version: "1", processId: process.pid });
  expect(client.info).toMatchObject({ server: { name: "ai-sidecar" }, protocol_version: "1.0" });
  expect(client.info.capabilities).toContain("stream_ai_provider");
});

test.each([
  ["no JSON", "{nonsense", "A line is no JSON."],
  ["no message", '"text"', "A line is no JSON-RPC message."],
  ["nothing", "null", "A line is no JSON-RPC message."],
  [
    "an answer to nobody",
    '{"jsonrpc":"2.0","id":"x-1","result":{}}',
    "An answer came that nobody waits for.",
  ],
])("%s is told of, and touches nothing else", async (_, line, message) => {
  const { client, sidecar, errors } = await played();
  const answer = client.ping();
  sidecar.listener.onLine(line);
  sidecar.listener.onLine("");
  sidecar.say({ method: "ai_stream_chunk" });
  sidecar.say({ method: "of_a_newer_minor", params: {} });
  sidecar.say({ id: sidecar.sent.at(-1)?.id, result: {} });
  expect(await answer).toEqual({});
  expect(errors.map((error) => [error.kind, error.message])).toEqual([["malformed", message]]);
});

test("an error without an id is told of", async () => {
  const { sidecar, errors } = await played();
  const data = { kind: "invalid_request", hint: "h" };
  sidecar.say({ id: null, error: { code: -32600, message: "The line is too long.", data } });
  expect(errors).toMatchObject([{ code: -32600, kind: "invalid_request" }]);
});

test("a batch's answers are each given to who asked", async () => {
  const { client, sidecar } = await played();
  const both = Promise.all([client.ping(), client.getActiveProvider()]);
  const [ping, active] = sidecar.sent.slice(-2);
  sidecar.listener.onLine(
    JSON.stringify([
      { jsonrpc: "2.0", id: active?.id, result: { provider: "local" } },
      { jsonrpc: "2.0", id: ping?.id, result: {} },
    ]),
  );
  expect(await both).toEqual([{}, { provider: "local" }]);
});

test("an error that lacks the contract's data is an error all the same", async () => {
  const { client, sidecar } = await played();
  const answer = client.ping();
  sidecar.say({ id: sidecar.sent.at(-1)?.id, error: { code: -1, message: "No." } });
  expect(await rejection(answer)).toMatchObject({
    code: -1,
    message: "No.",
    kind: "api_error",
    hint: "",
  });
});

test("a request that is longer than a line may be is not sent", async () => {
  const { client, sidecar } = await played();
  const count = sidecar.sent.length;
  const error = await rejection(client.callProvider("p", ask("m", "é".repeat(17 * 1024 * 1024))));
  expect(error).toMatchObject({ code: -32600, kind: "invalid_request" });
  expect(sidecar.sent.length).toBe(count);
});

test("ids of two clients differ, and an abort leaves no listener on its signal", async () => {
  const [one, two] = await Promise.all([played(), played()]);
  expect(one.sidecar.sent[0]?.id).not.toBe(two.sidecar.sent[0]?.id);
  const abort = new AbortController();
  const answer = one.client.ping({ signal: abort.signal });
  abort.abort("enough");
  expect(await rejection(answer)).toBe("enough");
  one.sidecar.say({ id: one.sidecar.sent.at(-1)?.id, result: {} });
  expect(one.errors).toEqual([]);
});

test("while the sidecar is started again all is refused, and then it works again", async () => {
  const { client, sidecar } = await played();
  const states: unknown[] = [];
  client.onState((state, error) => states.push([state, error?.exitCode]));
  const call = client.callProvider("p", ask("m"));
  const stream = client.streamProvider("p", ask("m"));
  const crash = new SidecarClosed("It crashed.", "Wait.", { exitCode: 139 });
  sidecar.listener.onLost(crash);
  expect(await rejection(call)).toBe(crash);
  expect(await rejection(all(stream))).toBe(crash);
  expect(await rejection(client.ping())).toBe(crash);
  expect(client.state).toBe("lost");
  sidecar.listener.onBack();
  const answer = client.ping();
  sidecar.say({ id: sidecar.sent.at(-1)?.id, result: {} });
  expect(await answer).toEqual({});
  expect(states).toEqual([
    ["lost", 139],
    ["open", undefined],
  ]);
});

test("notifications are typed, heard by all who want them, and by nobody after that", async () => {
  const { client, errors } = await start();
  const told: string[] = [];
  client.on("providers_changed", () => {
    throw new Error("a handler's own");
  });
  const stop = client.on("providers_changed", ({ provider }) => told.push(provider));
  await client.configureProvider({ provider: "groq", model: "m" });
  await client.ping();
  stop();
  await client.configureProvider({ provider: "groq", model: null });
  await client.ping();
  expect(told).toEqual(["groq"]);
  expect(errors).toHaveLength(2);
});

test("close lets the sidecar end what runs, and then everything is refused", async () => {
  const { client } = await start();
  const stream = client.streamProvider("scripted", ask("endless"));
  const call = rejection(client.callProvider("scripted", ask("silent")));
  await client.ping(); // both have reached it
  await Promise.all([client.close(), client.close()]);
  expect((await stream.done).finish_reason).toBe("cancelled");
  expect(await call).toMatchObject({ kind: "cancelled" });
  expect(await rejection(client.ping())).toBeInstanceOf(SidecarClosed);
  expect(client.state).toBe("closed");
});

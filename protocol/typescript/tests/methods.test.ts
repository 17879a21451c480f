import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { AIClient, Method, Methods } from "@ai-sidecar/client";
import { afterAll, expect, expectTypeOf, test } from "vitest";
import { ask, ROOT, scripts, signalled, start } from "./sidecar.js";

/** The wire's name in camelCase, without `ai_` and without the namespace of `rpc.discover`. */
type NameOf<M extends string> = M extends `rpc.${infer Rest}`
  ? Camel<Rest>
  : M extends `${infer Verb}_ai_${infer Rest}`
    ? Camel<`${Verb}_${Rest}`>
    : Camel<M>;
type Camel<S extends string> = S extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : S;

test("every method of the contract has one of its name", () => {
  expectTypeOf<Exclude<NameOf<Method>, keyof AIClient>>().toBeNever();
});

const { client } = await start({
  until: afterAll,
  scripted: scripts({ hello: [{ content: "Hello!" }], endless: [{ hang: true }] }, afterAll),
});

/** Each method once, in an order in which they work; the type asks for all of them. */
const CALLS: { [M in Method]: () => Promise<Methods[M]["result"]> } = {
  initialize: () => client.initialize({ client: { name: "test" } }),
  ping: () => client.ping(),
  "rpc.discover": () => client.discover(),
  call_ai_provider: () => client.callProvider("scripted", ask("hello")),
  stream_ai_provider: async () => {
    const accepted = signalled();
    const stream = client.streamProvider("scripted", ask("endless"), {
      executionId: "s",
      onStatus: ({ state }) => state === "accepted" && accepted.resolve(),
    });
    await accepted.promise;
    return { execution_id: stream.executionId };
  },
  list_executions: () => client.listExecutions({ include_ended: true }),
  attach_execution: () => client.attachExecution({ execution_id: "s" }),
  cancel_execution: () => client.cancelExecution({ execution_id: "s" }),
  list_ai_providers: () => client.listProviders(),
  list_models: () => client.listModels({ provider: "scripted" }),
  test_provider_connection: () => client.testProviderConnection({ provider: "scripted" }),
  embed: () => client.embed({ provider: "scripted", model: "any", input: ["a", "b"] }),
  count_tokens: () =>
    client.countTokens({
      provider: "scripted",
      request: { model: "hello", messages: [{ role: "user", content: "Hello?" }] },
    }),
  configure_provider: () => client.configureProvider({ provider: "groq", model: "m" }),
  set_active_provider: () => client.setActiveProvider({ provider: "scripted", model: "hello" }),
  get_active_provider: () => client.getActiveProvider(),
  create_vault: () => client.createVault({ password: "a password" }),
  set_api_key: () => client.setApiKey({ provider: "groq", api_key: "a key" }),
  list_api_keys: () => client.listApiKeys(),
  lock_vault: () => client.lockVault(),
  unlock_vault: () => client.unlockVault({ password: "a password" }),
  change_vault_password: () =>
    client.changeVaultPassword({ password: "a password", new_password: "a new one" }),
  list_audit_events: () => client.listAuditEvents({ limit: 1 }),
  verify_audit: () => client.verifyAudit(),
  delete_api_key: () => client.deleteApiKey({ provider: "groq" }),
  shutdown: () => client.shutdown(),
};

/** What of each answer is looked at. */
const ANSWERS: { [M in Method]: object } = {
  initialize: { server: { name: "ai-sidecar" }, protocol_version: "1.0" },
  ping: {},
  "rpc.discover": JSON.parse(readFileSync(join(ROOT, "protocol", "openrpc.json"), "utf-8")),
  call_ai_provider: { content: "Hello!", message: { role: "assistant", content: "Hello!" } },
  stream_ai_provider: { execution_id: "s" },
  list_executions: { executions: [{ state: "done" }, { execution_id: "s" }] },
  attach_execution: { execution_id: "s", seq: 0, response: { content: "" } },
  cancel_execution: { cancelled: true },
  list_ai_providers: {
    providers: expect.arrayContaining([expect.objectContaining({ name: "groq" })]),
  },
  list_models: { models: [{ id: "endless" }, { id: "hello" }] },
  test_provider_connection: { ok: true, models: 2 },
  embed: { provider: "scripted", dimensions: 8 },
  count_tokens: { tokens: 6, estimated: true, model: "hello", provider: "scripted" },
  configure_provider: { name: "groq", defaults: { model: "m" } },
  set_active_provider: { provider: "scripted", model: "hello" },
  get_active_provider: { provider: "scripted", model: "hello" },
  create_vault: { name: "vault", state: "ready" },
  set_api_key: { provider: "groq", has_api_key: true, source: "memory" },
  list_api_keys: { keys: [{ provider: "groq", key_id: "default" }] },
  lock_vault: { state: "locked" },
  unlock_vault: { state: "ready" },
  change_vault_password: { state: "ready" },
  list_audit_events: { events: [{ event: { event: "change_vault_password" } }] },
  verify_audit: { valid: true },
  delete_api_key: { deleted: true },
  shutdown: {},
};

test.each(Object.keys(CALLS) as Method[])("%s answers through its typed method", async (method) => {
  expect(await CALLS[method]()).toMatchObject(ANSWERS[method]);
});

test("these are the methods of the contract", () => {
  const contract = ANSWERS["rpc.discover"] as { methods: { name: string }[] };
  expect(Object.keys(CALLS).sort()).toEqual(contract.methods.map(({ name }) => name).sort());
});

test("types: what is asked for decides what comes", () => {
  const block = () => client.callProvider("p", ask("m"), { output: "agent_block" });
  expectTypeOf(block).returns.resolves.toHaveProperty("tokens");
  const response = () => client.callProvider("p", ask("m"));
  expectTypeOf(response).returns.resolves.toHaveProperty("message");
  // @ts-expect-error: a field that the contract does not know
  void (() => client.setApiKey({ provider: "p", api_key: "k", keyid: "x" }));
  // @ts-expect-error: only where it means something may a parameter be null
  void (() => client.listModels({ provider: null }));
  // @ts-expect-error: no such notification
  void (() => client.on("security_notices", () => {}));
});

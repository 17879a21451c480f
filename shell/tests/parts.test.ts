import type { KeyInfo, ProviderInfo, StoreState } from "@ai-sidecar/client";
import { CLIENT_CODE, SidecarError } from "@ai-sidecar/client";
import { expect, test, vi } from "vitest";
import { found } from "../src/lib/search";
import { Directory, isHere, type Provided } from "../src/lib/state/directory.svelte";
import { handOver, type KeyClient, stepFor } from "../src/lib/state/keys";
import { duration, factsOf, problemOf, remedyOf, short } from "../src/lib/words";

const stores = (keyring: StoreState["state"], vault: StoreState["state"]): StoreState[] => [
  { name: "keyring", state: keyring },
  { name: "vault", state: vault },
  { name: "environment", state: "ready" },
];

test.each([
  ["ready", "missing", "keep"],
  ["unknown", "missing", "keep"],
  ["missing", "missing", "choose"],
  ["missing", "locked", "unlock"],
  ["missing", "ready", "keep"],
  ["busy", "locked", "unlock"],
] as const)("keyring %s, vault %s: %s", (keyring, vault, step) => {
  expect(stepFor(stores(keyring, vault))).toBe(step);
});

test("a store of this run's memory needs nothing", () => {
  expect(stepFor([{ name: "memory", state: "ready" }])).toBe("keep");
});

test("a key's field is empty before the key has arrived anywhere", async () => {
  const field = { value: " sk-secret \n" } as HTMLInputElement;
  const setApiKey = vi.fn(async () => ({}) as KeyInfo);
  const sent = handOver({ setApiKey } as unknown as KeyClient, "openai", field);
  expect(field.value).toBe("");
  await sent;
  expect(setApiKey).toHaveBeenCalledWith({ provider: "openai", api_key: "sk-secret" });
});

const provider = (more: Partial<ProviderInfo>): ProviderInfo => ({
  ...{ name: "p", display_name: "P", format: "openai_chat", capabilities: [], origins: [] },
  ...{ available: true, has_api_key: true, key_required: true, active: false },
  ...{ base_url: "https://p.example/v1", ...more },
});

test("a provider is as ready as is known", async () => {
  const refuse = (kind: string) => {
    const data = { kind, hint: "" };
    return Promise.reject(new SidecarError({ code: -1, message: "no", data }));
  };
  const answers: Record<string, () => Promise<{ models: [] }>> = {
    down: () => refuse("network"),
    bad: () => refuse("authentication"),
    up: () => Promise.resolve({ models: [] }),
  };
  const listModels = ({ provider = "" }) => answers[provider]?.();
  const directory = new Directory(() => ({ listModels }) as unknown as Provided);
  const state = (more: Partial<ProviderInfo>) => directory.availability(provider(more)).state;

  expect(state({})).toBe("ready");
  expect(state({ has_api_key: false, available: false })).toBe("needs-key");
  expect(state({ base_url: undefined, available: false })).toBe("unusable");
  expect(state({ available: false })).toBe("needs-key"); // its key is for another address
  expect(state({ format: "local" })).toBe("ready");
  const users = { base_url: "http://127.0.0.1:11434", key_required: false, has_api_key: false };
  expect(state({ ...users, name: "own" })).toBe("unknown");
  expect(state({ ...users, name: "own", available: false })).toBe("unreachable");
  for (const name of Object.keys(answers)) await directory.load(name);
  expect(state({ name: "down" })).toBe("unreachable");
  expect(state({ name: "bad" })).toBe("needs-key");
  expect(state({ name: "up" })).toBe("ready");
  expect(state({ ...users, name: "up", available: false })).toBe("ready"); // it was asked since
});

test.each([
  ["local", undefined, true],
  ["scripted", undefined, true],
  ["openai_chat", "http://localhost:11434/v1", true],
  ["openai_chat", "https://p.example/v1", false],
  ["of_a_newer_sidecar", "http://127.0.0.1/v1", true],
  ["of_a_newer_sidecar", "https://p.example/v1", false],
  ["of_a_newer_sidecar", undefined, false],
] as const)(
  "a provider of the format %s at %s is on this machine: %s",
  (format, base_url, here) => {
    expect(isHere(provider({ format, base_url }))).toBe(here);
  },
);

test("a provider that only a newer sidecar knows is looked at like any other", () => {
  const directory = new Directory(() => undefined);
  const format = "of_a_newer_sidecar";
  const state = (base_url: string | undefined) =>
    directory.availability(provider({ format, base_url })).state;
  expect(state(undefined)).toBe("unusable");
  expect(state("http://[::1]:80/v1")).toBe("unknown"); // it may be down
});

test("a model is found by its words, in any order", () => {
  const rows = ["gpt-4.1-mini", "gpt-4.1", "o3-mini", "mini-gpt"].map((id) => ({ id }));
  expect(found(rows, "mini gpt").map(({ id }) => id)).toEqual(["mini-gpt", "gpt-4.1-mini"]);
  expect(found(rows, "")).toHaveLength(4);
  expect(found(rows, "claude")).toEqual([]);
});

test("numbers are short", () => {
  expect([short(999), short(128_000), short(1_048_576)]).toEqual(["999", "128k", "1M"]);
  expect([duration(87.4), duration(1234), duration(125_000)]).toEqual([
    "87 ms",
    "1.23 s",
    "2 min 5 s",
  ]);
  const usage = { prompt_tokens: 1, completion_tokens: 100, total_tokens: 101 };
  expect(factsOf(usage, { first_token_ms: 500, total_ms: 1500 })).toEqual([
    ...["100 tokens", "1.50 s", "first word after 500 ms", "100 tokens/s"],
  ]);
  expect(factsOf(undefined, undefined)).toEqual([]);
});

test.each([
  ["closed", "Install the app again. Who builds it: see bundle.externalBin in tauri.conf.json."],
  ["config", "Correct plugins.ai-sidecar in tauri.conf.json."],
  ["malformed", "This is a bug of the program in the window."],
  ["not_allowed", "Name the method in the window's list, plugins.ai-sidecar.methods."],
  ["protocol_version", "Bundle a sidecar and a plugin of the same major version."],
])("of %s who uses the app is told what to do, and not who builds it", (kind, hint) => {
  const made = new SidecarError({ code: CLIENT_CODE, message: "m", data: { kind, hint } });
  const problem = problemOf(made);
  expect(problem.title).not.toBe("Something went wrong");
  expect(problem.hint).not.toBe("");
  expect(problem.hint).not.toMatch(/tauri|plugin|bundle|program|bug/i);
});

test("of the user's own settings the sidecar's hint is told", () => {
  const data = { kind: "config", hint: "Give a URL like https://host/v1." };
  expect(problemOf(new SidecarError({ code: -33001, message: "m", data })).hint).toBe(data.hint);
});

test("every error has words and a way out", () => {
  expect(problemOf(new Error("boom"))).toMatchObject({ kind: "internal", message: "boom" });
  const unknown = problemOf(
    new SidecarError({ code: -1, message: "m", data: { kind: "new_kind", hint: "h" } }),
  );
  expect(unknown).toMatchObject({ title: "Something went wrong", message: "m", hint: "h" });
  expect(remedyOf(unknown)).toBe("retry");
});

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { AIClient, Method, Notifications, SidecarError } from "@ai-sidecar/client";
import { expect, test } from "vitest";
import { Queue } from "../src/queue.js";
import { filled, readSession, type Step } from "./session.js";
import { ROOT, start } from "./sidecar.js";

const FOLDER = join(ROOT, "protocol", "sessions");
const NOTIFICATIONS = ["ai_stream_chunk", "ai_stream_end", "providers_changed", "security_notice"];
/** They are about lines that it never sends, and about how a sidecar is started and ends. */
const NOT_FOR_A_CLIENT = [
  "bad_input",
  "batch",
  "demo_model",
  "drain",
  "end_of_input",
  "hello",
  "restart",
];

const sessions = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".session"))
  .map((name) => [name.replace(".session", ""), readSession(join(FOLDER, name))] as const);
const playable = sessions.filter(
  (each): each is readonly [string, Step[]] => each[1] !== undefined,
);

test("every session that a client could have is played here", () => {
  const others = sessions.filter(([, steps]) => !steps).map(([name]) => name);
  expect(others.filter((name) => !NOT_FOR_A_CLIENT.includes(name))).toEqual([]);
});

test.concurrent.for(playable)("the session %s is as it is written", async ([, steps], context) => {
  const { expect, onTestFinished } = context; // that of this test: it is not alone
  const { client, errors } = await start({ until: onTestFinished });
  const told = everything(client);
  const asked = new Map<unknown, Promise<object>>();
  const known = new Map<string, unknown>();
  for (const step of steps) {
    if (step.does === "send") asked.set(step.request.id, answer(client, step.request));
    else {
      const { jsonrpc: _, id, ...expected } = step.message;
      const came = id === undefined ? (await told.next()).value : await asked.get(id);
      expect(came).toEqual(filled(expected, came, known));
    }
  }
  expect(errors).toEqual([]);
});

function everything(client: AIClient): Queue<object> {
  const told = new Queue<object>();
  for (const method of NOTIFICATIONS as (keyof Notifications)[]) {
    client.on(method, (params) => told.push({ method, params }));
  }
  return told;
}

function answer(client: AIClient, request: { method: string; params?: object }): Promise<object> {
  return client.request(request.method as Method, (request.params ?? {}) as never).then(
    (result) => ({ result }),
    (error: SidecarError) => ({ error: error.toJSON() }),
  );
}

test("the notifications that are heard are all there are", () => {
  const contract = JSON.parse(readFileSync(join(ROOT, "protocol", "openrpc.json"), "utf-8"));
  const names = contract["x-notifications"].map(({ name }: { name: string }) => name);
  expect(NOTIFICATIONS).toEqual(names);
});

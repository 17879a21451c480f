import { SidecarClosed, SidecarError } from "@ai-sidecar/client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Conversation } from "../src/lib/state/conversation.svelte";
import { keep, kept } from "../src/lib/state/memory";
import { ENDINGS } from "../src/lib/words";
import { FakeStreams } from "./fake";

const TARGET = { provider: "openai", model: "gpt" };
let draw: FrameRequestCallback[] = [];

beforeEach(() => {
  draw = [];
  // what waits for a frame has a timer, too, which would go off after its test
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  vi.stubGlobal("requestAnimationFrame", (each: FrameRequestCallback) => draw.push(each));
  vi.stubGlobal("cancelAnimationFrame", (number: number) => delete draw[number - 1]);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function frame(): void {
  for (const each of draw.splice(0)) each?.(0);
}

function begin(question = "Hi?") {
  const streams = new FakeStreams();
  const changed = vi.fn();
  const conversation = new Conversation(() => streams, changed);
  conversation.ask(question, TARGET);
  return { streams, conversation, changed, answer: conversation.last!.answer };
}

test("what comes is shown once a frame", () => {
  const { streams, answer } = begin();
  expect(answer.state).toBe("waiting");
  streams.last.say("Hel");
  streams.last.say("lo");
  expect(draw.length).toBe(1);
  expect(answer.text).toBe("");
  frame();
  expect([answer.text, answer.state]).toEqual(["Hello", "streaming"]);
});

test("the end is shown at once, with what was sent beside it", () => {
  const { streams, answer, changed, conversation } = begin();
  const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };
  const beside = { usage, timing: { total_ms: 1 }, reasoning: "Hm.", warnings: ["Odd."] };
  streams.last.say("Hello");
  streams.last.end("Hello", { finish_reason: "length" }, beside);
  expect([answer.text, answer.state, conversation.running]).toEqual(["Hello", "done", false]);
  expect([answer.usage, answer.timing]).toEqual([usage, { total_ms: 1 }]);
  expect(answer.reasoning).toBe("Hm.");
  expect(answer.notes).toEqual(["Odd.", "It was cut off at the longest answer allowed."]);
  expect(changed).toHaveBeenCalledTimes(2);
});

test("one question at a time, and none without words or without a sidecar", () => {
  const { streams, conversation } = begin();
  expect(conversation.ask("And?", TARGET)).toBe(false);
  streams.last.end("Yes");
  expect(conversation.ask("  \n ", TARGET)).toBe(false);
  expect(conversation.ask("And?", TARGET)).toBe(true);
  expect(new Conversation(() => undefined).ask("Hi", TARGET)).toBe(false);
});

test("the whole conversation is sent, but for questions that got no answer", () => {
  const { streams, conversation } = begin("one");
  streams.last.end("1");
  conversation.ask("two", TARGET);
  streams.last.fail(error("network"));
  conversation.ask("three", TARGET);
  expect(streams.last.provider).toBe("openai");
  expect(streams.last.request).toEqual({
    model: "gpt",
    messages: [
      { role: "user", content: "one" },
      { role: "assistant", content: "1" },
      { role: "user", content: "three" },
    ],
  });
});

test("a stop is asked for, and what was said stays", () => {
  const { streams, conversation, answer } = begin();
  streams.last.say("Hel");
  expect(conversation.stop()).toBe(true);
  expect(streams.last.stopped).toBe(1);
  streams.last.end("Hel", { finish_reason: "cancelled" });
  expect([answer.state, answer.text]).toEqual(["stopped", "Hel"]);
  expect(conversation.stop()).toBe(false);
});

test("an error is said in words, and the question can be asked again", () => {
  const { streams, conversation, answer } = begin();
  streams.last.fail(error("authentication"));
  expect(answer.state).toBe("failed");
  expect(answer.problem).toMatchObject({ title: "The key was refused", hint: "Do this." });
  expect(conversation.again(TARGET)).toBe(true);
  expect(conversation.exchanges).toHaveLength(1);
  streams.last.end("Now it works");
  expect(conversation.last?.answer.text).toBe("Now it works");
});

test("a sidecar that dies interrupts the answer, and what was said stays", () => {
  const { streams, answer } = begin();
  streams.last.say("Half");
  streams.last.fail(new SidecarClosed("It has crashed.", "Start it."));
  expect([answer.state, answer.text, answer.problem]).toEqual(["interrupted", "Half", undefined]);
});

test("after a reload what was being said is followed on, from its beginning", () => {
  const { streams, conversation } = begin("one");
  streams.last.end("1");
  conversation.ask("two", TARGET);
  streams.last.say("already half");
  const stored = new Map<string, string>();
  const storage = {
    setItem: (name: string, value: string) => void stored.set(name, value),
    getItem: (name: string) => stored.get(name) ?? null,
  };
  keep({ target: TARGET, exchanges: conversation.keep() }, storage);

  const reloaded = new FakeStreams();
  const after = new Conversation(() => reloaded);
  const found = kept(storage);
  expect(found?.target).toEqual(TARGET);
  after.restore(found?.exchanges ?? []);
  expect(after.exchanges.map((each) => each.answer.text)).toEqual(["1", ""]);
  expect(reloaded.made.map((each) => each.executionId)).toEqual(["e1"]);
  expect(after.running).toBe(true);
  reloaded.last.say("already half");
  reloaded.last.say(", and whole");
  reloaded.last.end("already half, and whole");
  expect(after.last?.answer.text).toBe("already half, and whole");
  after.ask("three", TARGET);
  expect(reloaded.last.request?.messages).toHaveLength(5);
});

test("an answer that the sidecar does not know any more is lost, and no sidecar is blamed", () => {
  const { conversation } = begin();
  const reloaded = new FakeStreams();
  const after = new Conversation(() => reloaded);
  after.restore(conversation.keep());
  reloaded.last.fail(error("not_found"));
  expect(after.last?.answer.state).toBe("lost");
  expect(ENDINGS.lost).not.toContain("sidecar");
});

test("what was kept and can't be read is nothing", () => {
  for (const text of ["{", "null", '{"version":99,"exchanges":[]}', '{"version":1}']) {
    expect(kept({ getItem: () => text })).toBeUndefined();
  }
});

test("where there is no room the oldest exchanges are left out", () => {
  const { conversation, streams } = begin("old");
  streams.last.end("x".repeat(1_500_000));
  conversation.ask("new", TARGET);
  streams.last.end("y".repeat(1_000_000));
  let stored = "";
  keep(
    { target: TARGET, exchanges: conversation.keep() },
    { setItem: (_, text) => void (stored = text) },
  );
  expect(stored).toContain('"new"');
  expect(stored).not.toContain('"old"');
});

function error(kind: string): SidecarError {
  return new SidecarError({ code: -1, message: "No.", data: { kind, hint: "Do this." } });
}

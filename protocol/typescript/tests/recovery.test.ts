import {
  AIClient,
  SidecarError,
  type StreamChunk,
  type StreamEnd,
  type StreamStatus,
} from "@ai-sidecar/client";
import { afterAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { all, ask, rejection, scripts, signalled, start } from "./sidecar.js";
import { Lossy, type Message, Played } from "./transports.js";

const RICH = [
  { content: "One " },
  { reasoning: "Hm. ", content: "two " },
  { tool_calls: [{ index: 0, id: "c0", name: "f", arguments: '{"a"' }] },
  { citations: [{ url: "https://a.example" }], logprobs: { content: [1, 2] } },
  {
    tool_calls: [
      { index: 0, arguments: ":1}" },
      { index: 1, id: "c1", name: "g", arguments: "{}" },
    ],
  },
  { refusal: "No.", content: "three" },
  { citations: [{ url: "https://b.example" }], logprobs: { content: [3], refusal: [4] } },
  {
    finish_reason: "tool_calls",
    usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
  },
];

const rich = scripts({ rich: RICH }, afterAll);
const { client: lossless } = await start({ scripted: rich, until: afterAll });
const whole = together(await all(lossless.streamProvider("scripted", ask("rich"))));
let drops = dropping();
const { client: lossy } = await start({
  scripted: rich,
  wrap: (real) => new Lossy(real, (message) => drops(message)),
  silenceMs: 50,
  until: afterAll,
});
const { client: shared } = await start({ until: afterAll });

/** Drop the notifications of these numbers, each once. */
function dropping(...seqs: number[]): (message: Message) => boolean {
  const left = new Set(seqs);
  return ({ params }) => left.delete(params?.seq ?? 0);
}

/** Everything that is ready to go on has gone on. */
const running = () => new Promise(setImmediate);

/** Chunks put together, as the contract says. */
function together(chunks: StreamChunk[]): StreamChunk {
  const whole: StreamChunk = {};
  const calls: Record<number, { arguments: string }> = {};
  for (const { content, reasoning, refusal, citations, tool_calls, logprobs, ...last } of chunks) {
    for (const [name, text] of Object.entries({ content, reasoning, refusal })) {
      const key = name as "content" | "reasoning" | "refusal";
      if (text !== undefined) whole[key] = (whole[key] ?? "") + text;
    }
    if (citations) whole.citations = [...(whole.citations ?? []), ...citations];
    for (const [name, list] of Object.entries(logprobs ?? {})) {
      whole.logprobs = { ...whole.logprobs, [name]: [...(whole.logprobs?.[name] ?? []), ...list] };
    }
    for (const { index, arguments: text = "", ...first } of tool_calls ?? []) {
      calls[index] = {
        ...calls[index],
        ...first,
        arguments: (calls[index]?.arguments ?? "") + text,
      };
    }
    Object.assign(whole, last);
  }
  return { ...whole, tool_calls: Object.values(calls) as never };
}

test.each([
  ["the first", [1]],
  ["one in the middle", [4]],
  ["several", [2, 3, 5, 7]],
  ["all but one", [1, 2, 3, 4, 5, 6, 8, 9]],
  ["the last chunk", [8]],
])("where %s gets lost, what is told is still whole, and ends once", async (_, seqs) => {
  drops = dropping(...seqs);
  const ends: StreamEnd[] = [];
  const statuses: StreamStatus[] = [];
  const stream = lossy.streamProvider("scripted", ask("rich"), {
    onEnd: (end) => ends.push(end),
    onStatus: (status) => statuses.push(status),
  });
  const chunks = await all(stream);
  expect(together(chunks)).toEqual(whole);
  expect(statuses).toContainEqual(expect.objectContaining({ state: "catching_up" }));
  expect(ends).toEqual([await stream.done]);
  expect(stream.text).toBe("One two three");
});

test("a lost end is found by asking, after a silence", async () => {
  const drops = ({ method }: Message) => method === "ai_stream_end";
  const { client } = await start({ wrap: (real) => new Lossy(real, drops), silenceMs: 50 });
  const stream = client.streamProvider("scripted", ask("hello"));
  expect((await stream.done).response.content).toBe("Hello!");
  const failing = client.streamProvider("scripted", ask("broken_off"));
  expect(await rejection(failing.done)).toMatchObject({ kind: "truncated_stream" });
  const stopped = client.streamProvider("scripted", ask("endless"));
  await stopped.stop();
  expect((await stopped.done).finish_reason).toBe("cancelled");
});

test("a lost acknowledgement is found so, too", async () => {
  let answers = 0;
  const drops = ({ method }: Message) => method === undefined && ++answers === 2; // 1: initialize
  const { client } = await start({ wrap: (real) => new Lossy(real, drops), silenceMs: 50 });
  const states: string[] = [];
  const stream = client.streamProvider("scripted", ask("hello"), {
    onStatus: ({ state }) => states.push(state),
  });
  expect((await stream.done).response.content).toBe("Hello!");
  expect(states).toEqual(["catching_up", "accepted", "streaming"]);
});

test("a silence before the sidecar has accepted it, as while a keyring asks, is no end", async () => {
  const played = new Played();
  const asked = signalled<string>();
  const client = await AIClient.connect(played, { silenceMs: 10 });
  const send = played.send.bind(played);
  played.send = async (line) => {
    await send(line);
    if (line.includes("attach_execution")) asked.resolve(JSON.parse(line).id);
  };
  const stream = client.streamProvider("p", ask("m"), { executionId: "x" });
  const request = played.sent.at(-1)?.id;
  const data = { kind: "not_found", hint: "" };
  played.say({ id: await asked.promise, error: { code: -33005, message: "No.", data } });
  await running();
  played.say({ id: request, result: { execution_id: "x" } });
  const end = {
    execution_id: "x",
    seq: 1,
    timestamp: 0,
    finish_reason: "stop",
    response: { content: "" },
  };
  played.say({ method: "ai_stream_end", params: end });
  expect((await stream.done).finish_reason).toBe("stop");
});

test("a silence while the model thinks changes nothing", async () => {
  const { client } = await start({ silenceMs: 10 });
  const checked = signalled();
  const chunks: StreamChunk[] = [];
  const stream = client.streamProvider("scripted", ask("endless"), {
    onChunk: (chunk) => chunks.push(chunk),
    onStatus: ({ state }) => state === "catching_up" && checked.resolve(),
  });
  await checked.promise;
  await client.ping(); // the check's answer came before this one's
  await stream.stop();
  await stream.done;
  expect(chunks).toEqual([{ content: "Once upon a time" }]);
});

test("attach gives the same handle: all that was said, then what comes", async () => {
  const client = shared;
  const begun = signalled();
  const first = client.streamProvider("scripted", ask("endless"), {
    onChunk: () => begun.resolve(),
  });
  await begun.promise;
  const told: unknown[] = [];
  const caught = signalled();
  const second = client.attach(first.executionId, {
    onChunk: (chunk) => {
      told.push(chunk);
      caught.resolve();
    },
    onEnd: (end) => told.push(end.finish_reason),
  });
  await caught.promise;
  expect(second.text).toBe("Once upon a time");
  expect(await second.stop()).toBe(true);
  expect((await second.done).response).toEqual((await first.done).response);
  expect(told).toEqual([{ content: "Once upon a time" }, "cancelled"]);
});

test("attach to what has ended tells the whole, and its end", async () => {
  const client = shared;
  const { executionId, done } = client.streamProvider("scripted", ask("reasoning"));
  const { response } = await done;
  const again = client.attach(executionId);
  expect(together(await all(again))).toMatchObject({
    content: "Four.",
    reasoning: "Two and two. That is four.",
    finish_reason: "stop",
  });
  expect((await again.done).response).toEqual(response);
  const failed = client.streamProvider("scripted", ask("broken_off"));
  await rejection(failed.done);
  const attached = client.attach(failed.executionId);
  expect(await rejection(attached.done)).toMatchObject({ kind: "truncated_stream" });
  expect(attached.text).toBe("The answer is");
});

test("attach to what nobody knows ends with not_found", async () => {
  const client = shared;
  const stream = client.attach("never-was");
  expect(await rejection(stream.done)).toMatchObject({ kind: "not_found", code: -33005 });
});

test("a call can be followed, too, though it tells nothing by itself", async () => {
  const { client } = await start({
    scripted: scripts({ a: [{ pace_ms: 30 }, { repeat: 5, content: "a" }] }),
    silenceMs: 20,
  });
  const call = client.callProvider("scripted", ask("a"), { executionId: "call" });
  const followed = client.attach("call");
  expect((await followed.done).response.content).toBe("aaaaa");
  expect(followed.text).toBe("aaaaa");
  await call;
});

test("what comes twice or out of turn while it catches up is told once, in order", async () => {
  const played = new Played();
  const client = await AIClient.connect(played, { silenceMs: 0 });
  const stream = client.streamProvider("p", ask("m"));
  const id = stream.executionId;
  const say = (seq: number, content: string) =>
    played.say({
      method: "ai_stream_chunk",
      params: { execution_id: id, seq, timestamp: 0, chunk: { content } },
    });
  say(1, "a"); // in one piece with the answer
  played.say({ id: played.sent.at(-1)?.id, result: { execution_id: id } });
  await running();
  say(1, "a"); // twice
  say(3, "c"); // 2 is lost
  say(4, "d");
  const attach = played.sent.at(-1);
  expect(attach?.method).toBe("attach_execution");
  const response = { content: "abc", message: {}, model: "m", provider: "p", execution_id: id };
  played.say({
    id: attach?.id,
    result: { execution_id: id, state: "streaming", seq: 3, response },
  });
  await running();
  say(6, "f"); // 5 is lost
  const again = played.sent.at(-1);
  played.say({
    method: "ai_stream_end",
    params: {
      execution_id: id,
      seq: 7,
      timestamp: 0,
      finish_reason: "stop",
      response: { ...response, content: "abcdef" },
    },
  });
  played.say({
    id: again?.id,
    result: {
      execution_id: id,
      state: "done",
      seq: 7,
      response: { ...response, content: "abcdef", finish_reason: "stop" },
    },
  });
  const chunks = await all(stream);
  expect(chunks.map((chunk) => chunk.content ?? "").join("")).toBe("abcdef");
  expect(chunks.map((chunk) => chunk.content)).toEqual(["a", "bc", "d", "ef"]);
});

test("an onError that throws loses nothing: both errors are logged, and the stream goes on", async () => {
  const logged = vi.spyOn(console, "error").mockImplementation(() => {});
  onTestFinished(() => logged.mockRestore());
  const { client } = await start({
    scripted: rich,
    onError: () => {
      throw new Error("from onError");
    },
  });
  const stream = client.streamProvider("scripted", ask("rich"), {
    onChunk: () => {
      throw new Error("from onChunk");
    },
  });
  expect((await stream.done).response.content).toBe(whole.content);
  const said = logged.mock.calls.map(([, error]) => String(error));
  expect(new Set(said)).toEqual(new Set(["Error: from onChunk", "Error: from onError"]));
});

describe("what is no message of the contract's", () => {
  const response = { content: "ac", message: {}, model: "m", provider: "p", execution_id: "x" };

  /** An accepted stream of a sidecar that the test plays. */
  async function streaming() {
    const played = new Played();
    const errors: unknown[] = [];
    const client = await AIClient.connect(played, {
      silenceMs: 0,
      onError: (error) => errors.push(error),
    });
    const stream = client.streamProvider("p", ask("m"), { executionId: "x" });
    const say = (kind: "chunk" | "end", params: object) =>
      played.say({ method: `ai_stream_${kind}`, params: { execution_id: "x", ...params } });
    const accept = async () => {
      played.say({ id: played.sent.at(-1)?.id, result: { execution_id: "x" } });
      await running();
    };
    return { played, client, stream, say, accept, errors };
  }

  test.each([
    ["nothing", null],
    ["a text", "b"],
    ["calls that are no list", { tool_calls: 5 }],
  ])("a chunk of %s is passed over and told of; what comes after it is heard", async (_, chunk) => {
    const { stream, say, accept, errors } = await streaming();
    say("chunk", { seq: 1, chunk: { content: "a" } }); // these two wait for the answer,
    say("chunk", { seq: 2, chunk });
    await accept();
    say("chunk", { seq: 3, chunk }); // this one is delivered at once
    say("chunk", { seq: 4, chunk: { content: "c" } });
    say("end", { seq: 5, finish_reason: "stop", response });
    expect((await stream.done).response).toEqual(response);
    expect(stream.text).toBe("ac");
    expect(errors).toMatchObject([{ kind: "malformed" }, { kind: "malformed" }]);
  });

  test.each([
    ["its response", { finish_reason: "stop" }],
    ["a response that is one", { finish_reason: "stop", response: null }],
    ["its reason", { response }],
  ])("an end without %s fails the stream", async (_, end) => {
    const { stream, say, accept } = await streaming();
    await accept();
    say("end", { seq: 1, ...end });
    const error = await rejection(stream.done);
    expect(error).toBeInstanceOf(SidecarError);
    expect(error).toMatchObject({ kind: "malformed", hint: expect.stringMatching(/./) });
  });

  test.each([
    ["nothing", null],
    ["no response", { execution_id: "x", state: "done", seq: 1 }],
  ])("an answer to attach of %s fails the stream", async (_, result) => {
    const { client, played } = await streaming();
    const stream = client.attach("y");
    played.say({ id: played.sent.at(-1)?.id, result });
    const error = await rejection(stream.done);
    expect(error).toBeInstanceOf(SidecarError);
    expect(error).toMatchObject({ kind: "malformed", cause: expect.any(TypeError) });
  });
});

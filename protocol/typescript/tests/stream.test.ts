import {
  SidecarError,
  type StreamChunk,
  type StreamEnd,
  type StreamStatus,
} from "@ai-sidecar/client";
import { afterAll, expect, test } from "vitest";
import { all, ask, rejection, scripts, signalled, start } from "./sidecar.js";

const { client } = await start({ until: afterAll });

test("handlers hear every chunk in order, how it is getting on, and one end", async () => {
  const told: unknown[] = [];
  const stream = client.streamProvider("scripted", ask("hello"), {
    onChunk: (chunk) => told.push(chunk.content ?? chunk.finish_reason),
    onStatus: (status) => told.push(status.state),
    onEnd: (end) => told.push(["end", end.finish_reason, end.response?.content]),
  });
  const { response, finish_reason } = await stream.done;
  expect(told).toEqual([
    "accepted",
    "streaming",
    "Hel",
    "lo",
    "!",
    "stop",
    ["end", "stop", "Hello!"],
  ]);
  expect([response.content, finish_reason, stream.text]).toEqual(["Hello!", "stop", "Hello!"]);
  expect(response.execution_id).toBe(stream.executionId);
});

test("iteration gives every chunk, and ends", async () => {
  const chunks = await all(client.streamProvider("scripted", ask("weather_tools")));
  expect(chunks.map((chunk) => chunk.content ?? chunk.tool_calls ?? chunk.finish_reason)).toEqual([
    "Let me look.",
    [{ index: 0, id: "call_1", name: "get_weather" }],
    [{ index: 0, arguments: '{"city": ' }],
    [
      { index: 0, arguments: '"Oslo"}' },
      { index: 1, id: "call_2", name: "get_time", arguments: "{}" },
    ],
    "tool_calls",
  ]);
});

test("who reads late or slowly loses nothing", async () => {
  const { client } = await start({
    scripted: scripts({ many: [{ repeat: 500, content: "ab " }] }),
  });
  const stream = client.streamProvider("scripted", ask("many"));
  await stream.done; // all has come before the first is read
  let text = "";
  for await (const chunk of stream) {
    await new Promise(setImmediate);
    text += chunk.content ?? "";
  }
  expect(text).toBe("ab ".repeat(500));
});

test("the demo of many streams at once: each gets its own", async () => {
  const texts = Array.from({ length: 50 }, (_, place) => `stream number ${place} is this one`);
  const streams = texts.map((text) => client.streamProvider("scripted", ask("parrot", text)));
  const chunks = await Promise.all(streams.map(all));
  expect(chunks.map((each) => each.map((chunk) => chunk.content ?? "").join(""))).toEqual(texts);
});

test("stop ends the stream with what it had, once", async () => {
  const begun = signalled();
  const ends: StreamEnd[] = [];
  const stream = client.streamProvider("scripted", ask("endless"), {
    onChunk: () => begun.resolve(),
    onEnd: (end) => ends.push(end),
  });
  await begun.promise;
  expect(await stream.stop()).toBe(true);
  const end = await stream.done;
  expect([end.finish_reason, end.response.content]).toEqual(["cancelled", "Once upon a time"]);
  expect(await stream.stop()).toBe(false);
  expect(ends).toEqual([end]);
});

test("stop before the sidecar has accepted the stream stops it", async () => {
  const stream = client.streamProvider("scripted", ask("endless"));
  expect(await stream.stop()).toBe(true);
  expect((await stream.done).finish_reason).toBe("cancelled");
  expect((await client.listExecutions()).executions).toEqual([]);
});

test("an abort stops a stream, and its loop just ends", async () => {
  const abort = new AbortController();
  const stream = client.streamProvider("scripted", ask("endless"), { signal: abort.signal });
  const chunks: StreamChunk[] = [];
  for await (const chunk of stream) {
    chunks.push(chunk);
    abort.abort();
  }
  expect(chunks).toEqual([{ content: "Once upon a time" }]);
  expect((await stream.done).finish_reason).toBe("cancelled");
});

test("what was aborted before is not sent", async () => {
  const signal = AbortSignal.abort();
  const ends: StreamEnd[] = [];
  const stream = client.streamProvider("scripted", ask("endless"), {
    signal,
    executionId: "never",
    onEnd: (end) => ends.push(end),
  });
  expect(await rejection(stream.done)).toMatchObject({ kind: "cancelled", code: -32800 });
  expect(ends.map((end) => end.finish_reason)).toEqual(["cancelled"]);
  expect(await rejection(client.callProvider("scripted", ask("hello"), { signal }))).toBe(
    signal.reason,
  );
  expect(await rejection(client.attachExecution({ execution_id: "never" }))).toMatchObject({
    kind: "not_found",
  });
});

test("leaving the loop stops the stream", async () => {
  const stream = client.streamProvider("scripted", ask("endless"));
  for await (const _ of stream) break;
  expect((await stream.done).finish_reason).toBe("cancelled");
});

test("an aborted call rejects at once with the signal's reason, and is cancelled", async () => {
  const { client, errors } = await start({ silenceMs: 20 }); // a call tells nothing by itself
  const abort = new AbortController();
  const call = client.callProvider("scripted", ask("silent"), {
    signal: abort.signal,
    executionId: "waiting",
  });
  const why = new Error("The user has left.");
  abort.abort(why);
  expect(await rejection(call)).toBe(why);
  expect((await client.attach("waiting").done).finish_reason).toBe("cancelled");
  expect(errors).toEqual([]); // the answer that still came is none
});

test("a refused stream ends with the sidecar's error and its hint, by every way", async () => {
  const ends: StreamEnd[] = [];
  const request = { ...ask("hello"), temprature: 1 };
  const stream = client.streamProvider("scripted", request, { onEnd: (end) => ends.push(end) });
  const error = (await rejection(stream.done)) as SidecarError;
  expect(error).toBeInstanceOf(SidecarError);
  expect(error).toMatchObject({
    kind: "invalid_request",
    code: -32602,
    path: "$.request.temprature",
    hint: "Did you mean `temperature`?",
  });
  expect(ends).toMatchObject([{ finish_reason: "error", error }]);
  expect(await rejection(all(stream))).toBe(error);
});

test("a stream that fails throws after its last chunk, and keeps what came", async () => {
  const ends: StreamEnd[] = [];
  const stream = client.streamProvider("scripted", ask("broken_off"), {
    onEnd: (end) => ends.push(end),
  });
  const chunks: StreamChunk[] = [];
  const read = async () => {
    for await (const chunk of stream) chunks.push(chunk);
  };
  expect(await rejection(read())).toMatchObject({ kind: "truncated_stream" });
  expect(chunks).toEqual([{ content: "The answer is" }]);
  expect(ends[0]?.response?.content).toBe("The answer is");
});

test("a call's error is narrowed by its kind", async () => {
  const error = await rejection(client.callProvider("scripted", ask("rate_limited")));
  if (!(error instanceof SidecarError) || error.kind !== "rate_limited") throw error;
  expect([error.retry_after_ms, error.status, error.provider]).toEqual([2000, 429, "scripted"]);
  expect(error.toJSON()).toMatchObject({ code: -33013, data: { kind: "rate_limited" } });
});

test("an answer's shape is that which was asked for", async () => {
  const block = await client.callProvider("scripted", ask("hello"), { output: "agent_block" });
  expect(block.tokens.total).toBe(6);
  const stream = client.streamProvider("scripted", ask("hello"), { output: "agent_block" });
  expect((await stream.done).response.tokens.total).toBe(6);
});

test("a handler that throws is told of, and the stream goes on", async () => {
  const { client, errors } = await start();
  const oops = new Error("oops");
  const stream = client.streamProvider("scripted", ask("hello"), {
    onChunk: () => {
      throw oops;
    },
  });
  expect((await stream.done).response.content).toBe("Hello!");
  expect(errors).toEqual([oops, oops, oops, oops]);
});

test("ids and labels are the caller's, and come back", async () => {
  const stream = client.streamProvider("scripted", ask("endless"), {
    executionId: "mine",
    blockId: "bubble-7",
  });
  const others: unknown[] = [];
  const twice = client.streamProvider("scripted", ask("hello"), {
    executionId: "mine",
    onChunk: (chunk) => others.push(chunk),
  });
  expect(await rejection(twice.done)).toMatchObject({
    kind: "invalid_request",
    path: "$.execution_id",
  });
  expect((await client.listExecutions()).executions).toMatchObject([
    { execution_id: "mine", block_id: "bubble-7" },
  ]);
  await stream.stop();
  expect((await stream.done).response.content).toBe("Once upon a time");
  expect(others).toEqual([]);
});

test("statuses say that a stream of one chunk was accepted before it began", async () => {
  const statuses: StreamStatus[] = [];
  await client.streamProvider("scripted", ask("sources"), {
    onStatus: (each) => statuses.push(each),
  }).done;
  expect(statuses).toEqual([{ state: "accepted" }, { state: "streaming" }]);
});

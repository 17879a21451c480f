import { afterAll, expect, test } from "vitest";
import { ask, scripts, start } from "./sidecar.js";

const COUNT = 100_000;
const SCRIPTS = scripts(
  { long: [{ repeat: COUNT, content: "ab" }], short: [{ content: "ab" }] },
  afterAll,
);

/** What the heap holds after a collection, in bytes. */
function held(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

test("100,000 chunks come in order and leave nothing behind but the text", async () => {
  const { client } = await start({
    scripted: SCRIPTS,
  });
  expect(globalThis.gc, "node runs with --expose-gc").toBeDefined();
  await client.streamProvider("scripted", ask("short")).done;
  const before = held();
  let chunks = 0;
  const stream = client.streamProvider("scripted", ask("long"), { onChunk: () => (chunks += 1) });
  await stream.done;
  expect([chunks, stream.text.length]).toEqual([COUNT + 1, 2 * COUNT]); // the last one: its finish
  const after = held();
  expect(after - before).toBeLessThan(8 * 1024 * 1024);
  expect((await client.listExecutions()).executions).toEqual([]);
});

test("a loop over 100,000 chunks that were kept for it gets each of them", async () => {
  const { client } = await start({
    scripted: SCRIPTS,
  });
  const stream = client.streamProvider("scripted", ask("long"));
  await stream.done;
  let text = 0;
  for await (const chunk of stream) text += chunk.content?.length ?? 0;
  expect(text).toBe(2 * COUNT);
});

import { AIClient, SidecarClosed } from "@ai-sidecar/client";
import { type StdioOptions, StdioTransport } from "@ai-sidecar/client/stdio";
import { expect, onTestFinished, test } from "vitest";
import { all, ask, rejection, sidecarOptions, signalled, start } from "./sidecar.js";

/** A transport to a Node program of the test's own, and what it was told. */
async function program(
  code: string,
  options: Partial<StdioOptions> = {},
): Promise<{
  transport: StdioTransport;
  lines: string[];
  first: Promise<string>;
  odd: string[];
  ended: Promise<SidecarClosed>;
}> {
  const transport = new StdioTransport({
    command: process.execPath,
    args: ["--input-type=module", "--eval", code],
    ...options,
  });
  const lines: string[] = [];
  const odd: string[] = [];
  const first = signalled<string>();
  const ended = signalled<SidecarClosed>();
  await transport.start({
    onLine: (line) => {
      lines.push(line);
      first.resolve(line);
    },
    onLost: () => {},
    onBack: () => {},
    onClose: ended.resolve,
    onOddity: (error) => odd.push((error as Error).message),
  });
  onTestFinished(() => transport.close());
  return { transport, lines, first: first.promise, odd, ended: ended.promise };
}

test("a sidecar that is killed while it streams: all that waits is told, with what is known", async () => {
  const { client, transport } = await start();
  const begun = signalled();
  const closed = signalled<unknown>();
  client.onState((state, error) => state === "closed" && closed.resolve(error));
  const stream = client.streamProvider("scripted", ask("endless"), {
    onChunk: () => begun.resolve(),
  });
  const call = rejection(client.callProvider("scripted", ask("silent")));
  await begun.promise;
  process.kill(transport.pid as number, "SIGKILL");
  const error = await rejection(stream.done);
  expect(error).toBeInstanceOf(SidecarClosed);
  expect(error).toMatchObject({ kind: "closed", signal: "SIGKILL", exitCode: null });
  expect(await call).toBe(error);
  expect(await rejection(all(stream))).toBe(error);
  expect(await closed.promise).toBe(error);
  expect(await rejection(client.ping())).toBe(error);
  expect(await stream.stop()).toBe(false);
  expect(stream.text).toBe("Once upon a time");
});

test("a sidecar that ends by itself tells its status and the end of its stderr", async () => {
  const { ended } = await program(
    "process.stderr.write('x'.repeat(9000) + '\\nwhy é\\n'); process.exitCode = 3",
  );
  const { exitCode, signal, stderrTail, message } = await ended;
  expect([exitCode, signal]).toEqual([3, null]);
  expect(message).toContain("status 3");
  expect(stderrTail).toHaveLength(4096);
  expect(stderrTail).toMatch(/x\nwhy é\n$/);
});

test("a wrong command line of the real sidecar shows why in the tail", async () => {
  const said: string[] = [];
  const options = sidecarOptions();
  const transport = new StdioTransport({
    ...options,
    args: [...(options.args ?? []), "--nonsense"],
    onStderr: (text) => said.push(text),
  });
  const error = (await rejection(AIClient.connect(transport))) as SidecarClosed;
  expect([error.kind, error.exitCode]).toEqual(["closed", 2]);
  expect(error.stderrTail).toContain("unrecognized arguments: --nonsense");
  expect(said.join("")).toBe(error.stderrTail);
});

test("an onStderr that throws is told of, and the sidecar is heard on", async () => {
  const oops = new Error("oops");
  const { odd, ended, lines } = await program("console.error('log'); console.log('line')", {
    onStderr: () => {
      throw oops;
    },
  });
  expect((await ended).stderrTail).toBe("log\n");
  expect(odd).toEqual(["oops"]);
  expect(lines).toEqual(["line"]);
});

test("a program that is not there is told with its name", async () => {
  const transport = new StdioTransport({ command: "/nowhere/ai-sidecar" });
  const error = await rejection(AIClient.connect(transport));
  expect(error).toBeInstanceOf(SidecarClosed);
  expect(error).toMatchObject({ hint: expect.stringContaining("/nowhere/ai-sidecar") });
  await transport.close();
});

test("close lets the sidecar end by itself, with status 0, and twice is as once", async () => {
  const { client, transport } = await start();
  const closed = signalled<SidecarClosed | undefined>();
  client.onState((_, error) => closed.resolve(error));
  await Promise.all([client.close(), transport.close()]);
  expect((await closed.promise)?.exitCode).toBe(0);
  expect(transport.pid).toBeUndefined();
});

test.each([
  [
    "by SIGKILL what ignores SIGTERM, too",
    "process.on('SIGTERM', () => {}); setInterval(() => {}, 1e6)",
    "SIGKILL",
  ],
  ["by SIGTERM what ignores the end of stdin", "setInterval(() => {}, 1e6)", "SIGTERM"],
])("close ends %s", async (_, code, signal) => {
  const { transport, ended, first } = await program(`${code}; console.log("ready")`, {
    patienceMs: 300,
  });
  await first;
  await transport.close();
  expect((await ended).signal).toBe(signal);
});

test("what it wrote before its end is read whole", async () => {
  const { ended, lines } = await program(
    "for (let i = 0; i < 20000; i++) console.log('line é ' + i)",
  );
  await ended;
  expect([lines.length, lines.at(-1)]).toEqual([20000, "line é 19999"]);
});

test("a line that is too long is passed over and told of", async () => {
  const code = "console.log('before'); console.log('x'.repeat(5000)); console.log('after')";
  const { ended, lines, odd } = await program(code, { maxLineBytes: 1000 });
  await ended;
  expect(lines).toEqual(["before", "after"]);
  expect(odd).toEqual(["1 too long line(s) were passed over."]);
});

test("a slow reader is waited for, and what it has not taken at its end is refused", async () => {
  const { transport, ended, first } = await program(
    "console.log('ready'); process.stdin.once('readable', () => process.exit(0))",
  );
  await first;
  const large = "x".repeat(8 * 1024 * 1024); // more than a pipe and its buffers hold
  expect(await rejection(transport.send(large))).toBeInstanceOf(SidecarClosed);
  await ended;
  expect(await rejection(transport.send("late"))).toBeInstanceOf(SidecarClosed);
});

test("large requests and answers pass whole", async () => {
  const { client } = await start();
  const word = `${"é😀".repeat(500_000)}`;
  const { content } = await client.callProvider("scripted", ask("parrot", word));
  expect(content === word).toBe(true);
});

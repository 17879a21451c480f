import type { AIRequest, ErrorObject, StreamChunk } from "@ai-sidecar/client";
import { expect, onTestFinished, test } from "vitest";
import { type Ipc, type Sender, Sidecar, serveWindows } from "../examples/electron-main.js";
import { ask, type Signal, sidecarOptions, signalled } from "./sidecar.js";

interface Answer<T> {
  result?: T;
  error?: ErrorObject;
}

/** Electron's IPC: what passes is copied as `structuredClone` does. */
class Electron implements Ipc {
  readonly #handlers = new Map<string, Parameters<Ipc["handle"]>[1]>();

  handle(channel: string, listener: Parameters<Ipc["handle"]>[1]): void {
    this.#handlers.set(channel, listener);
  }

  /** What `ipcRenderer.invoke` does in a window. */
  async invoke<T>(sender: Sender, channel: string, ...args: unknown[]): Promise<Answer<T>> {
    const answer = await this.#handlers.get(channel)?.(
      { sender },
      ...(structuredClone(args) as never[]),
    );
    return structuredClone(answer) as Answer<T>;
  }
}

/** A window, and what it was sent. */
class Page implements Sender {
  text = "";
  readonly begun: Signal<void> = signalled();
  readonly ended: Signal<{ finish_reason: string; error?: ErrorObject }> = signalled();

  send(channel: string, _id: string, data: unknown): void {
    const copy = structuredClone(data);
    if (channel === "ai:end") this.ended.resolve(copy as never);
    this.text += (copy as StreamChunk).content ?? "";
    this.begun.resolve();
  }

  isDestroyed(): boolean {
    return false;
  }
}

function app(): { electron: Electron; sidecar: Sidecar } {
  const electron = new Electron();
  const sidecar = new Sidecar(sidecarOptions());
  onTestFinished(() => sidecar.close());
  serveWindows(electron, sidecar);
  return { electron, sidecar };
}

const stream = (electron: Electron, page: Page, request: AIRequest) =>
  electron.invoke<string>(page, "ai:stream", "scripted", request);

test("a window streams through the main process", async () => {
  const { electron } = app();
  const page = new Page();
  expect((await stream(electron, page, ask("hello"))).result).toMatch(/^\w+-\d+$/);
  expect((await page.ended.promise).finish_reason).toBe("stop");
  expect(page.text).toBe("Hello!");
});

test("a window stops its stream, and one that was reloaded finds it again", async () => {
  const { electron } = app();
  const [before, after] = [new Page(), new Page()];
  const { result: id } = await stream(electron, before, ask("endless"));
  await before.begun.promise;
  await electron.invoke(after, "ai:attach", id);
  await after.begun.promise;
  expect(after.text).toBe("Once upon a time");
  expect((await electron.invoke(after, "ai:stop", id)).result).toBe(true);
  expect((await after.ended.promise).finish_reason).toBe("cancelled");
});

test("errors reach the window as data, with their hints", async () => {
  const { electron } = app();
  const page = new Page();
  await stream(electron, page, ask("rate_limited"));
  expect((await page.ended.promise).error?.data).toMatchObject({
    kind: "rate_limited",
    hint: expect.stringContaining("Wait"),
  });
  const { error } = await electron.invoke(page, "ai:request", "list_models", {
    provider: "nobody",
  });
  expect(error?.data.kind).toBe("provider_not_found");
  const forbidden = await electron.invoke(page, "ai:request", "shutdown", {});
  expect(forbidden.error?.message).toBe("Windows may not use shutdown.");
});

test("after its end the next request starts another sidecar", async () => {
  const { electron, sidecar } = app();
  const page = new Page();
  await stream(electron, page, ask("endless"));
  await page.begun.promise;
  const client = await sidecar.client();
  const closed = signalled();
  client.onState(() => closed.resolve());
  await client.shutdown();
  await closed.promise;
  expect((await page.ended.promise).finish_reason).toBe("cancelled");
  const again = new Page();
  await stream(electron, again, ask("hello"));
  expect((await again.ended.promise).finish_reason).toBe("stop");
});

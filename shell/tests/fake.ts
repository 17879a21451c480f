import type {
  AIRequest,
  AIResponse,
  AIStream,
  StreamEnd,
  StreamHandlers,
} from "@ai-sidecar/client";
import type { Streams } from "../src/lib/state/conversation.svelte";

/** One stream that the test plays by hand. */
export class FakeStream {
  stopped = 0;
  readonly executionId: string;
  readonly provider: string | undefined;
  readonly request: AIRequest | undefined;
  readonly handlers: StreamHandlers;

  constructor(
    executionId: string,
    handlers: StreamHandlers,
    provider?: string,
    request?: AIRequest,
  ) {
    this.executionId = executionId;
    this.handlers = handlers;
    this.provider = provider;
    this.request = request;
  }

  say(content: string): void {
    this.handlers.onChunk?.({ content });
  }

  end(text: string, more: Partial<StreamEnd> = {}, beside: Partial<AIResponse> = {}): void {
    const message = { role: "assistant" as const, content: text };
    const { executionId, provider = "p" } = this;
    const ids = { model: "m", provider, execution_id: executionId };
    const response: AIResponse = { content: text, message, ...ids, ...beside };
    const end = { execution_id: executionId, finish_reason: "stop" as const, response };
    this.handlers.onEnd?.({ ...end, ...more });
  }

  fail(error: NonNullable<StreamEnd["error"]>): void {
    this.handlers.onEnd?.({ execution_id: this.executionId, finish_reason: "error", error });
  }
}

/** A client that says nothing by itself. */
export class FakeStreams implements Streams {
  readonly made: FakeStream[] = [];

  streamProvider(provider: string, request: AIRequest, handlers: StreamHandlers): AIStream {
    return this.#add(new FakeStream(`e${this.made.length}`, handlers, provider, request));
  }

  attach(executionId: string, handlers: StreamHandlers): AIStream {
    return this.#add(new FakeStream(executionId, handlers));
  }

  get last(): FakeStream {
    const last = this.made.at(-1);
    if (!last) throw new Error("nothing was asked");
    return last;
  }

  #add(stream: FakeStream): AIStream {
    this.made.push(stream);
    const stop = () => {
      stream.stopped += 1;
      return Promise.resolve(true);
    };
    return { executionId: stream.executionId, stop } as AIStream;
  }
}

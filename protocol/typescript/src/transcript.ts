import type { AgentBlockOutput, AIResponse, StreamChunk, TokenUsage } from "./contract.js";

/**
 * How far a stream was delivered, and so what of a whole response is still missing. This works
 * since the contract says: the chunks joined are the response.
 */
export class Transcript {
  /** The `content` of all chunks. */
  text = "";
  #reasoning = 0;
  #refusal = 0;
  #citations = 0;
  #calls: number[] = [];
  #logprobs: Record<string, number> = {};
  #usage: TokenUsage | undefined;
  #finished = false;

  /** Note a chunk that is being delivered. */
  add(chunk: StreamChunk): void {
    this.text += chunk.content ?? "";
    this.#reasoning += chunk.reasoning?.length ?? 0;
    this.#refusal += chunk.refusal?.length ?? 0;
    this.#citations += chunk.citations?.length ?? 0;
    for (const { index, arguments: text } of chunk.tool_calls ?? []) {
      this.#calls[index] = (this.#calls[index] ?? 0) + (text?.length ?? 0);
    }
    for (const [name, list] of Object.entries(chunk.logprobs ?? {})) {
      this.#logprobs[name] = (this.#logprobs[name] ?? 0) + list.length;
    }
    this.#usage = chunk.usage ?? this.#usage;
    this.#finished ||= chunk.finish_reason !== undefined;
  }

  /** What the response has and no chunk has brought yet, as one chunk; undefined for nothing. */
  missing(response: AIResponse | AgentBlockOutput): StreamChunk | undefined {
    // an agent block has fewer fields; what it lacks can't be told again
    const whole: Partial<AIResponse> = response;
    const chunk: StreamChunk = {};
    const content = response.content.slice(this.text.length);
    if (content) chunk.content = content;
    const reasoning = whole.reasoning?.slice(this.#reasoning);
    if (reasoning) chunk.reasoning = reasoning;
    const refusal = whole.refusal?.slice(this.#refusal);
    if (refusal) chunk.refusal = refusal;
    const citations = whole.citations?.slice(this.#citations);
    if (citations?.length) chunk.citations = citations;
    const calls = this.#missingCalls(response);
    if (calls.length) chunk.tool_calls = calls;
    const logprobs = this.#missingLogprobs(whole.logprobs ?? {});
    if (Object.keys(logprobs).length) chunk.logprobs = logprobs;
    if (whole.usage && JSON.stringify(whole.usage) !== JSON.stringify(this.#usage)) {
      chunk.usage = whole.usage;
    }
    const reason = response.finish_reason;
    // these two are the end's words, no chunk brings them
    if (reason && reason !== "error" && reason !== "cancelled" && !this.#finished) {
      chunk.finish_reason = reason;
    }
    return Object.keys(chunk).length ? chunk : undefined;
  }

  #missingCalls(response: AIResponse | AgentBlockOutput): NonNullable<StreamChunk["tool_calls"]> {
    return (response.tool_calls ?? []).flatMap(({ id, name, arguments: text }, index) => {
      const told = this.#calls[index];
      if (told === undefined) return [{ index, id, name, arguments: text }];
      return text.length > told ? [{ index, arguments: text.slice(told) }] : [];
    });
  }

  #missingLogprobs(whole: Record<string, unknown[]>): Record<string, unknown[]> {
    const rest = Object.entries(whole).map(
      ([name, list]) => [name, list.slice(this.#logprobs[name] ?? 0)] as const,
    );
    return Object.fromEntries(rest.filter(([, list]) => list.length));
  }
}

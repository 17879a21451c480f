import type {
  AIMessage,
  AIResponse,
  AIStream,
  StreamChunk,
  StreamEnd,
  StreamHandlers,
  TokenUsage,
  Timing,
} from "@ai-sidecar/client";
import { oncePerFrame } from "../frame";
import { type Problem, problemOf } from "../words";

/**
 * `interrupted`: the sidecar has gone while it was being said; `lost`: when the page came back, the
 * sidecar did not know it any more, since it had ended long ago, or was another sidecar's.
 */
export type AnswerState =
  "waiting" | "streaming" | "done" | "stopped" | "failed" | "interrupted" | "lost";

/** An answer as it is kept over a reload of the page. */
export interface KeptAnswer {
  provider: string;
  model: string;
  state: AnswerState;
  text: string;
  reasoning: string;
  executionId?: string;
  message?: AIMessage;
  usage?: TokenUsage;
  timing?: Timing;
  problem?: Problem;
  notes?: string[];
}

/** One answer: told what comes, it shows it at most once a frame. */
export class Answer {
  readonly provider: string;
  readonly model: string;
  text = $state("");
  reasoning = $state("");
  state = $state<AnswerState>("waiting");
  problem = $state<Problem>();
  /** What else the user should know of it: it was cut off, say. */
  notes = $state.raw<string[]>([]);
  usage = $state.raw<TokenUsage>();
  timing = $state.raw<Timing>();
  /** What is sent back as a part of the conversation, where that is more than the text. */
  message: AIMessage | undefined;
  executionId: string | undefined;
  #stream: AIStream | undefined;
  #said = { text: "", reasoning: "" };
  #frame = oncePerFrame(() => this.#show());

  constructor(provider: string, model: string) {
    this.provider = provider;
    this.model = model;
  }

  get running(): boolean {
    return this.state === "waiting" || this.state === "streaming";
  }

  /** Follow a stream: the function is given what the stream has to tell. */
  follow(begin: (handlers: StreamHandlers) => AIStream, ended: () => void): void {
    this.#said = { text: "", reasoning: "" };
    this.#stream = begin({
      onChunk: (chunk) => this.#heard(chunk),
      onEnd: (end) => {
        this.#end(end);
        ended();
      },
    });
    this.executionId = this.#stream.executionId;
  }

  stop(): void {
    void this.#stream?.stop();
  }

  keep(): KeptAnswer {
    const { provider, model, state, text, reasoning } = this;
    const { executionId, message, usage, timing, notes } = this;
    const problem = $state.snapshot(this.problem);
    return {
      ...{ provider, model, state, text, reasoning, notes },
      ...(executionId !== undefined && { executionId }),
      ...(message && message.content !== text && { message }),
      ...(usage && { usage }),
      ...(timing && { timing }),
      ...(problem && { problem }),
    };
  }

  static from(kept: KeptAnswer): Answer {
    const answer = new Answer(kept.provider, kept.model);
    answer.text = kept.text;
    answer.reasoning = kept.reasoning;
    answer.state = kept.state;
    answer.problem = kept.problem;
    answer.notes = kept.notes ?? [];
    answer.usage = kept.usage;
    answer.timing = kept.timing;
    answer.message = kept.message;
    answer.executionId = kept.executionId;
    return answer;
  }

  #heard(chunk: StreamChunk): void {
    this.#said.text += chunk.content ?? chunk.refusal ?? "";
    this.#said.reasoning += chunk.reasoning ?? "";
    this.#frame.ask();
  }

  #show(): void {
    this.text = this.#said.text;
    this.reasoning = this.#said.reasoning;
    if (this.state === "waiting" && (this.text || this.reasoning)) this.state = "streaming";
  }

  #end({ finish_reason, response, error }: StreamEnd): void {
    this.#frame.cancel();
    this.#show();
    this.#stream = undefined;
    if (response) this.#take(response);
    if (error?.kind === "closed") this.state = "interrupted";
    else if (error?.kind === "not_found") this.state = "lost";
    else if (error) {
      this.state = "failed";
      this.problem = problemOf(error);
    } else this.state = finish_reason === "cancelled" ? "stopped" : "done";
    if (finish_reason === "length") this.#note("It was cut off at the longest answer allowed.");
    if (finish_reason === "content_filter") this.#note("The provider’s filter ended it.");
    if (finish_reason === "tool_calls")
      this.#note("The model asked for a tool; there is none here.");
  }

  #take(response: AIResponse): void {
    this.text = response.content || response.refusal || this.text;
    this.reasoning = response.reasoning ?? this.reasoning;
    this.usage = response.usage;
    this.timing = response.timing;
    if (response.content) this.message = response.message;
    for (const warning of response.warnings ?? []) this.#note(warning);
  }

  #note(text: string): void {
    this.notes = [...this.notes, text];
  }
}

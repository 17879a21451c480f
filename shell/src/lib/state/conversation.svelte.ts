import type { AIMessage, AIRequest, AIStream, StreamHandlers } from "@ai-sidecar/client";
import { Answer, type KeptAnswer } from "./answer.svelte";

/** What a conversation needs of the client. */
export interface Streams {
  streamProvider(provider: string, request: AIRequest, options: StreamHandlers): AIStream;
  attach(executionId: string, options: StreamHandlers): AIStream;
}

/** Whom to ask. */
export interface Target {
  provider: string;
  model: string;
}

export interface KeptExchange {
  id: number;
  question: string;
  answer: KeptAnswer;
}

/** A question with its answer. */
export class Exchange {
  readonly id: number;
  readonly question: string;
  answer: Answer;

  constructor(id: number, question: string, answer: Answer) {
    this.id = id;
    this.question = question;
    this.answer = $state(answer);
  }
}

/** What was said, and what is being said. One answer at a time. */
export class Conversation {
  exchanges = $state<Exchange[]>([]);
  readonly #streams: () => Streams | undefined;
  readonly #changed: () => void;
  readonly last = $derived(this.exchanges.at(-1));
  readonly running = $derived(this.last?.answer.running ?? false);

  /** `changed` is told when there is something new to keep; not of every word. */
  constructor(streams: () => Streams | undefined, changed: () => void = () => {}) {
    this.#streams = streams;
    this.#changed = changed;
  }

  /** Ask. False where that is not possible now. */
  ask(question: string, target: Target): boolean {
    const text = question.trim();
    if (!text || this.running || !this.#streams()) return false;
    const id = (this.last?.id ?? 0) + 1;
    this.exchanges.push(new Exchange(id, text, new Answer(target.provider, target.model)));
    this.#run();
    return true;
  }

  /** Ask the last question again; what was said in answer to it is gone. */
  again(target: Target): boolean {
    if (!this.last || this.running || !this.#streams()) return false;
    this.last.answer = new Answer(target.provider, target.model);
    this.#run();
    return true;
  }

  /** Stop the answer that is being said. */
  stop(): boolean {
    if (!this.running) return false;
    this.last?.answer.stop();
    return true;
  }

  clear(): void {
    this.stop();
    this.exchanges = [];
    this.#changed();
  }

  keep(): KeptExchange[] {
    return this.exchanges.map(({ id, question, answer }) => ({
      id,
      question,
      answer: answer.keep(),
    }));
  }

  /** Show what was kept, and follow on what was being said. */
  restore(kept: KeptExchange[]): void {
    this.exchanges = kept.map(
      ({ id, question, answer }) => new Exchange(id, question, Answer.from(answer)),
    );
    const streams = this.#streams();
    for (const { answer } of this.exchanges) {
      if (!answer.running) continue;
      const { executionId } = answer;
      if (executionId === undefined || !streams) answer.state = "interrupted";
      else answer.follow((handlers) => streams.attach(executionId, handlers), this.#changed);
    }
  }

  #run(): void {
    const streams = this.#streams();
    const answer = this.last?.answer;
    if (!streams || !answer) return;
    const request: AIRequest = { messages: this.#messages() };
    if (answer.model) request.model = answer.model;
    answer.follow(
      (handlers) => streams.streamProvider(answer.provider, request, handlers),
      this.#changed,
    );
    this.#changed();
  }

  /** The conversation as it is sent; a question that got no answer is left out. */
  #messages(): AIMessage[] {
    const messages: AIMessage[] = [];
    for (const { question, answer } of this.exchanges.slice(0, -1)) {
      const said = answer.message ?? (answer.text && { role: "assistant", content: answer.text });
      if (said) messages.push({ role: "user", content: question }, said as AIMessage);
    }
    return [...messages, { role: "user", content: this.last?.question ?? "" }];
  }
}

import type { AIClient } from "@ai-sidecar/client";
import { getContext, setContext } from "svelte";
import { Conversation, type Target } from "./conversation.svelte";
import { Directory } from "./directory.svelte";
import { keep, kept } from "./memory";
import { Sidecar } from "./sidecar.svelte";

const KEY = Symbol("app");

/** All that the window knows, in one place. */
export class App {
  readonly sidecar = new Sidecar((client, isNew) => void this.#ready(client, isNew));
  readonly directory = new Directory(() => this.sidecar.client);
  readonly conversation = new Conversation(
    () => this.sidecar.client,
    () => this.#keep(),
  );
  /** Whom the next question goes to. */
  target = $state<Target>({ provider: "local", model: "demo" });
  /** The provider that the picker shows; undefined while it is closed. */
  picking = $state<string>();
  /** Something odd about keys, which the sidecar has told. */
  notice = $state<string>();
  #before = kept();
  #settled = $state(false);
  /** Questions can be asked: the sidecar runs, and it is known whom to ask. */
  readonly ready = $derived(this.sidecar.state === "ready" && this.#settled);

  async start(): Promise<void> {
    await this.sidecar.connect();
  }

  ask(question: string): boolean {
    this.sidecar.restarted = false;
    return this.conversation.ask(question, this.target);
  }

  again(): boolean {
    this.sidecar.restarted = false;
    return this.conversation.again(this.target);
  }

  /** Open the picker, at the present provider or at another. */
  pick(provider: string = this.target.provider): void {
    this.picking = provider;
    this.directory.forgetProblems();
    void this.directory.refresh().then(() => this.directory.look());
  }

  choose(target: Target): void {
    this.target = target;
    this.picking = undefined;
    this.#keep();
    // for the next start; not vital
    void this.sidecar.client?.setActiveProvider(activeOf(target)).catch(() => {});
  }

  async #ready(client: AIClient, isNew: boolean): Promise<void> {
    if (isNew) {
      client.on("providers_changed", () => void this.directory.refresh());
      client.on("security_notice", ({ message }) => (this.notice = message));
    }
    const before = this.#before;
    this.#before = undefined;
    if (before) this.conversation.restore(before.exchanges);
    if (before?.target) this.target = before.target;
    else if (!this.#settled) await this.#choose(client).catch(() => {});
    this.#settled = true;
    await this.directory.refresh();
    if (this.picking !== undefined) await this.directory.look();
  }

  /** The provider that is active in the sidecar, where it can be used; otherwise what is offline. */
  async #choose(client: AIClient): Promise<void> {
    const [{ provider, model }, { providers }] = await Promise.all([
      client.getActiveProvider(),
      client.listProviders(),
    ]);
    const active = providers.find((each) => each.name === provider);
    const name = model ?? active?.defaults?.model;
    if (active?.available && name !== undefined) this.target = { provider, model: name };
  }

  #keep(): void {
    keep({ target: $state.snapshot(this.target), exchanges: this.conversation.keep() });
  }
}

function activeOf({ provider, model }: Target): { provider: string; model?: string } {
  return model ? { provider, model } : { provider };
}

/** Make the app, for all components below. */
export function makeApp(): App {
  return setContext(KEY, new App());
}

/** The app. */
export function useApp(): App {
  return getContext<App>(KEY);
}

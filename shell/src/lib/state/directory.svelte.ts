import type { AIClient, KeyInfo, ModelInfo, ProviderInfo, StoreState } from "@ai-sidecar/client";
import { type Problem, problemOf } from "../words";

/** What the directory needs of the client. */
export type Provided = Pick<
  AIClient,
  "listProviders" | "listModels" | "listApiKeys" | "getActiveProvider" | "setActiveProvider"
>;

export interface Models {
  loading: boolean;
  models: ModelInfo[];
  problem?: Problem;
}

/** How a provider is, in a word for programs and some for people. */
export interface Availability {
  state: "ready" | "needs-key" | "unreachable" | "unknown" | "unusable";
  text: string;
}

const LOOPBACK = /^http:\/\/(localhost|127\.0\.0\.1|\[::1\])([:/]|$)/;

/** What the sidecar answers by itself. Every other format, also of a newer sidecar, is a server's. */
const ITS_OWN: readonly string[] = ["local", "scripted"];

/** Runs on this machine, as a server of the user's or as the model that comes along. */
export function isHere({ format, base_url }: ProviderInfo): boolean {
  return ITS_OWN.includes(format) || LOOPBACK.test(base_url ?? "");
}

/** Providers, their models and keys, as the sidecar tells them. */
export class Directory {
  providers = $state.raw<ProviderInfo[]>([]);
  keys = $state.raw<KeyInfo[]>([]);
  stores = $state.raw<StoreState[]>([]);
  #models = $state<Record<string, Models>>({});
  readonly #client: () => Provided | undefined;

  constructor(client: () => Provided | undefined) {
    this.#client = client;
  }

  provider(name: string): ProviderInfo | undefined {
    return this.providers.find((each) => each.name === name);
  }

  models(provider: string): Models {
    return this.#models[provider] ?? { loading: false, models: [] };
  }

  keysOf(provider: string): KeyInfo[] {
    return this.keys.filter((each) => each.provider === provider);
  }

  /** Ask for everything but models: that asks nobody beyond the sidecar. */
  async refresh(): Promise<void> {
    const client = this.#client();
    if (!client) return;
    const [{ providers }, { keys, stores }] = await Promise.all([
      client.listProviders(),
      client.listApiKeys(),
    ]);
    this.providers = providers;
    this.keys = keys;
    this.stores = stores;
  }

  /** Ask a provider for its models, unless it is being asked. */
  async load(provider: string): Promise<void> {
    const client = this.#client();
    const before = this.models(provider);
    if (!client || before.loading) return;
    this.#models[provider] = { loading: true, models: before.models };
    try {
      const { models } = await client.listModels({ provider });
      this.#models[provider] = { loading: false, models };
    } catch (error) {
      this.#models[provider] = { loading: false, models: [], problem: problemOf(error) };
    }
  }

  /** Look which servers on this machine are up; those elsewhere are asked when they are chosen. */
  async look(): Promise<void> {
    const here = this.providers.filter((each) => each.available && isHere(each));
    await Promise.all(here.map((each) => this.load(each.name)));
  }

  /** It was asked for its models, whatever came of that. */
  asked(provider: string): boolean {
    return this.#models[provider] !== undefined;
  }

  /** Forget what a provider said: its key has changed. */
  forget(provider: string): void {
    delete this.#models[provider];
  }

  /** Forget what went wrong: it may go well now. */
  forgetProblems(): void {
    for (const [name, { problem }] of Object.entries(this.#models)) {
      if (problem) this.forget(name);
    }
  }

  availability(provider: ProviderInfo): Availability {
    const { name, format, available, key_required, has_api_key, base_url } = provider;
    if (format === "local") {
      return available
        ? { state: "ready", text: "Ready" }
        : { state: "unusable", text: "Not installed" };
    }
    const isServer = !ITS_OWN.includes(format);
    if (!base_url && isServer) {
      return { state: "unusable", text: "Needs an address" };
    }
    if (key_required && !has_api_key) return { state: "needs-key", text: "Needs a key" };
    const { loading, models, problem } = this.models(name);
    if (problem?.kind === "authentication") return { state: "needs-key", text: "Key refused" };
    if (problem?.kind === "network" || problem?.kind === "timeout") {
      return { state: "unreachable", text: isHere(provider) ? "Not running" : "Not reachable" };
    }
    if (loading && models.length === 0) return { state: "unknown", text: "Looking…" };
    const isUsers = isServer && isHere(provider);
    if (!available && !(isUsers && !has_api_key)) {
      return { state: "needs-key", text: "Needs its key anew" };
    }
    // a server of the user's may be down at any time, and up again since the list was told
    if (!this.asked(name) && isUsers) {
      return available
        ? { state: "unknown", text: "" }
        : { state: "unreachable", text: "Not running" };
    }
    return { state: "ready", text: "Ready" };
  }
}

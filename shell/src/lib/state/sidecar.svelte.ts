import { AIClient } from "@ai-sidecar/client";
import { TauriTransport } from "@ai-sidecar/client/tauri";
import { type Problem, problemOf } from "../words";

/**
 * `restarting`: it has crashed and the plugin starts it again; `gone`: it could not be started, or
 * was given up.
 */
export type SidecarState = "starting" | "ready" | "restarting" | "gone";

/** The connection to the sidecar, kept up. */
export class Sidecar {
  state = $state<SidecarState>("starting");
  /** Why it is `gone`. */
  problem = $state<Problem>();
  /** It was started again since the user was told last. */
  restarted = $state(false);
  /** Settings that it could not use, in words. */
  problems = $state.raw<string[]>([]);
  #client: AIClient | undefined;
  readonly #ready: (client: AIClient, isNew: boolean) => void;

  /**
   * `ready` is called whenever there is a sidecar to talk to: at the start with a new client, after
   * a crash with the same one.
   */
  constructor(ready: (client: AIClient, isNew: boolean) => void) {
    this.#ready = ready;
  }

  /** The client, while requests can be sent. */
  get client(): AIClient | undefined {
    return this.state === "ready" ? this.#client : undefined;
  }

  /** Connect; by hand again after it was `gone`. */
  async connect(): Promise<void> {
    this.state = "starting";
    this.problem = undefined;
    try {
      const client = await AIClient.connect(new TauriTransport(), { name: "ai-sidecar-shell" });
      this.#client = client;
      this.problems = client.info.problems;
      client.onState((state, error) => {
        if (state === "open") {
          this.restarted = true;
          this.#opened(client, false);
        } else if (state === "lost") this.state = "restarting";
        else this.#lost(error);
      });
      if (client.state === "open") this.#opened(client, true);
    } catch (error) {
      this.#lost(error);
    }
  }

  #opened(client: AIClient, isNew: boolean): void {
    this.state = "ready";
    this.#ready(client, isNew);
  }

  #lost(error: unknown): void {
    this.state = "gone";
    this.problem = problemOf(error);
  }
}

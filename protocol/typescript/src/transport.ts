import type { SidecarClosed } from "./errors.js";

/**
 * A way to one sidecar, for lines in both directions. {@link AIClient} is over one of these;
 * `@ai-sidecar/client/tauri` and `@ai-sidecar/client/stdio` have two. A transport knows nothing of
 * what is in the lines.
 */
export interface Transport {
  /**
   * Open the way; from now on the listener is told. Called once, before anything else.
   *
   * @throws SidecarError where it can't be opened
   */
  start(listener: TransportListener): Promise<void>;
  /**
   * Send one line, given without its line feed. Lines arrive in the order of the calls. Resolves
   * when the line was handed on and there is room for another.
   *
   * @throws SidecarClosed where it can't be sent (any more)
   */
  send(line: string): Promise<void>;
  /** End it. Resolves when nothing of it is left; never rejects, and may be called twice. */
  close(): Promise<void>;
  /**
   * Open the sidecar's way to us anew, where messages can get lost on it and then block it. What
   * was under way may be lost; the client asks again.
   */
  renew?(): Promise<void>;
}

/** Whom a transport tells what comes. */
export interface TransportListener {
  /** One line of the sidecar's, without its line feed. */
  onLine(line: string): void;
  /** The sidecar is gone and is being started again: whatever was under way is lost. */
  onLost(error: SidecarClosed): void;
  /** It is there again. */
  onBack(): void;
  /** The transport's last word, once: it is closed. */
  onClose(error: SidecarClosed): void;
  /** Something was passed over that should not have come, or a callback of the user's has thrown. */
  onOddity(error: unknown): void;
}

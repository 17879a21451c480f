import type { ErrorObject, KeyInfo, Timing, TokenUsage } from "@ai-sidecar/client";
import { CLIENT_CODE, SidecarError } from "@ai-sidecar/client";
import type { AnswerState } from "./state/answer.svelte";

/** What went wrong, for people. It can be kept and read again: it holds nothing but text. */
export interface Problem {
  kind: string;
  title: string;
  message: string;
  hint: string;
  provider?: string;
  retryAfterMs?: number;
}

/** What one can do about a problem. */
export type Remedy = "key" | "unlock" | "model" | "retry";

const TITLES: Record<string, string> = {
  authentication: "The key was refused",
  busy: "Too much at once",
  closed: "The sidecar stopped",
  component_missing: "A part is missing",
  config: "A setting is wrong",
  content_filter: "The provider declined to answer",
  context_length: "The conversation is too long",
  invalid_request: "The request was refused",
  invalid_response: "The answer could not be read",
  key_not_found: "A key is needed",
  key_origin_mismatch: "The key is for another address",
  key_store_corrupt: "The stored key is damaged",
  key_store_locked: "The key store is locked",
  model_not_found: "There is no such model",
  malformed: "The sidecar was not understood",
  network: "Not reachable",
  not_allowed: "This window may not do that",
  not_found: "It is not there any more",
  overloaded: "The provider is overloaded",
  permission: "The key may not do this",
  protocol_version: "The sidecar does not fit this app",
  provider_not_found: "There is no such provider",
  quota: "No credit left",
  rate_limited: "Too many requests",
  storage: "The disk can't be used",
  timeout: "It took too long",
  truncated_stream: "The answer broke off",
  worker_crashed: "The local model stopped",
};

/** Where the sidecar’s own hint speaks to who has written the app, and not to who uses it. */
const HINTS: Record<string, string> = {
  component_missing: "Install the app again, or choose another model.",
  key_store_locked: "Its password opens it.",
  rate_limited: "Wait a little, then try again.",
};

const AGAIN = "If that does not help, install the app again.";

/** The same for errors that the plugin and the client make: all of these speak to who builds the app. */
const HINTS_OF_THE_APP: Record<string, string> = {
  closed: `Start it again. ${AGAIN}`,
  config: "Install the app again.",
  malformed: `Try again. ${AGAIN}`,
  not_allowed: "Install the app again.",
  protocol_version: "Install the app again.",
};

const REMEDIES: Record<string, Remedy> = {
  authentication: "key",
  key_not_found: "key",
  key_origin_mismatch: "key",
  key_store_corrupt: "key",
  key_store_locked: "unlock",
  model_not_found: "model",
  provider_not_found: "model",
  permission: "model",
  component_missing: "model",
  quota: "model",
};

/** What to offer. */
export function remedyOf(problem: Problem): Remedy {
  return REMEDIES[problem.kind] ?? "retry";
}

/** Say an error in words. */
export function problemOf(error: unknown): Problem {
  if (!(error instanceof SidecarError)) {
    const message = error instanceof Error ? error.message : String(error);
    return { kind: "internal", title: "Something went wrong", message, hint: "" };
  }
  const { code, kind, message, provider, retry_after_ms } = error;
  const hint = (code === CLIENT_CODE ? HINTS_OF_THE_APP : HINTS)[kind] ?? error.hint;
  return {
    kind,
    title: TITLES[kind] ?? "Something went wrong",
    message,
    hint,
    ...(provider !== undefined && { provider }),
    ...(retry_after_ms !== undefined && { retryAfterMs: retry_after_ms }),
  };
}

/** The same for an error object, as results carry it. */
export function problemIn(object: ErrorObject): Problem {
  return problemOf(new SidecarError(object));
}

/** What stands below an answer that did not come to its end. */
export const ENDINGS: Partial<Record<AnswerState, string>> = {
  stopped: "You stopped it here.",
  interrupted: "It was interrupted here: the sidecar stopped.",
  lost: "How it went on is not known any more.",
};

const PLACES: Record<KeyInfo["source"], string> = {
  keyring: "in the system’s keyring",
  vault: "in the encrypted vault",
  memory: "in memory, until the app closes",
  environment: "from the environment",
};

/** Where a key lies. */
export function placeOf(source: KeyInfo["source"]): string {
  return PLACES[source];
}

/** `0.42 s`, `12.3 s`, `2 min 5 s`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/** `950`, `128k`, `1M`. */
export function short(count: number): string {
  if (count < 1000) return String(count);
  if (count < 1_000_000) return `${Math.round(count / 1000)}k`;
  return `${Number((count / 1_000_000).toFixed(1))}M`;
}

/** The line under an answer. */
export function factsOf(usage: TokenUsage | undefined, timing: Timing | undefined): string[] {
  const facts: string[] = [];
  if (usage) facts.push(`${usage.completion_tokens.toLocaleString("en")} tokens`);
  if (timing?.total_ms !== undefined) facts.push(duration(timing.total_ms));
  if (timing?.first_token_ms !== undefined) {
    facts.push(`first word after ${duration(timing.first_token_ms)}`);
  }
  const speed = speedOf(usage, timing);
  if (speed !== undefined) facts.push(`${short(Math.round(speed))} tokens/s`);
  return facts;
}

function speedOf(usage: TokenUsage | undefined, timing: Timing | undefined): number | undefined {
  const { total_ms: total, first_token_ms: first } = timing ?? {};
  if (!usage || total === undefined || first === undefined) return undefined;
  const seconds = (total - first) / 1000;
  return seconds > 0.001 && usage.completion_tokens > 4
    ? usage.completion_tokens / seconds
    : undefined;
}

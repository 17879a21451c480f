import type { AIClient, SetApiKeyParams, StoreState } from "@ai-sidecar/client";

/** What keys need of the client. */
export type KeyClient = Pick<
  AIClient,
  "setApiKey" | "deleteApiKey" | "createVault" | "unlockVault"
>;

/**
 * What has to happen before a key can be kept: nothing (`keep`), the vault's password (`unlock`), or
 * a choice between a new vault and this run's memory (`choose`).
 */
export type Step = "keep" | "unlock" | "choose";

/** The next step, from how the key stores are. */
export function stepFor(stores: StoreState[]): Step {
  const state = (name: string) => stores.find((each) => each.name === name)?.state ?? "missing";
  const open = ["ready", "unknown", "locked"]; // a keyring asks for its password by itself
  if (open.includes(state("keyring"))) return "keep";
  if (stores[0]?.name === "memory") return "keep";
  if (state("vault") === "locked") return "unlock";
  return state("vault") === "ready" || state("vault") === "unknown" ? "keep" : "choose";
}

/** Take what was typed into a field, and leave nothing of it there. */
export function taken(field: HTMLInputElement): string {
  const value = field.value;
  field.value = "";
  return value;
}

/** Hand a key over. It is held by nothing here but the call's arguments. */
export function handOver(
  client: KeyClient,
  provider: string,
  field: HTMLInputElement,
  store?: SetApiKeyParams["store"],
): ReturnType<KeyClient["setApiKey"]> {
  return client.setApiKey({ provider, api_key: taken(field).trim(), ...(store && { store }) });
}

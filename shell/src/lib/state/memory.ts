import type { KeptExchange, Target } from "./conversation.svelte";

const NAME = "ai-sidecar";
const VERSION = 1;
/** Of what WebKit gives to a page (about five million characters), with room to spare. */
const LIMIT = 2_000_000;

/** What the page has to know after a reload. There is no key in it, and no half-typed text. */
export interface Kept {
  target: Target | undefined;
  exchanges: KeptExchange[];
}

/** Keep it for this window, until it is closed. The oldest exchanges are left out where it is long. */
export function keep(kept: Kept, storage: Pick<Storage, "setItem"> = sessionStorage): void {
  const { target, exchanges } = kept;
  for (let first = 0; first <= exchanges.length; first += Math.ceil(exchanges.length / 4) || 1) {
    const text = JSON.stringify({ version: VERSION, target, exchanges: exchanges.slice(first) });
    if (text.length > LIMIT) continue;
    try {
      storage.setItem(NAME, text);
      return;
    } catch {
      // no room: with less
    }
  }
}

/** What was kept; undefined where there is nothing, or nothing that can be read. */
export function kept(storage: Pick<Storage, "getItem"> = sessionStorage): Kept | undefined {
  try {
    const found = JSON.parse(storage.getItem(NAME) ?? "null") as
      (Kept & { version: number }) | null;
    if (found?.version !== VERSION || !Array.isArray(found.exchanges)) return undefined;
    return { target: found.target, exchanges: found.exchanges };
  } catch {
    return undefined;
  }
}

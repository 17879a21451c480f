import { readFileSync } from "node:fs";

/** One step of a scripted session (protocol/sessions/README.md), as far as a client can play it. */
export type Step =
  | { does: "send"; request: { id: number; method: string; params?: object } }
  | { does: "await"; message: Record<string, unknown> };

/** Read a session; undefined where it sends what no client would: broken lines, batches, an end. */
export function readSession(path: string): Step[] | undefined {
  const text = readFileSync(path, "utf-8").replace(/\n[ \t]+/g, " "); // a line may go on, indented
  const steps: Step[] = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("#") || !line) continue;
    if (line.startsWith("$ ")) {
      if (steps.length || /--drain/.test(line)) return undefined;
    } else if (line.startsWith("--> ")) {
      const request = parsed(line.slice(4));
      if (typeof request?.id !== "number" || typeof request.method !== "string") return undefined;
      steps.push({ does: "send", request });
    } else {
      const message = parsed(line.replace(/^<-- (~ )?/, ""));
      if (!message) return undefined;
      steps.push({ does: "await", message });
    }
  }
  return steps;
}

// biome-ignore lint/suspicious/noExplicitAny: any JSON
function parsed(text: string): any {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The value that is expected, with placeholders filled by what came where that fits them. */
export function filled(expected: unknown, came: unknown, known: Map<string, unknown>): unknown {
  if (typeof expected === "string" && expected.startsWith("$")) {
    const [word, name = ""] = expected.slice(1).split(":");
    if (word === "set") known.set(name, came);
    if (word === "get") return known.get(name);
    return word === "any" || word === "set" || typeof came === word ? came : expected;
  }
  if (Array.isArray(expected)) {
    return expected.map((each, place) => filled(each, (came as unknown[])?.[place], known));
  }
  if (typeof expected !== "object" || expected === null) return expected;
  const fields = Object.entries(expected).map(([name, value]) => {
    return [name, filled(value, (came as Record<string, unknown>)?.[name], known)];
  });
  return Object.fromEntries(fields);
}

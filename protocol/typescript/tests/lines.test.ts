import { expect, test } from "vitest";
import { LineDecoder } from "../src/lines.js";

const LINES = [
  "plain",
  "",
  "é € 😀",
  '{"a":"\u2028\u2029\u0085\u{1F469}\u200D\u{1F680}"}',
  "\uFEFFmark",
  "last",
];
const BYTES = new TextEncoder().encode(LINES.map((line) => `${line}\n`).join(""));

test("bytes that are cut anywhere give the same lines, inside of a character, too", () => {
  for (let size = 1; size <= BYTES.length; size += 1) {
    const decoder = new LineDecoder(1000);
    const lines: string[] = [];
    for (let at = 0; at < BYTES.length; at += size) {
      lines.push(...decoder.feed(BYTES.subarray(at, at + size)).lines);
    }
    expect(lines, `pieces of ${size}`).toEqual(LINES);
  }
});

test("a line stays what it was when its bytes are overwritten by the next ones", () => {
  const decoder = new LineDecoder(1000);
  const buffer = new TextEncoder().encode("abc");
  decoder.feed(buffer);
  buffer.fill(0x78);
  expect(decoder.feed(new TextEncoder().encode("d\n")).lines).toEqual(["abcd"]);
});

test.each([1, 3, 1000])(
  "a line that is too long is discarded to its end, in pieces of %i",
  (size) => {
    const decoder = new LineDecoder(10);
    const bytes = new TextEncoder().encode(`short\n${"x".repeat(50)}\n0123456789\n`);
    const found = { lines: [] as string[], discarded: 0 };
    for (let at = 0; at < bytes.length; at += size) {
      const { lines, discarded } = decoder.feed(bytes.subarray(at, at + size));
      found.lines.push(...lines);
      found.discarded += discarded;
    }
    expect(found).toEqual({ lines: ["short", "0123456789"], discarded: 1 });
  },
);

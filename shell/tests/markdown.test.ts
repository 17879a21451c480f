import type { Token } from "marked";
import { expect, test } from "vitest";
import { BlockReader } from "../src/lib/markdown/blocks";
import { plain } from "../src/lib/markdown/entities";

const SAMPLES = {
  lists: "Intro\n\n- a\n- b\n\n- c\n\n  more of c\n\n1. x\n2. y\n\n3. z\n\nafter\n",
  dashes: "- a\n\n---\n\n- b\n\n-not a list\n\nTitle\n-----\n\n-\n- c\n",
  code: "text\n\n```py\nprint('# no heading')\n\n- no list\n```\n\n    indented\n\n    more\n\nend\n",
  unclosed: "a\n\n```\nfor ever\n\nand on",
  tables: "| a | b |\n|---|--:|\n| 1 | 2 |\n\n| a |\n\nb | c\n-|-\n1 | 2\nrest\n",
  quotes: "> a\nlazy\n\n> b\n> > c\n\nplain\n",
  html: "<div>\n\n**bold**\n\n</div>\n\n<img src=x onerror=alert(1)>\n\nx <b>y</b>\n",
  references:
    "See [one] and [two][2].\n\nMore.\n\nEven more.\n\n[one]: https://a.example\n[2]: https://b.example\n",
  breaks: "a  \nb\\\nc\n\n***\n\n# h\ntext\n=====\n",
  tabs: "-\ta\n\n\tcode?\n\nwindows\r\nline ends\r\n\r\nyes\n",
};

const flat = (pages: Token[][]) => JSON.stringify(pages.flat());

test.each(Object.entries(SAMPLES))(
  "what is read piece by piece is what was written: %s",
  (_, text) => {
    const expected = flat(new BlockReader().whole(text));
    for (const step of [1, 2, 3, 7]) {
      const reader = new BlockReader();
      for (let end = step; end < text.length; end += step) {
        const seen = reader.read(text.slice(0, end)).flat();
        const raw = seen.map((token) => token.raw).join("");
        expect(raw.replace(/\s/g, "")).toBe(text.slice(0, end).replace(/\s/g, ""));
      }
      // references are known at the end alone
      if (!text.includes("]: ")) expect(flat(reader.read(text))).toBe(expected);
      expect(flat(reader.whole(text))).toBe(expected);
    }
  },
);

test("what can't change any more stays the same object, and so do its pages", () => {
  const reader = new BlockReader();
  const text = Array.from({ length: 200 }, (_, n) => `Paragraph ${n} with **bold** text.\n\n`).join(
    "",
  );
  const half = reader.read(text.slice(0, text.length / 2));
  const more = reader.read(text);
  expect(half.length).toBeGreaterThan(3);
  expect(more.slice(0, half.length - 1).every((page, place) => page === half[place])).toBe(true);
  const whole = reader.whole(text);
  expect(whole.slice(0, -1).every((page, place) => page === more[place])).toBe(true);
});

test("another text starts anew", () => {
  const reader = new BlockReader();
  reader.read("# one\n\ntwo\n\nthree\n\n");
  expect(flat(reader.read("four"))).toBe(flat(new BlockReader().whole("four")));
});

test("a long answer costs as much at its end as at its beginning", () => {
  const reader = new BlockReader();
  const block = "Lorem ipsum **dolor** sit `amet`.\n\n- one\n- two\n\n```py\nprint(1)\n```\n\n";
  const text = block.repeat(600);
  const begin = performance.now();
  for (let end = 200; end < text.length; end += 200) reader.read(text.slice(0, end));
  const each = (performance.now() - begin) / (text.length / 200);
  expect(each).toBeLessThan(8); // a frame has 16 ms; read whole, each would take longer
});

test("entities are read as they are meant, and unknown ones are left alone", () => {
  expect(plain("a &amp; b &lt;c&gt; &#39;d&#x27; &unknown; &amp;lt; AT&T")).toBe(
    "a & b <c> 'd' &unknown; &lt; AT&T",
  );
  expect(plain("&#0; &#99999999;")).toBe("&#0; &#99999999;");
});

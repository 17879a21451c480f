import { Lexer, type Token } from "marked";

const OPTIONS = { gfm: true } as const;
/** So many blocks are shown, or left alone, together. */
const PAGE = 24;

/**
 * Reads Markdown that is still being written. What can't change any more is read once, and stays the
 * same objects, in pages of some blocks: whatever shows a page has nothing to do while it is the
 * same. Only the end is read again.
 */
export class BlockReader {
  /** Blocks that can't change any more. */
  #finished: Token[] = [];
  /** How many characters they take. */
  #length = 0;
  #text = "";
  #pages: Token[][] = [];

  /** The blocks of the text so far. Where a text does not begin with the one before, it starts anew. */
  read(text: string): Token[][] {
    if (!text.startsWith(this.#text)) this.#forget();
    this.#text = text;
    const rest = text.slice(this.#length);
    const { tokens } = lex(rest);
    // it changes line ends and tabs before it reads: then its lengths tell nothing
    if (lengthOf(tokens) !== rest.length) return this.#paged([...this.#finished, ...tokens]);
    const sure = tokens.slice(0, sureOf(tokens));
    this.#finished.push(...sure);
    this.#length += lengthOf(sure);
    return this.#paged([...this.#finished, ...tokens.slice(sure.length)]);
  }

  /** The blocks of a text that is whole: references to links further down are known now. */
  whole(text: string): Token[][] {
    const { tokens, hasReferences } = lex(text);
    const before = this.#pages.flat();
    const same = (token: Token, old: Token | undefined) =>
      !hasReferences && old?.type === token.type && old.raw === token.raw;
    const pages = this.#paged(
      tokens.map((token, place) => {
        const old = before[place];
        return old && same(token, old) ? old : token;
      }),
    );
    this.#forget();
    this.#pages = pages;
    return pages;
  }

  #paged(tokens: Token[]): Token[][] {
    const pages: Token[][] = [];
    for (let first = 0; first < tokens.length; first += PAGE) {
      const page = tokens.slice(first, first + PAGE);
      const old = this.#pages[pages.length];
      const isSame =
        old?.length === page.length && page.every((token, place) => token === old[place]);
      pages.push(isSame ? old : page);
    }
    this.#pages = pages;
    return pages;
  }

  #forget(): void {
    this.#finished = [];
    this.#length = 0;
    this.#text = "";
    this.#pages = [];
  }
}

/**
 * How many of the blocks can't change any more. The last one may go on. So may the one before it:
 * `- a`, a blank line and `-` is a list and a paragraph, until the next character tells that it is a
 * list of two.
 */
function sureOf(tokens: Token[]): number {
  let sure = tokens.length;
  for (let open = 2; open > 0 && sure > 0; sure -= 1) {
    if (tokens[sure - 1]?.type !== "space") open -= 1;
  }
  return sure;
}

function lex(text: string): { tokens: Token[]; hasReferences: boolean } {
  const tokens = new Lexer(OPTIONS).lex(text);
  return { tokens: [...tokens], hasReferences: Object.keys(tokens.links).length > 0 };
}

function lengthOf(tokens: Token[]): number {
  return tokens.reduce((sum, token) => sum + token.raw.length, 0);
}

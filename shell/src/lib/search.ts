/** The rows in which every word is found, in any order; those that begin with the first go first. */
export function found<T extends { id: string; display_name?: string }>(
  rows: T[],
  wanted: string,
): T[] {
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  const first = words[0];
  if (first === undefined) return rows;
  const text = (row: T) => `${row.id} ${row.display_name ?? ""}`.toLowerCase();
  const matches = rows.filter((row) => words.every((word) => text(row).includes(word)));
  const rank = (row: T) => (text(row).startsWith(first) ? 0 : 1);
  return matches.toSorted((a, b) => rank(a) - rank(b));
}

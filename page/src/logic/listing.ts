/** The list of micrographs: which of them, in what order, and which rows of it are on the screen. */

export type Sort = "order" | "name" | "picks" | "score" | "defocus";
export type Filter = "all" | "outliers" | "failed" | "corrected" | "unchecked" | "rejected";

export interface Entry {
  readonly name: string;
  readonly failed: boolean;
  readonly outlier: boolean;
  readonly corrected: boolean;
  readonly rejected: boolean;
  readonly lookedAt: boolean;
}

export interface Wanted {
  readonly search: string;
  readonly filter: Filter;
  readonly descending: boolean;
}

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/**
 * Return the indices of the micrographs wanted, in order.
 *
 * `key` gives what to sort by, null for what is unknown and goes last whatever the direction; without it
 * micrographs are sorted by name where `names` says so, else left in the run's order.
 */
export function listed(
  entries: readonly Entry[],
  wanted: Wanted,
  sort: Sort,
  key: (index: number) => number | null,
): number[] {
  const words = wanted.search.toLowerCase().split(/\s+/).filter(Boolean);
  const rows: number[] = [];
  entries.forEach((entry, index) => {
    const name = entry.name.toLowerCase();
    if (passes(entry, wanted.filter) && words.every((word) => name.includes(word))) rows.push(index);
  });
  const sign = wanted.descending ? -1 : 1;
  if (sort === "order") return wanted.descending ? rows.reverse() : rows;
  if (sort === "name")
    return rows.sort((a, b) => sign * collator.compare(entries[a]!.name, entries[b]!.name) || a - b);
  const keys = new Map(rows.map((index) => [index, key(index)]));
  return rows.sort((a, b) => {
    const left = keys.get(a) ?? null;
    const right = keys.get(b) ?? null;
    if (left === null || right === null) return Number(left === null) - Number(right === null) || a - b;
    return sign * (left - right) || a - b;
  });
}

function passes(entry: Entry, filter: Filter): boolean {
  switch (filter) {
    case "all":
      return true;
    case "outliers":
      return entry.outlier || entry.failed;
    case "failed":
      return entry.failed;
    case "corrected":
      return entry.corrected;
    case "unchecked":
      return !entry.lookedAt && !entry.failed;
    case "rejected":
      return entry.rejected;
  }
}

/** Return the first row on the screen and the one after the last, with some to spare above and below. */
export function rowsShown(
  scrolled: number,
  height: number,
  row: number,
  number: number,
  spare = 4,
): [number, number] {
  const first = Math.max(0, Math.floor(scrolled / row) - spare);
  return [first, Math.min(number, Math.ceil((scrolled + height) / row) + spare)];
}

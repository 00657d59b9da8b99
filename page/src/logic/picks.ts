/** Picks of one micrograph, corrections of them, and how one makes the other. */

export type Kind = "particle" | "top" | "side";

/** x, y in pixels of the micrograph, pixel centres at integers, y downwards as it is drawn. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Candidate extends Point {
  readonly id: string;
  /** In [0, 1]. */
  readonly score: number;
  /** Å. */
  readonly diameter: number;
  readonly kind: Kind;
  /** Direction of a side view's long axis, degrees from x towards y, where it is known. */
  readonly angle: number | null;
}

/** A candidate as it stands after corrections. Added ones have score 1 and count at every threshold. */
export interface Pick extends Candidate {
  readonly added: boolean;
  readonly moved: boolean;
  readonly deleted: boolean;
}

export interface Corrections {
  readonly added: ReadonlyMap<string, Point>;
  readonly deleted: ReadonlySet<string>;
  readonly moved: ReadonlyMap<string, Point>;
  readonly rejected: boolean;
  readonly lookedAt: boolean;
}

export type Operation =
  | { readonly op: "add"; readonly id: string; readonly x: number; readonly y: number }
  | { readonly op: "remove_added"; readonly id: string }
  | { readonly op: "delete"; readonly id: string }
  | { readonly op: "restore"; readonly id: string }
  | { readonly op: "move"; readonly id: string; readonly x: number; readonly y: number }
  | { readonly op: "reject"; readonly value: boolean }
  | { readonly op: "looked_at"; readonly value: boolean };

export const untouched: Corrections = {
  added: new Map(),
  deleted: new Set(),
  moved: new Map(),
  rejected: false,
  lookedAt: false,
};

/** Return corrections with one operation done; those given stay as they are. */
export function corrected(before: Corrections, operation: Operation): Corrections {
  switch (operation.op) {
    case "add":
      return { ...before, added: new Map(before.added).set(operation.id, place(operation)) };
    case "remove_added":
      return { ...before, added: without(before.added, operation.id) };
    case "delete":
      return { ...before, deleted: new Set(before.deleted).add(operation.id) };
    case "restore": {
      const deleted = new Set(before.deleted);
      deleted.delete(operation.id);
      return { ...before, deleted };
    }
    case "move":
      return before.added.has(operation.id)
        ? { ...before, added: new Map(before.added).set(operation.id, place(operation)) }
        : { ...before, moved: new Map(before.moved).set(operation.id, place(operation)) };
    case "reject":
      return { ...before, rejected: operation.value };
    case "looked_at":
      return { ...before, lookedAt: operation.value };
  }
}

/** Return corrections with operations done in their order. */
export function allDone(before: Corrections, operations: Iterable<Operation>): Corrections {
  let result = before;
  for (const operation of operations) result = corrected(result, operation);
  return result;
}

/** Return the operation that takes back another, which has not been done yet to the picks given. */
export function inverse(operation: Operation, picks: Iterable<Pick>, before: Corrections): Operation {
  switch (operation.op) {
    case "add":
      return { op: "remove_added", id: operation.id };
    case "remove_added":
    case "move": {
      const pick = [...picks].find(({ id }) => id === operation.id);
      if (!pick) throw new Error(`there is no pick ${operation.id}`);
      return { op: operation.op === "move" ? "move" : "add", id: pick.id, x: pick.x, y: pick.y };
    }
    case "delete":
      return { op: "restore", id: operation.id };
    case "restore":
      return { op: "delete", id: operation.id };
    case "reject":
      return { op: "reject", value: before.rejected };
    case "looked_at":
      return { op: "looked_at", value: before.lookedAt };
  }
}

/** Return the operation that takes a pick away: candidates are marked, added picks go. */
export function removal(pick: Pick): Operation {
  return { op: pick.added ? "remove_added" : "delete", id: pick.id };
}

/** Put candidates and corrections together: all candidates, deleted ones marked, then the added picks. */
export function combine(
  candidates: readonly Candidate[],
  corrections: Corrections,
  diameter: number,
): Pick[] {
  const picks: Pick[] = candidates.map((candidate) => {
    const to = corrections.moved.get(candidate.id);
    const deleted = corrections.deleted.has(candidate.id);
    const moved = to !== undefined && (to.x !== candidate.x || to.y !== candidate.y);
    return { ...candidate, ...to, added: false, moved, deleted };
  });
  for (const [id, { x, y }] of corrections.added)
    picks.push({
      id,
      x,
      y,
      score: 1,
      diameter,
      kind: "particle",
      angle: null,
      added: true,
      moved: false,
      deleted: false,
    });
  return picks;
}

/** Tell whether a pick counts at a threshold: deleted ones never, added ones always. */
export function counts(pick: Pick, threshold: number): boolean {
  return !pick.deleted && (pick.added || pick.score >= threshold);
}

/** Return how many candidates were deleted or moved and how many picks added. */
export function changes(picks: Iterable<Pick>): { added: number; deleted: number; moved: number } {
  const number = { added: 0, deleted: 0, moved: 0 };
  for (const pick of picks) {
    if (pick.added) number.added++;
    else if (pick.deleted) number.deleted++;
    else if (pick.moved) number.moved++;
  }
  return number;
}

function place({ x, y }: Point): Point {
  return { x, y };
}

function without<V>(map: ReadonlyMap<string, V>, id: string): ReadonlyMap<string, V> {
  const rest = new Map(map);
  rest.delete(id);
  return rest;
}

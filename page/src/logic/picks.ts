/** Picks of one micrograph, corrections of them, and how one makes the other. */

import type { Kind, Operation } from "../api";

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
  /** 2D class, from 1; 0 for none. */
  readonly classNumber: number;
}

/** A candidate as it stands after corrections, or an added pick. */
export interface Pick extends Candidate {
  readonly added: boolean;
  readonly moved: boolean;
  readonly deleted: boolean;
  /** The same particle as one that was added or moved, so that it no longer counts by itself. */
  readonly replaced: boolean;
}

export interface Corrections {
  readonly added: ReadonlyMap<string, Point>;
  readonly deleted: ReadonlySet<string>;
  readonly moved: ReadonlyMap<string, Point>;
  readonly rejected: boolean;
  readonly lookedAt: boolean;
}

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
      return {
        ...before,
        moved: without(before.moved, operation.id),
        deleted: new Set(before.deleted).add(operation.id),
      };
    case "restore":
      return {
        ...before,
        moved: without(before.moved, operation.id),
        deleted: lacking(before.deleted, operation.id),
      };
    case "move":
      if (before.added.has(operation.id))
        return { ...before, added: new Map(before.added).set(operation.id, place(operation)) };
      return {
        ...before,
        moved: new Map(before.moved).set(operation.id, place(operation)),
        deleted: lacking(before.deleted, operation.id),
      };
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

/** Return the operation that brings back what another, not done yet, is about to change. */
export function inverse(operation: Operation, before: Corrections): Operation {
  switch (operation.op) {
    case "reject":
      return { op: "reject", value: before.rejected };
    case "looked_at":
      return { op: "looked_at", value: before.lookedAt };
    case "add":
      return { op: "remove_added", id: operation.id };
  }
  const { id } = operation;
  const added = before.added.get(id);
  if (added) return { op: operation.op === "move" ? "move" : "add", id, ...added };
  const moved = before.moved.get(id);
  if (moved) return { op: "move", id, ...moved };
  return { op: before.deleted.has(id) ? "delete" : "restore", id };
}

/** Return the operation that takes a pick away: candidates are marked, added picks go. */
export function removal(pick: Pick): Operation {
  return { op: pick.added ? "remove_added" : "delete", id: pick.id };
}

/** Two places nearer than this, in particle diameters, are one particle; as the package has it. */
const REACH = 0.25;

/**
 * Put candidates and corrections together: all candidates with what became of them, then the added picks.
 *
 * `diameter` (Å) is that of picks without one, `pixelSize` is in Å per pixel.
 */
export function combine(
  candidates: readonly Candidate[],
  corrections: Corrections,
  diameter: number,
  pixelSize: number,
): Pick[] {
  const { added, moved, deleted } = corrections;
  const reach = (REACH * median(candidates.map((candidate) => candidate.diameter))) / pixelSize;
  const byHand = [...added.values(), ...moved.values()];
  const near = (at: Point): boolean => byHand.some(({ x, y }) => Math.hypot(x - at.x, y - at.y) <= reach);
  const picks = candidates.map((candidate): Pick => {
    const to = moved.get(candidate.id);
    const gone = deleted.has(candidate.id);
    const replaced = !to && !gone && near(candidate);
    return { ...candidate, ...to, added: false, moved: to !== undefined, deleted: gone, replaced };
  });
  const state = { added: true, moved: false, deleted: false, replaced: false };
  for (const [id, { x, y }] of added)
    picks.push({ id, x, y, score: 1, diameter, kind: "particle", classNumber: 0, ...state });
  return picks;
}

/** Tell whether a pick counts at a threshold: deleted ones never, those placed by hand always. */
export function counts(pick: Pick, threshold: number): boolean {
  return !pick.deleted && !pick.replaced && (pick.added || pick.moved || pick.score >= threshold);
}

/** Return the scores under which picks count in a histogram: 1 for those placed by hand. */
export function countedScores(picks: readonly Pick[]): number[] {
  return picks.filter((pick) => counts(pick, 0)).map((pick) => (pick.added || pick.moved ? 1 : pick.score));
}

/** Return how many candidates were deleted or moved and how many picks added. */
export function changes({ added, deleted, moved }: Corrections): {
  added: number;
  deleted: number;
  moved: number;
} {
  return { added: added.size, deleted: deleted.size, moved: moved.size };
}

function place({ x, y }: Point): Point {
  return { x, y };
}

function without<V>(map: ReadonlyMap<string, V>, id: string): ReadonlyMap<string, V> {
  const rest = new Map(map);
  rest.delete(id);
  return rest;
}

function lacking(set: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const rest = new Set(set);
  rest.delete(id);
  return rest;
}

function median(values: readonly number[]): number {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (!sorted.length) return 0;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

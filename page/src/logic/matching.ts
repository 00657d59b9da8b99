/** One-to-one matching of picks with a reference, and the figures that follow. */

import type { Point } from "./picks";

export interface Matched {
  /** For each pick the index of its partner in the other set, or -1. */
  readonly partner: Int32Array;
  readonly hits: number;
}

export interface Figures {
  readonly hits: number;
  readonly missed: number;
  readonly falsePicks: number;
  readonly precision: number | null;
  readonly recall: number | null;
  readonly f1: number | null;
}

/**
 * Match picks with true centres one to one: as many pairs closer than `reach` as can be, near ones first.
 *
 * Augmenting paths (Kuhn 1955) make the number of pairs the largest possible, as `cryoglean evaluate` has it.
 */
export function match(picks: readonly Point[], truth: readonly Point[], reach: number): Matched {
  const near = neighbours(picks, truth, reach);
  const partner = new Int32Array(picks.length).fill(-1);
  const holder = new Int32Array(truth.length).fill(-1);
  const seen = new Int32Array(truth.length).fill(-1);
  const byDistance = near.flatMap((list, pick) =>
    list.map(([other, square]) => [square, pick, other] as const),
  );
  for (const [, pick, other] of byDistance.sort((a, b) => a[0] - b[0]))
    if (partner[pick] === -1 && holder[other] === -1) {
      partner[pick] = other;
      holder[other] = pick;
    }
  const augment = (pick: number, round: number): boolean => {
    for (const [other] of near[pick]!) {
      if (seen[other] === round) continue;
      seen[other] = round;
      if (holder[other] === -1 || augment(holder[other]!, round)) {
        partner[pick] = other;
        holder[other] = pick;
        return true;
      }
    }
    return false;
  };
  picks.forEach((_, pick) => {
    if (partner[pick] === -1) augment(pick, pick);
  });
  return { partner, hits: partner.reduce((sum, other) => sum + Number(other >= 0), 0) };
}

/** Return counts, precision, recall and F1; null where there is nothing to divide by. */
export function figures(hits: number, picks: number, truth: number): Figures {
  return {
    hits,
    missed: truth - hits,
    falsePicks: picks - hits,
    precision: picks ? hits / picks : null,
    recall: truth ? hits / truth : null,
    f1: picks + truth ? (2 * hits) / (picks + truth) : null,
  };
}

function neighbours(picks: readonly Point[], truth: readonly Point[], reach: number): [number, number][][] {
  const cells = new Map<string, number[]>();
  const cell = (value: number): number => Math.floor(value / reach);
  truth.forEach(({ x, y }, index) => {
    const key = `${cell(x)},${cell(y)}`;
    const list = cells.get(key);
    if (list) list.push(index);
    else cells.set(key, [index]);
  });
  return picks.map(({ x, y }) => {
    const found: [number, number][] = [];
    for (let dx = -1; dx <= 1; dx++)
      for (let dy = -1; dy <= 1; dy++)
        for (const index of cells.get(`${cell(x) + dx},${cell(y) + dy}`) ?? []) {
          const square = (truth[index]!.x - x) ** 2 + (truth[index]!.y - y) ** 2;
          if (square < reach * reach) found.push([index, square]);
        }
    return found.sort((a, b) => a[1] - b[1]);
  });
}

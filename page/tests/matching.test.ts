import { describe, expect, it } from "vitest";
import { figures, match } from "../src/logic/matching";

const at = (...xs: number[]) => xs.map((x) => ({ x, y: 0 }));

describe("matching", () => {
  it("lets a true particle count once", () => {
    const { partner, hits } = match(at(0, 2), at(1), 10);
    expect(hits).toBe(1);
    expect([...partner].filter((other) => other === 0).length).toBe(1);
  });

  it("finds as many pairs as can be where the nearest first would not", () => {
    // 4 is nearest to 5, but then 9 must go to nothing: 4 → 0 and 9 → 5 serve both.
    const { partner, hits } = match(at(4, 9), at(0, 5), 4.5);
    expect([hits, ...partner]).toEqual([2, 0, 1]);
  });

  it("counts only pairs closer than the reach", () => {
    expect(match(at(0), at(10), 10).hits).toBe(0);
    expect(match(at(0), at(9.99), 10).hits).toBe(1);
  });

  it("agrees with trying every assignment", () => {
    let seed = 1;
    const random = () => {
      seed = (seed * 16807) % 2147483647;
      return seed / 2147483647;
    };
    const points = (number: number) =>
      Array.from({ length: number }, () => ({ x: random() * 30, y: random() * 30 }));
    const most = (near: boolean[][], pick = 0, taken = new Set<number>()): number => {
      if (pick === near.length) return 0;
      let best = most(near, pick + 1, taken);
      near[pick]!.forEach((close, other) => {
        if (close && !taken.has(other))
          best = Math.max(best, 1 + most(near, pick + 1, new Set(taken).add(other)));
      });
      return best;
    };
    for (let round = 0; round < 50; round++) {
      const picks = points(6);
      const truth = points(6);
      const near = picks.map((a) => truth.map((b) => Math.hypot(a.x - b.x, a.y - b.y) < 9));
      const { partner, hits } = match(picks, truth, 9);
      expect(hits).toBe(most(near));
      const taken = [...partner].filter((other) => other >= 0);
      expect(new Set(taken).size).toBe(taken.length);
      partner.forEach((other, pick) => {
        if (other >= 0) expect(near[pick]![other]).toBe(true);
      });
    }
  });

  it("gives figures, and none where there is nothing to divide by", () => {
    expect(figures(8, 10, 16)).toEqual({
      hits: 8,
      missed: 8,
      falsePicks: 2,
      precision: 0.8,
      recall: 0.5,
      f1: 16 / 26,
    });
    expect(figures(0, 0, 0)).toMatchObject({ precision: null, recall: null, f1: null });
  });
});

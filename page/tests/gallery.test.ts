import { describe, expect, it } from "vitest";
import { byScore, keyOf, layout, neighbour, type Particle, spread } from "../src/logic/gallery";

function particle(index: number, id: string, score: number, manual = false): Particle {
  const state = { added: manual, moved: false, deleted: false, replaced: false };
  return {
    index,
    pick: { id, x: 0, y: 0, score, diameter: 100, kind: "particle", classNumber: 0, ...state },
  };
}

describe("the gallery", () => {
  it("takes particles from micrographs over the whole run", () => {
    const all = Array.from({ length: 100 }, (_, i) => i);
    expect(spread(all, 4)).toEqual([0, 33, 66, 99]);
    expect(spread(all, 1)).toEqual([0]);
    expect(spread([3, 5], 4)).toEqual([3, 5]);
    expect(spread([], 4)).toEqual([]);
  });

  it("sorts by score both ways, and leaves those without a score to the end", () => {
    const some = [
      particle(0, "a", 0.5),
      particle(1, "b", 1, true),
      particle(1, "c", 0.1),
      particle(0, "d", 0.9),
    ];
    expect(byScore(some, true).map(({ pick }) => pick.id)).toEqual(["c", "a", "d", "b"]);
    expect(byScore(some, false).map(({ pick }) => pick.id)).toEqual(["d", "a", "c", "b"]);
  });

  it("keeps one order among equal scores, wherever they come from first", () => {
    const some = [particle(1, "a", 0.5), particle(0, "b", 0.5), particle(0, "a", 0.5)];
    expect(byScore(some, true).map(keyOf)).toEqual(["0/a", "0/b", "1/a"]);
    expect(byScore([...some].reverse(), true).map(keyOf)).toEqual(["0/a", "0/b", "1/a"]);
  });

  it("fills the width with as many columns as there is room for", () => {
    const { columns, stepX, stepY, height } = layout(1000, 25, 96, 4, 16);
    expect(columns).toBe(10);
    expect(stepX * columns).toBe(1004);
    expect(height).toBe(3 * stepY);
    expect(layout(50, 3, 96, 4, 16).columns).toBe(1);
  });

  it("is walked through by arrow keys and has ends", () => {
    expect(neighbour(0, "ArrowRight", 10, 25)).toBe(1);
    expect(neighbour(3, "ArrowDown", 10, 25)).toBe(13);
    expect(neighbour(13, "ArrowUp", 10, 25)).toBe(3);
    expect(neighbour(24, "ArrowDown", 10, 25)).toBe(24);
    expect(neighbour(0, "ArrowLeft", 10, 25)).toBe(0);
    expect(neighbour(4, "End", 10, 25)).toBe(24);
    expect(neighbour(4, "Home", 10, 25)).toBe(0);
  });
});

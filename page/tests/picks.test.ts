import { describe, expect, it } from "vitest";
import type { Operation } from "../src/api";
import {
  allDone,
  type Candidate,
  changes,
  combine,
  corrected,
  countedScores,
  counts,
  inverse,
  untouched,
} from "../src/logic/picks";

const candidates: Candidate[] = [
  { id: "0", x: 10, y: 20, score: 0.9, diameter: 100, kind: "particle", classNumber: 0 },
  { id: "1", x: 50, y: 60, score: 0.4, diameter: 100, kind: "side", classNumber: 0 },
];

describe("corrections", () => {
  it("marks deleted candidates and puts them back", () => {
    const after = corrected(untouched, { op: "delete", id: "0" });
    expect(combine(candidates, after, 100, 2).map(({ deleted }) => deleted)).toEqual([true, false]);
    expect(corrected(after, { op: "restore", id: "0" })).toEqual(untouched);
  });

  it("moves candidates and added picks alike", () => {
    const after = allDone(untouched, [
      { op: "add", id: "a", x: 1, y: 2 },
      { op: "move", id: "a", x: 3, y: 4 },
      { op: "move", id: "1", x: 51, y: 61 },
    ]);
    const picks = combine(candidates, after, 100, 2);
    expect(picks.find(({ id }) => id === "a")).toMatchObject({ x: 3, y: 4, added: true, moved: false });
    expect(picks.find(({ id }) => id === "1")).toMatchObject({ x: 51, y: 61, moved: true, score: 0.4 });
    expect(changes(after)).toEqual({ added: 1, deleted: 0, moved: 1 });
  });

  it("knows a candidate as deleted or moved, not both", () => {
    const moved = corrected(untouched, { op: "move", id: "1", x: 51, y: 61 });
    const deleted = corrected(moved, { op: "delete", id: "1" });
    expect([deleted.moved.size, deleted.deleted.size]).toEqual([0, 1]);
    expect(corrected(deleted, { op: "move", id: "1", x: 51, y: 61 })).toEqual(moved);
    expect(corrected(moved, { op: "restore", id: "1" })).toEqual(untouched);
  });

  it("counts a particle once that was added where a weak candidate is", () => {
    // A quarter of 100 Å is 12.5 pixels of 2 Å.
    const near = corrected(untouched, { op: "add", id: "a", x: 50, y: 72 });
    const far = corrected(untouched, { op: "add", id: "a", x: 50, y: 73 });
    expect(combine(candidates, near, 100, 2).map(({ replaced }) => replaced)).toEqual([false, true, false]);
    expect(countedScores(combine(candidates, near, 100, 2))).toEqual([0.9, 1]);
    expect(countedScores(combine(candidates, far, 100, 2))).toEqual([0.9, 0.4, 1]);
  });

  it("does not change what it was given", () => {
    corrected(untouched, { op: "add", id: "a", x: 1, y: 2 });
    expect(untouched.added.size).toBe(0);
  });

  const operations: Operation[] = [
    { op: "add", id: "b", x: 5, y: 5 },
    { op: "remove_added", id: "a" },
    { op: "delete", id: "0" },
    { op: "restore", id: "1" },
    { op: "move", id: "0", x: 11, y: 21 },
    { op: "move", id: "1", x: 52, y: 62 },
    { op: "move", id: "2", x: 81, y: 91 },
    { op: "restore", id: "2" },
    { op: "delete", id: "2" },
    { op: "move", id: "a", x: 12, y: 22 },
    { op: "reject", value: true },
    { op: "looked_at", value: true },
  ];
  it.each(operations)("takes back $op", (operation) => {
    const before = allDone(untouched, [
      { op: "add", id: "a", x: 1, y: 2 },
      { op: "delete", id: "1" },
      { op: "move", id: "2", x: 80, y: 90 },
    ]);
    const back = inverse(operation, before);
    expect(corrected(corrected(before, operation), back)).toEqual(before);
  });

  it("counts added picks at every threshold and deleted ones at none", () => {
    const picks = combine(candidates, allDone(untouched, [{ op: "add", id: "a", x: 1, y: 2 }]), 100, 2);
    expect(picks.filter((pick) => counts(pick, 0.5)).map(({ id }) => id)).toEqual(["0", "a"]);
    expect(picks.filter((pick) => counts({ ...pick, deleted: true }, 0))).toEqual([]);
  });
});

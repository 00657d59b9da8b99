import { describe, expect, it } from "vitest";
import {
  allDone,
  type Candidate,
  changes,
  combine,
  corrected,
  counts,
  inverse,
  type Operation,
  untouched,
} from "../src/logic/picks";

const candidates: Candidate[] = [
  { id: "0", x: 10, y: 20, score: 0.9, diameter: 100, kind: "particle", angle: null },
  { id: "1", x: 50, y: 60, score: 0.4, diameter: 100, kind: "side", angle: 30 },
];

describe("corrections", () => {
  it("marks deleted candidates and puts them back", () => {
    const after = corrected(untouched, { op: "delete", id: "0" });
    expect(combine(candidates, after, 100).map(({ deleted }) => deleted)).toEqual([true, false]);
    expect(corrected(after, { op: "restore", id: "0" })).toEqual(untouched);
  });

  it("moves candidates and added picks alike", () => {
    const after = allDone(untouched, [
      { op: "add", id: "a", x: 1, y: 2 },
      { op: "move", id: "a", x: 3, y: 4 },
      { op: "move", id: "1", x: 51, y: 61 },
    ]);
    const picks = combine(candidates, after, 100);
    expect(picks.find(({ id }) => id === "a")).toMatchObject({ x: 3, y: 4, added: true, moved: false });
    expect(picks.find(({ id }) => id === "1")).toMatchObject({ x: 51, y: 61, moved: true, score: 0.4 });
    expect(changes(picks)).toEqual({ added: 1, deleted: 0, moved: 1 });
  });

  it("takes a candidate that was moved back for one that was not moved", () => {
    const after = allDone(untouched, [
      { op: "move", id: "1", x: 51, y: 61 },
      { op: "move", id: "1", x: 50, y: 60 },
    ]);
    expect(changes(combine(candidates, after, 100)).moved).toBe(0);
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
    { op: "move", id: "a", x: 12, y: 22 },
    { op: "reject", value: true },
    { op: "looked_at", value: true },
  ];
  it.each(operations)("takes back $op", (operation) => {
    const before = allDone(untouched, [
      { op: "add", id: "a", x: 1, y: 2 },
      { op: "delete", id: "1" },
    ]);
    const back = inverse(operation, combine(candidates, before, 100), before);
    const after = corrected(corrected(before, operation), back);
    expect(combine(candidates, after, 100)).toEqual(combine(candidates, before, 100));
    expect([after.rejected, after.lookedAt]).toEqual([before.rejected, before.lookedAt]);
  });

  it("counts added picks at every threshold and deleted ones at none", () => {
    const picks = combine(candidates, allDone(untouched, [{ op: "add", id: "a", x: 1, y: 2 }]), 100);
    expect(picks.filter((pick) => counts(pick, 0.5)).map(({ id }) => id)).toEqual(["0", "a"]);
    expect(picks.filter((pick) => counts({ ...pick, deleted: true }, 0))).toEqual([]);
  });
});

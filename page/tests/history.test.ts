import { describe, expect, it } from "vitest";
import { change, nothing, redo, remember, type Step, undo } from "../src/logic/history";
import { allDone, untouched } from "../src/logic/picks";

const step = (label: string): Step => ({ label, changes: [] });

describe("history", () => {
  it("takes back the last step first and does it again", () => {
    const history = remember(remember(nothing, step("one")), step("two"));
    const [second, before] = undo(history)!;
    const [first, start] = undo(before)!;
    expect([second.label, first.label]).toEqual(["two", "one"]);
    expect(undo(start)).toBeUndefined();
    const [again, after] = redo(start)!;
    expect(again.label).toBe("one");
    expect(redo(redo(after)![1])).toBeUndefined();
  });

  it("forgets what was taken back once something new is done", () => {
    const [, before] = undo(remember(nothing, step("one")))!;
    expect(redo(remember(before, step("new")))).toBeUndefined();
  });

  it("keeps a bounded number of steps", () => {
    let history = nothing;
    for (let i = 0; i < 1200; i++) history = remember(history, step(String(i)));
    expect(history.past.length).toBe(1000);
    expect(history.past.at(-1)?.label).toBe("1199");
  });

  it("takes back a change of several steps to what was there before", () => {
    const before = allDone(untouched, [
      { op: "move", id: "a", x: 5, y: 6 },
      { op: "delete", id: "b" },
    ]);
    const made = change(7, before, [
      { op: "delete", id: "a" },
      { op: "delete", id: "b" },
      { op: "reject", value: true },
    ]);
    const after = allDone(before, made.done);
    expect([made.micrograph, [...after.deleted].sort(), after.rejected]).toEqual([7, ["a", "b"], true]);
    expect(allDone(after, made.undone)).toEqual(before);
  });
});

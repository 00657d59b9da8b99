import { describe, expect, it } from "vitest";
import { GROUPS, nameOf } from "../src/keyboard";

const keys = GROUPS.flatMap((group) => group.keys);

describe("keys", () => {
  it("mean one thing each", () => {
    const names = keys.flatMap((key) => key.keys);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  });

  it("are reported apart by the control key, which is the command key on a Mac", () => {
    expect(nameOf({ key: "z", ctrlKey: true, metaKey: false })).toBe("Ctrl+z");
    expect(nameOf({ key: "z", ctrlKey: false, metaKey: true })).toBe("Ctrl+z");
    expect(nameOf({ key: "z", ctrlKey: false, metaKey: false })).toBe("z");
  });

  it("are all in the help, alone or beside their opposite", () => {
    for (const { keys: names, shown, does } of keys)
      if (!shown) expect(names[0]).toMatch(/^(Arrow|[CB\]{}]$)/);
      else expect(does).not.toBe("");
  });
});

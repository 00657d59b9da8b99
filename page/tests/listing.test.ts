import { describe, expect, it } from "vitest";
import { type Entry, listed, rowsShown } from "../src/logic/listing";

const entry = (name: string, more: Partial<Entry> = {}): Entry => ({
  name,
  failed: false,
  outlier: false,
  corrected: false,
  rejected: false,
  lookedAt: false,
  ...more,
});
const entries = [
  entry("mic_10", { failed: true }),
  entry("mic_9", { lookedAt: true }),
  entry("Other_1", { outlier: true }),
];
const all = { search: "", filter: "all", descending: false } as const;

describe("the list", () => {
  it("sorts names as people count", () => {
    expect(listed(entries, all, "name", () => null)).toEqual([1, 0, 2]);
  });

  it("puts what is unknown last in both directions", () => {
    const key = (index: number) => [null, 2, 5][index] ?? null;
    expect(listed(entries, all, "picks", key)).toEqual([1, 2, 0]);
    expect(listed(entries, { ...all, descending: true }, "picks", key)).toEqual([2, 1, 0]);
  });

  it("finds every word in any case", () => {
    expect(listed(entries, { ...all, search: "MIC 9" }, "order", () => null)).toEqual([1]);
  });

  it("filters", () => {
    const rows = (filter: "outliers" | "failed" | "unchecked" | "rejected") =>
      listed(entries, { ...all, filter }, "order", () => null);
    expect(rows("outliers")).toEqual([0, 2]);
    expect(rows("failed")).toEqual([0]);
    expect(rows("unchecked")).toEqual([2]);
    expect(rows("rejected")).toEqual([]);
  });

  it("draws the rows on the screen and few more", () => {
    expect(rowsShown(0, 600, 60, 10000, 4)).toEqual([0, 14]);
    expect(rowsShown(599_400, 600, 60, 10000, 4)).toEqual([9986, 10000]);
  });
});

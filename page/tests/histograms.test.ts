import { describe, expect, it } from "vitest";
import { atEdge, BINS, binOf, firstBin, Histograms } from "../src/logic/histograms";

function of(...micrographs: number[][]): Histograms {
  const histograms = new Histograms(
    new Uint16Array(micrographs.length * BINS),
    micrographs.map(() => false),
  );
  micrographs.forEach((scores, i) => {
    histograms.replace(i, scores);
  });
  return histograms;
}

describe("histograms", () => {
  it("counts as comparing scores does, at every edge of a bin", () => {
    const scores = [0, 0.1, 0.25, 0.5, 0.5, 0.73, 0.999, 1];
    const histograms = of(scores, [0.6]);
    for (let edge = 0; edge < BINS; edge++) {
      const threshold = edge / BINS;
      expect(histograms.count(0, threshold)).toBe(scores.filter((score) => score >= threshold).length);
      expect(histograms.total(threshold)).toBe(
        histograms.count(0, threshold) + histograms.count(1, threshold),
      );
    }
  });

  it("leaves rejected micrographs out, whatever becomes of their picks meanwhile", () => {
    const histograms = of([0.9, 0.8], [0.7]);
    histograms.reject(0, true);
    histograms.reject(0, true);
    expect([histograms.count(0, 0), histograms.total(0)]).toEqual([0, 1]);
    histograms.replace(0, [0.9, 0.8, 0.1]);
    expect(histograms.total(0)).toBe(1);
    histograms.reject(0, false);
    expect(histograms.total(0)).toBe(4);
  });

  it("gives the mean score to half a bin, without the added picks", () => {
    const histograms = of([0.2, 0.6, 0.8, 1, 1]);
    expect(histograms.mean(0, 0.5, 2)).toBeCloseTo(0.7, 2);
    expect(histograms.mean(0, 0.9, 2)).toBeNull();
  });

  it("refuses counts that do not fit the micrographs", () => {
    expect(() => new Histograms(new Uint16Array(BINS), [false, false])).toThrow("256 counts for 2");
  });

  it("puts scores and thresholds beyond the ends into the end bins", () => {
    expect([binOf(-1), binOf(0), binOf(1), binOf(7)]).toEqual([0, 0, 255, 255]);
    expect([firstBin(-1), firstBin(2), atEdge(0.5)]).toEqual([0, BINS, 0.5]);
  });
});

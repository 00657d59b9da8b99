import { describe, expect, it } from "vitest";
import { stretch } from "../src/view/tile";

function greys(values: readonly number[], transparent: readonly number[] = []): Uint8ClampedArray {
  return new Uint8ClampedArray(values.flatMap((v, i) => [v, v, v, transparent.includes(i) ? 0 : 255]));
}

const reds = (pixels: Uint8ClampedArray): number[] => [...pixels].filter((_, i) => i % 4 === 0);

describe("the contrast of a tile", () => {
  it("is the same whatever the contrast of its micrograph", () => {
    const faint = greys([200, 202, 204, 206]);
    const strong = greys([0, 60, 120, 180]);
    stretch(faint);
    stretch(strong);
    expect(reds(faint)).toEqual(reds(strong));
    expect(reds(faint)[0]).toBeLessThan(80);
    expect(reds(faint)[3]).toBeGreaterThan(176);
  });

  it("does not follow from what lies beyond the micrograph", () => {
    const whole = greys([90, 100, 110, 100]);
    const cut = greys([90, 100, 110, 100, 0, 0], [4, 5]);
    stretch(whole);
    stretch(cut);
    expect(reds(cut).slice(0, 4)).toEqual(reds(whole));
  });

  it("leaves an even tile even", () => {
    const even = greys([77, 77, 77, 77]);
    stretch(even);
    expect(reds(even)).toEqual([128, 128, 128, 128]);
  });
});

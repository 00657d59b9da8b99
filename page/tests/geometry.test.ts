import { describe, expect, it } from "vitest";
import {
  centred,
  fitted,
  held,
  levelFor,
  pickAt,
  scaleBar,
  toImage,
  toScreen,
  within,
  zoomAt,
} from "../src/logic/geometry";
import type { Pick } from "../src/logic/picks";

const image = { width: 4096, height: 4096 };
const screen = { width: 1000, height: 800 };
const pick = (id: string, x: number, y: number): Pick => ({
  id,
  x,
  y,
  score: 1,
  diameter: 100,
  kind: "particle",
  classNumber: 0,
  added: false,
  moved: false,
  deleted: false,
  replaced: false,
});

describe("the view", () => {
  it("goes from image to screen and back", () => {
    const view = { scale: 0.37, x: 12, y: -40 };
    const there = toImage(view, toScreen(view, { x: 100, y: 200 }));
    expect(there.x).toBeCloseTo(100);
    expect(there.y).toBeCloseTo(200);
  });

  it("shows the whole image, pixel edges within the screen", () => {
    const view = fitted(image, screen);
    const corner = toScreen(view, { x: 4095.5, y: 4095.5 });
    expect(corner.x).toBeLessThan(1000);
    expect(corner.y).toBeCloseTo(800 - 12);
    expect(toScreen(view, { x: 2047.5, y: 2047.5 })).toEqual({ x: 500, y: 400 });
  });

  it("keeps what is under the pointer where it is while zooming", () => {
    const view = fitted(image, screen);
    const at = { x: 300, y: 500 };
    const before = toImage(view, at);
    const after = toImage(zoomAt(view, 3, at, 0.01), at);
    expect(after.x).toBeCloseTo(before.x);
    expect(after.y).toBeCloseTo(before.y);
    expect(zoomAt(view, 1e9, at, 0.01).scale).toBe(16);
    expect(zoomAt(view, 1e-9, at, 0.01).scale).toBe(0.01);
  });

  it("never loses the image", () => {
    const view = held({ scale: 1, x: 5000, y: -9000 }, image, screen);
    expect(view).toEqual({ scale: 1, x: 500, y: 400 - 4096 });
  });

  it("puts a point in the middle", () => {
    expect(toScreen(centred({ scale: 2, x: 0, y: 0 }, { x: 70, y: 90 }, screen), { x: 70, y: 90 })).toEqual({
      x: 500,
      y: 400,
    });
  });

  it("takes the coarsest picture that is not enlarged", () => {
    expect([1, 0.5, 0.25, 0.2, 0.05].map((scale) => levelFor(scale, 4))).toEqual([0, 1, 2, 2, 3]);
    expect(levelFor(8, 4)).toBe(0);
  });
});

describe("what lies under the pointer", () => {
  it("is the nearest pick whose circle holds it", () => {
    const picks = [pick("a", 0, 0), pick("b", 30, 0)];
    expect(pickAt(picks, { x: 16, y: 0 }, () => 20, 5)?.id).toBe("b");
    expect(pickAt(picks, { x: 60, y: 0 }, () => 20, 5)).toBeUndefined();
    expect(pickAt(picks, { x: 60, y: 0 }, () => 20, 31)?.id).toBe("b");
  });

  it("knows the inside of a bent lasso", () => {
    const lasso = [
      { x: 0, y: 0 },
      { x: 10, y: 0 },
      { x: 10, y: 10 },
      { x: 5, y: 3 },
      { x: 0, y: 10 },
    ];
    expect(within(lasso, { x: 1, y: 4 })).toBe(true);
    expect(within(lasso, { x: 5, y: 8 })).toBe(false);
    expect(within([], { x: 0, y: 0 })).toBe(false);
  });
});

describe("the scale bar", () => {
  it("has a round length that fits", () => {
    expect(scaleBar(1.5, 0.25, 150)).toEqual({ px: (500 / 1.5) * 0.25, label: "500 Å" });
    expect(scaleBar(1.5, 0.1, 150)).toEqual({ px: (2000 / 1.5) * 0.1, label: "2,000 Å" });
    expect(scaleBar(1, 16, 150).label).toBe("5 Å");
  });
});

/** Where things are on the screen, and what lies under the pointer. */

import type { Pick, Point } from "./picks";

/** Screen = (image + 0.5) · scale + offset, since pixel centres are at integers. */
export interface Viewport {
  readonly scale: number;
  readonly x: number;
  readonly y: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

export const MAX_SCALE = 16;

export function toScreen(view: Viewport, { x, y }: Point): Point {
  return { x: (x + 0.5) * view.scale + view.x, y: (y + 0.5) * view.scale + view.y };
}

export function toImage(view: Viewport, { x, y }: Point): Point {
  return { x: (x - view.x) / view.scale - 0.5, y: (y - view.y) / view.scale - 0.5 };
}

/** Return the view that shows the whole image, centred. */
export function fitted(image: Size, screen: Size, margin = 12): Viewport {
  const scale = Math.max(
    1e-3,
    Math.min((screen.width - 2 * margin) / image.width, (screen.height - 2 * margin) / image.height),
  );
  return {
    scale,
    x: (screen.width - image.width * scale) / 2,
    y: (screen.height - image.height * scale) / 2,
  };
}

/** Zoom by a factor, keeping what lies under a point of the screen where it is. */
export function zoomAt(view: Viewport, factor: number, at: Point, least: number): Viewport {
  const scale = Math.min(MAX_SCALE, Math.max(least, view.scale * factor));
  const ratio = scale / view.scale;
  return { scale, x: at.x - (at.x - view.x) * ratio, y: at.y - (at.y - view.y) * ratio };
}

export function panned(view: Viewport, dx: number, dy: number): Viewport {
  return { ...view, x: view.x + dx, y: view.y + dy };
}

/** Keep some of the image on the screen: its edge goes no further than the screen's middle. */
export function held(view: Viewport, image: Size, screen: Size): Viewport {
  const within = (offset: number, length: number, room: number): number =>
    Math.min(room / 2, Math.max(room / 2 - length * view.scale, offset));
  return {
    ...view,
    x: within(view.x, image.width, screen.width),
    y: within(view.y, image.height, screen.height),
  };
}

/** Return the view of the same scale that has a point of the image in its middle. */
export function centred(view: Viewport, at: Point, screen: Size): Viewport {
  return {
    ...view,
    x: screen.width / 2 - (at.x + 0.5) * view.scale,
    y: screen.height / 2 - (at.y + 0.5) * view.scale,
  };
}

/** Return the pick whose centre is nearest among those whose circle, of at least `least` px, holds a point. */
export function pickAt(
  picks: Iterable<Pick>,
  at: Point,
  radius: (pick: Pick) => number,
  least: number,
): Pick | undefined {
  let best: Pick | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const pick of picks) {
    const distance = Math.hypot(pick.x - at.x, pick.y - at.y);
    if (distance <= Math.max(radius(pick), least) && distance < bestDistance) {
      best = pick;
      bestDistance = distance;
    }
  }
  return best;
}

/** Tell whether a point lies within a polygon (even–odd rule). */
export function within(polygon: readonly Point[], { x, y }: Point): boolean {
  let inside = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const a = polygon[i]!;
    const b = polygon[j]!;
    if (a.y > y !== b.y > y && x < ((b.x - a.x) * (y - a.y)) / (b.y - a.y) + a.x) inside = !inside;
  }
  return inside;
}

/** Return the picture to draw at a scale: each level halves, and none is enlarged where a finer one exists. */
export function levelFor(scale: number, levels: number): number {
  const level = Math.floor(Math.log2(1 / scale) + 0.1);
  return Math.min(levels - 1, Math.max(0, level));
}

/** Return a round length and its label for a scale bar of about `room` screen pixels. */
export function scaleBar(pixelSize: number, scale: number, room: number): { px: number; label: string } {
  const most = (room / scale) * pixelSize;
  const power = 10 ** Math.floor(Math.log10(most));
  const length = [5, 2, 1].map((step) => step * power).find((value) => value <= most) ?? power;
  const label = `${Number(length.toPrecision(3)).toLocaleString("en")} Å`;
  return { px: (length / pixelSize) * scale, label };
}

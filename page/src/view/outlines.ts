/** Outlines of picks, stroked one by one or set down as stamps where there are many. */

import type { Kind } from "../api";
import type { Point } from "../logic/picks";

type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

/** How picks look that differ in place and size alone. */
export interface Style {
  readonly kind: Kind;
  readonly colour: string;
  readonly width: number;
  readonly dash: readonly number[];
  /** Whether there is a cross in the middle. */
  readonly crossed: boolean;
}

const LARGEST = 64;
const STEPS = 4;
const MAX_KEPT = 500;

const stamps = new Map<string, OffscreenCanvas>();

/**
 * Draw the outline of a pick.
 *
 * A browser without a graphics card takes very long to stroke a thousand circles, and hardly any time to copy
 * one a thousand times. So each is stroked once, to a quarter of a pixel of its radius, and set down at whole
 * pixels; large ones, of which few are on the screen, are stroked where they are.
 */
export function stamp(context: Context, style: Style, at: Point, radius: number): void {
  if (radius > LARGEST) {
    strokeOutline(context, style, at, radius);
    return;
  }
  const ratio = devicePixelRatio;
  const picture = stampOf(style, Math.round(radius * STEPS) / STEPS, ratio);
  const { width: side } = picture;
  const left = Math.round(at.x * ratio - side / 2) / ratio;
  const top = Math.round(at.y * ratio - side / 2) / ratio;
  context.drawImage(picture, left, top, side / ratio, side / ratio);
}

function stampOf(style: Style, radius: number, ratio: number): OffscreenCanvas {
  const { kind, colour, width, dash, crossed } = style;
  const name = [kind, colour, width, dash, crossed, radius, ratio].join();
  const there = stamps.get(name);
  if (there) return there;
  const half = Math.ceil((radius + width + 2) * ratio);
  const picture = new OffscreenCanvas(2 * half, 2 * half);
  const context = picture.getContext("2d")!;
  context.scale(ratio, ratio);
  strokeOutline(context, style, { x: half / ratio, y: half / ratio }, radius);
  if (stamps.size >= MAX_KEPT) stamps.clear();
  stamps.set(name, picture);
  return picture;
}

function strokeOutline(context: Context, style: Style, at: Point, radius: number): void {
  const path = new Path2D();
  outline(path, style.kind, at, radius);
  if (style.crossed) cross(path, at, Math.max(3, radius * 0.3));
  context.setLineDash([...style.dash]);
  stroke(context, path, style.colour, style.width);
  context.setLineDash([]);
}

/** Stroke a path so that it stands out from light and dark. */
export function stroke(context: Context, path: Path2D, colour: string, width: number): void {
  context.lineWidth = width + 2;
  context.strokeStyle = "rgb(0 0 0 / 45%)";
  context.stroke(path);
  context.lineWidth = width;
  context.strokeStyle = colour;
  context.stroke(path);
}

/** Side views are squares, top views circles with a dot, all others circles. */
export function outline(path: Path2D, kind: Kind, at: Point, radius: number): void {
  if (kind === "side") path.rect(at.x - radius, at.y - radius, 2 * radius, 2 * radius);
  else circle(path, at, radius);
  if (kind === "top" && radius > 6) circle(path, at, 1);
}

export function circle(path: Path2D, { x, y }: Point, radius: number): void {
  path.moveTo(x + radius, y);
  path.arc(x, y, radius, 0, 2 * Math.PI);
}

export function cross(path: Path2D, { x, y }: Point, arm: number): void {
  path.moveTo(x - arm, y - arm);
  path.lineTo(x + arm, y + arm);
  path.moveTo(x + arm, y - arm);
  path.lineTo(x - arm, y + arm);
}

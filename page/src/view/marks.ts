/** Draws picks: circles of the particles' true diameter, coloured by score or by what they hit. */

import { ADDED, FALSE, HIT, MISSED, scoreColour } from "../logic/colours";
import { toScreen, type Viewport } from "../logic/geometry";
import type { Pick, Point } from "../logic/picks";

export interface Marked {
  readonly view: Viewport;
  readonly width: number;
  readonly height: number;
  /** Å per pixel. */
  readonly pixelSize: number;
  readonly shown: readonly Pick[];
  readonly weak: readonly Pick[];
  readonly deleted: readonly Pick[];
  /** Second set and, for each pick shown, its partner in it; null where nothing is compared. */
  readonly second: { readonly points: readonly Point[]; readonly partner: Int32Array; radius: number } | null;
  readonly selected: ReadonlySet<string>;
  readonly hovered: string | null;
  /** Picks about to be deleted. */
  readonly doomed: ReadonlySet<string>;
  readonly moving: { readonly ids: ReadonlySet<string>; readonly dx: number; readonly dy: number } | null;
  readonly boxPx: number;
  readonly faded: boolean;
}

type Context = CanvasRenderingContext2D;

export function drawMarks(context: Context, marked: Marked): void {
  context.globalAlpha = marked.faded ? 0.35 : 1;
  drawWeak(context, marked);
  drawDeleted(context, marked);
  drawShown(context, marked);
  if (marked.second) drawMissed(context, marked);
  if (marked.boxPx) drawBoxes(context, marked);
  drawEmphasis(context, marked);
  context.globalAlpha = 1;
}

function drawShown(context: Context, marked: Marked): void {
  const byColour = new Map<string, Path2D>();
  const all = new Path2D();
  marked.shown.forEach((pick, i) => {
    const at = placeOf(pick, marked);
    const radius = radiusOf(pick, marked);
    if (!onScreen(at, radius, marked)) return;
    const colour = colourOf(pick, i, marked);
    const path = byColour.get(colour) ?? new Path2D();
    byColour.set(colour, path);
    outline(path, pick, at, radius);
    outline(all, pick, at, radius);
    if (marked.second && marked.second.partner[i]! < 0) cross(path, at, Math.max(3, radius * 0.3));
  });
  context.lineWidth = 3.5;
  context.strokeStyle = "rgb(0 0 0 / 45%)";
  context.stroke(all);
  context.lineWidth = 1.75;
  for (const [colour, path] of byColour) {
    context.strokeStyle = colour;
    context.stroke(path);
  }
}

function colourOf(pick: Pick, index: number, { second }: Marked): string {
  if (second) return second.partner[index]! >= 0 ? HIT : FALSE;
  return pick.added || pick.moved ? ADDED : scoreColour(pick.score);
}

function drawWeak(context: Context, marked: Marked): void {
  const path = new Path2D();
  for (const pick of marked.weak) {
    const at = placeOf(pick, marked);
    const radius = radiusOf(pick, marked);
    if (onScreen(at, radius, marked)) outline(path, pick, at, radius);
  }
  context.setLineDash([3, 4]);
  stroke(context, path, "rgb(226 232 246 / 85%)", 1);
  context.setLineDash([]);
}

function drawDeleted(context: Context, marked: Marked): void {
  const path = new Path2D();
  for (const pick of marked.deleted) {
    const at = placeOf(pick, marked);
    if (onScreen(at, 10, marked)) cross(path, at, 5);
  }
  stroke(context, path, "rgb(255 255 255 / 75%)", 1.5);
}

function drawMissed(context: Context, marked: Marked): void {
  const { points, partner, radius } = marked.second!;
  const hit = new Set(partner);
  const path = new Path2D();
  points.forEach((point, i) => {
    if (hit.has(i)) return;
    const at = toScreen(marked.view, point);
    if (onScreen(at, radius * marked.view.scale, marked)) circle(path, at, radius * marked.view.scale);
  });
  context.setLineDash([6, 4]);
  stroke(context, path, MISSED, 1.75);
  context.setLineDash([]);
}

function drawBoxes(context: Context, marked: Marked): void {
  const side = marked.boxPx * marked.view.scale;
  const path = new Path2D();
  for (const pick of marked.shown) {
    const at = placeOf(pick, marked);
    if (onScreen(at, side, marked)) path.rect(at.x - side / 2, at.y - side / 2, side, side);
  }
  context.lineWidth = 1;
  context.strokeStyle = "rgb(255 255 255 / 60%)";
  context.stroke(path);
}

function drawEmphasis(context: Context, marked: Marked): void {
  const selected = new Path2D();
  const doomed = new Path2D();
  const hovered = new Path2D();
  for (const list of [marked.shown, marked.weak, marked.deleted])
    for (const pick of list) {
      const at = placeOf(pick, marked);
      const radius = Math.max(6, radiusOf(pick, marked));
      if (marked.doomed.has(pick.id)) cross(doomed, at, radius * 0.8);
      if (marked.selected.has(pick.id)) outline(selected, pick, at, radius + 3);
      else if (pick.id === marked.hovered) outline(hovered, pick, at, radius + 2);
    }
  stroke(context, hovered, "rgb(255 255 255 / 80%)", 1.25);
  stroke(context, selected, "#ffffff", 2.5);
  stroke(context, doomed, FALSE, 2);
}

function stroke(context: Context, path: Path2D, colour: string, width: number): void {
  context.lineWidth = width + 2;
  context.strokeStyle = "rgb(0 0 0 / 45%)";
  context.stroke(path);
  context.lineWidth = width;
  context.strokeStyle = colour;
  context.stroke(path);
}

/** Side views are squares, top views circles with a dot, all others circles. */
function outline(path: Path2D, pick: Pick, at: Point, radius: number): void {
  if (pick.kind === "side") path.rect(at.x - radius, at.y - radius, 2 * radius, 2 * radius);
  else circle(path, at, radius);
  if (pick.kind === "top" && radius > 6) circle(path, at, 1);
}

function circle(path: Path2D, { x, y }: Point, radius: number): void {
  path.moveTo(x + radius, y);
  path.arc(x, y, radius, 0, 2 * Math.PI);
}

function cross(path: Path2D, { x, y }: Point, arm: number): void {
  path.moveTo(x - arm, y - arm);
  path.lineTo(x + arm, y + arm);
  path.moveTo(x + arm, y - arm);
  path.lineTo(x - arm, y + arm);
}

function placeOf(pick: Pick, { view, moving }: Marked): Point {
  if (!moving?.ids.has(pick.id)) return toScreen(view, pick);
  return toScreen(view, { x: pick.x + moving.dx, y: pick.y + moving.dy });
}

function radiusOf(pick: Pick, { view, pixelSize }: Marked): number {
  return Math.max(2.5, (pick.diameter / 2 / pixelSize) * view.scale);
}

function onScreen({ x, y }: Point, reach: number, { width, height }: Marked): boolean {
  return x > -reach && y > -reach && x < width + reach && y < height + reach;
}

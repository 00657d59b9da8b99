/** Draws picks: circles of the particles' true diameter, coloured by score or by what they hit. */

import { ADDED, FALSE, HIT, MISSED, scoreColour } from "../logic/colours";
import { toScreen, type Viewport } from "../logic/geometry";
import type { Pick, Point } from "../logic/picks";
import { cross, outline, type Style, stamp, stroke } from "./outlines";

export interface Marked {
  readonly view: Viewport;
  readonly width: number;
  readonly height: number;
  /** Å per pixel. */
  readonly pixelSize: number;
  readonly shown: readonly Pick[];
  readonly weak: readonly Pick[];
  readonly deleted: readonly Pick[];
  /** Reference and, for each pick shown, its partner in it; null where nothing is compared. */
  readonly reference: {
    readonly points: readonly Point[];
    readonly partner: Int32Array;
    radius: number;
  } | null;
  readonly selected: ReadonlySet<string>;
  readonly hovered: string | null;
  /** Picks about to be deleted. */
  readonly doomed: ReadonlySet<string>;
  readonly moving: { readonly ids: ReadonlySet<string>; readonly dx: number; readonly dy: number } | null;
  readonly boxPx: number;
  /** Picks of other classes are drawn faintly; null where none is shown apart. */
  readonly classNumber: number | null;
  readonly faded: boolean;
}

type Context = CanvasRenderingContext2D;

const solid: readonly number[] = [];

export function drawMarks(context: Context, marked: Marked): void {
  context.globalAlpha = marked.faded ? 0.35 : 1;
  drawWeak(context, marked);
  drawDeleted(context, marked);
  drawShown(context, marked);
  if (marked.reference) drawMissed(context, marked);
  if (marked.boxPx) drawBoxes(context, marked);
  drawEmphasis(context, marked);
  context.globalAlpha = 1;
}

function drawShown(context: Context, marked: Marked): void {
  const style = { width: 1.75, dash: solid };
  const opacity = context.globalAlpha;
  marked.shown.forEach((pick, i) => {
    const crossed = marked.reference !== null && marked.reference.partner[i]! < 0;
    context.globalAlpha = opacity * (isApart(pick, marked) ? 0.25 : 1);
    set(context, pick, { ...style, kind: pick.kind, colour: colourOf(pick, i, marked), crossed }, marked);
  });
  context.globalAlpha = opacity;
}

/** Tell whether a pick is of another class than the one that is shown. */
function isApart({ classNumber }: Pick, marked: Marked): boolean {
  return marked.classNumber !== null && classNumber !== marked.classNumber;
}

/** Draw a pick where it can be seen. */
function set(context: Context, pick: Pick, style: Style, marked: Marked): void {
  const at = placeOf(pick, marked);
  const radius = radiusOf(pick, marked);
  if (onScreen(at, radius, marked)) stamp(context, style, at, radius);
}

function colourOf(pick: Pick, index: number, { reference }: Marked): string {
  if (reference) return reference.partner[index]! >= 0 ? HIT : FALSE;
  return pick.added || pick.moved ? ADDED : scoreColour(pick.score);
}

function drawWeak(context: Context, marked: Marked): void {
  const style = { colour: "rgb(226 232 246 / 85%)", width: 1, dash: [3, 4], crossed: false };
  for (const pick of marked.weak) set(context, pick, { ...style, kind: pick.kind }, marked);
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
  const { points, partner, radius } = marked.reference!;
  const hit = new Set(partner);
  const style: Style = { kind: "particle", colour: MISSED, width: 1.75, dash: [6, 4], crossed: false };
  const onScreenRadius = radius * marked.view.scale;
  points.forEach((point, i) => {
    const at = toScreen(marked.view, point);
    if (!hit.has(i) && onScreen(at, onScreenRadius, marked)) stamp(context, style, at, onScreenRadius);
  });
}

function drawBoxes(context: Context, marked: Marked): void {
  const side = marked.boxPx * marked.view.scale;
  context.lineWidth = 1;
  context.strokeStyle = "rgb(255 255 255 / 60%)";
  for (const pick of marked.shown) {
    const at = placeOf(pick, marked);
    if (onScreen(at, side, marked)) context.strokeRect(at.x - side / 2, at.y - side / 2, side, side);
  }
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
      if (marked.selected.has(pick.id)) outline(selected, pick.kind, at, radius + 3);
      else if (pick.id === marked.hovered) outline(hovered, pick.kind, at, radius + 2);
    }
  stroke(context, hovered, "rgb(255 255 255 / 80%)", 1.25);
  stroke(context, selected, "#ffffff", 2.5);
  stroke(context, doomed, FALSE, 2);
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

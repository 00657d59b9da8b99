/** The gallery of single particles: which micrographs it takes them from, in what order, and where they stand. */

import type { Pick } from "./picks";

/** A particle of some micrograph. */
export interface Particle {
  /** Of the micrograph. */
  readonly index: number;
  readonly pick: Pick;
}

/** Return a name that no other particle of the run has. */
export function keyOf({ index, pick }: Particle): string {
  return `${index}/${pick.id}`;
}

/** Return so many of these at most, evenly spread from the first to the last. */
export function spread<T>(all: readonly T[], most: number): T[] {
  if (all.length <= most) return [...all];
  if (most === 1) return all.slice(0, 1);
  return Array.from({ length: most }, (_, i) => all[Math.round((i * (all.length - 1)) / (most - 1))]!);
}

/** Return particles by score; those placed manually have none and come last. */
export function byScore(particles: readonly Particle[], ascending: boolean): Particle[] {
  const sign = ascending ? 1 : -1;
  const manual = ({ pick }: Particle): number => Number(pick.added || pick.moved);
  return [...particles].sort(
    (a, b) =>
      manual(a) - manual(b) ||
      sign * (a.pick.score - b.pick.score) ||
      a.index - b.index ||
      (a.pick.id < b.pick.id ? -1 : 1),
  );
}

/** How tiles are laid out in rows. */
export interface Layout {
  readonly columns: number;
  /** From one tile to the next, in px of the screen. */
  readonly stepX: number;
  readonly stepY: number;
  readonly height: number;
}

/** Fill the width with tiles of at least `least` px and a gap; below each `caption` px are for its text. */
export function layout(width: number, number: number, least: number, gap: number, caption: number): Layout {
  const columns = Math.max(1, Math.floor((width + gap) / (least + gap)));
  const stepX = (width + gap) / columns;
  const stepY = stepX + caption;
  return { columns, stepX, stepY, height: Math.ceil(number / columns) * stepY };
}

/** Return which tile an arrow key leads to from another. */
export function neighbour(at: number, key: string, columns: number, number: number): number {
  const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[key] ?? 0;
  const to = key === "Home" ? 0 : key === "End" ? number - 1 : at + by;
  return to < 0 || to >= number ? at : to;
}

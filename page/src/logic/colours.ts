/** Colours that people who see red and green alike can tell apart, and that stand on grey. */

/** Viridis (van der Walt and Smith 2015) at nine even steps; between them colours are interpolated. */
const VIRIDIS = [
  [68, 1, 84],
  [71, 44, 122],
  [59, 81, 139],
  [44, 113, 142],
  [33, 144, 141],
  [39, 173, 129],
  [92, 200, 99],
  [170, 220, 50],
  [253, 231, 37],
] as const;

/** Okabe and Ito's palette (2008). */
export const HIT = "#56b4e9";
export const MISSED = "#f0e442";
export const FALSE = "#e8743b";
export const ADDED = "#ffffff";

const STEPS = 32;

export function viridis(value: number): [number, number, number] {
  const at = Math.min(1, Math.max(0, value)) * (VIRIDIS.length - 1);
  const low = Math.min(VIRIDIS.length - 2, Math.floor(at));
  const part = at - low;
  const channel = (c: 0 | 1 | 2): number =>
    Math.round(VIRIDIS[low]![c] * (1 - part) + VIRIDIS[low + 1]![c] * part);
  return [channel(0), channel(1), channel(2)];
}

const table = Array.from({ length: STEPS }, (_, step) => {
  const [r, g, b] = viridis(0.18 + (0.82 * step) / (STEPS - 1));
  return `rgb(${r} ${g} ${b})`;
});

/** Return the colour of a score: few steps, so that many circles are alike; none too dark for grey. */
export function scoreColour(score: number): string {
  return table[Math.min(STEPS - 1, Math.max(0, Math.floor(score * STEPS)))]!;
}

/** Contrast and brightness, as CSS has them. */

import type { Look } from "../state";

/** Return the CSS filter that gives pictures the contrast and brightness that were asked for. */
export function filterOf({ contrast, brightness, inverted }: Look): string {
  const parts = [];
  if (inverted) parts.push("invert(1)");
  if (brightness) parts.push(`brightness(${2 ** brightness})`);
  if (contrast !== 1) parts.push(`contrast(${contrast})`);
  return parts.join(" ");
}

/** One particle, cut out of the picture of its micrograph. */

import type { Particle } from "../logic/gallery";
import { levelFor } from "../logic/geometry";
import type { Page } from "../page";
import { finest, levels } from "../pictures";
import { filterOf } from "./filter";

/** Grey levels of the mean and of one standard deviation of a tile. */
const MEAN = 128;
const DEVIATION = 42;
/** Side of the part that is shown, in particle diameters. */
const BOX = 1.5;

/** Draw a particle as soon as the picture is there, unless nobody waits for it any more. */
export function drawTile(
  { state, actions }: Page,
  { index, pick }: Particle,
  canvas: HTMLCanvasElement,
  side: number,
  gone: () => boolean,
): void {
  const table = state.table.peek();
  const size = { width: table.width[index]!, height: table.height[index]! };
  const diameter = Number.isFinite(pick.diameter) ? pick.diameter : state.diameter.peek();
  const box = (BOX * diameter) / (table.pixel_size[index] ?? 1);
  const px = Math.round(side * devicePixelRatio);
  const sizes = levels(size);
  const level = Math.max(finest(sizes), levelFor(px / box, sizes.length));
  const wanted = { index, level, lowpass: state.look.peek().lowpass };
  const draw = (picture: ImageBitmap): void => {
    if (gone()) return;
    canvas.width = px;
    canvas.height = px;
    const context = canvas.getContext("2d", { willReadFrequently: true })!;
    const ratio = picture.width / size.width;
    context.imageSmoothingQuality = "medium";
    context.drawImage(
      picture,
      (pick.x + 0.5 - box / 2) * ratio,
      (pick.y + 0.5 - box / 2) * ratio,
      box * ratio,
      box * ratio,
      0,
      0,
      px,
      px,
    );
    const image = context.getImageData(0, 0, px, px);
    stretch(image.data);
    context.putImageData(image, 0, 0);
    canvas.style.filter = filterOf(state.look.peek());
  };
  const there = actions.pictures.at(wanted);
  if (there) draw(there);
  // A picture that cannot be had leaves its tile empty; the micrograph itself says why when it is opened.
  else void actions.pictures.get(wanted).then(draw, () => {});
}

/**
 * Give the pixels of a tile a mean and a deviation of its own, since one carbon edge or ice crystal takes all
 * the contrast of a micrograph. Those beyond the micrograph are transparent and do not count.
 */
export function stretch(pixels: Uint8ClampedArray): void {
  let number = 0;
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < pixels.length; i += 4) {
    if (!pixels[i + 3]) continue;
    const value = pixels[i]!;
    number++;
    sum += value;
    squares += value * value;
  }
  const mean = sum / number;
  const gain = DEVIATION / Math.sqrt(Math.max(1, squares / number - mean * mean));
  for (let i = 0; i < pixels.length; i += 4)
    pixels[i] = pixels[i + 1] = pixels[i + 2] = MEAN + gain * (pixels[i]! - mean);
}

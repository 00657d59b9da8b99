/** One particle, cut out of the picture of its micrograph. */

import type { Particle } from "../logic/gallery";
import { levelFor } from "../logic/geometry";
import type { Page } from "../page";
import { finest, levels } from "../pictures";
import { filterOf } from "./filter";

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
    const context = canvas.getContext("2d")!;
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
    canvas.style.filter = filterOf(state.look.peek());
  };
  const there = actions.pictures.at(wanted);
  if (there) draw(there);
  // A picture that cannot be had leaves its tile empty; the micrograph itself says why when it is opened.
  else void actions.pictures.get(wanted).then(draw, () => {});
}

/** Overlays of the micrograph: maps of the picker, in one colour each, the higher the less transparent. */

import type { Api, OverlayKind } from "../api";

const COLOURS: Record<OverlayKind, [number, number, number]> = {
  particle: [64, 200, 232],
  contamination: [232, 116, 59],
};
const MAX_KEPT = 12;

export class Overlays {
  private readonly api: Api;
  private readonly kept = new Map<string, Promise<HTMLCanvasElement>>();

  constructor(api: Api) {
    this.api = api;
  }

  /** Return a map in its colour; fails with the server's reason where the method makes none. */
  get(index: number, kind: OverlayKind): Promise<HTMLCanvasElement> {
    const key = `${index}/${kind}`;
    const there = this.kept.get(key);
    if (there) return there;
    const coming = this.api.overlay(index, kind).then((grey) => coloured(grey, COLOURS[kind]));
    this.kept.set(key, coming);
    coming.catch(() => this.kept.delete(key));
    for (const oldest of this.kept.keys()) {
      if (this.kept.size <= MAX_KEPT) break;
      this.kept.delete(oldest);
    }
    return coming;
  }
}

function coloured(grey: ImageBitmap, [r, g, b]: [number, number, number]): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = grey.width;
  canvas.height = grey.height;
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.drawImage(grey, 0, 0);
  const image = context.getImageData(0, 0, canvas.width, canvas.height);
  const { data } = image;
  for (let i = 0; i < data.length; i += 4) {
    data[i + 3] = data[i]!;
    data[i] = r;
    data[i + 1] = g;
    data[i + 2] = b;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

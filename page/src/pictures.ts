/** Pictures of micrographs, fetched once, decoded ahead and kept as long as there is room. */

import type { Api, Priority } from "./api";
import type { Size } from "./logic/geometry";

/** Longer side of the smallest picture, at most, as the server makes them. */
const TOP_PX = 1024;
/** Pixels beyond which no browser draws well. */
const MAX_PX = 80e6;
const ROOM_BYTES = 600e6;

/** Return the sizes of a micrograph's pictures, each half as large as the one before. */
export function levels({ width, height }: Size): Size[] {
  const sizes = [{ width, height }];
  for (let last = sizes[0]!; Math.max(last.width, last.height) > TOP_PX; sizes.push(last))
    last = { width: Math.ceil(last.width / 2), height: Math.ceil(last.height / 2) };
  return sizes;
}

/** Return the finest level that is not too large to be drawn. */
export function finest(sizes: readonly Size[]): number {
  const level = sizes.findIndex(({ width, height }) => width * height <= MAX_PX);
  return level < 0 ? sizes.length - 1 : level;
}

export interface Wanted {
  readonly index: number;
  readonly level: number;
  /** Å; null for the server's own choice, 0 for none. */
  readonly lowpass: number | null;
}

export class Pictures {
  private readonly api: Api;
  private readonly kept = new Map<string, ImageBitmap>();
  private readonly coming = new Map<string, Promise<ImageBitmap>>();
  private bytes = 0;
  private urgent = 0;
  /** Called when nothing that the user waits for is on its way any more. */
  atRest = (): void => {};

  constructor(api: Api) {
    this.api = api;
  }

  /** Return a picture if it is there. */
  at(wanted: Wanted): ImageBitmap | undefined {
    const key = name(wanted);
    const picture = this.kept.get(key);
    if (picture) {
      this.kept.delete(key);
      this.kept.set(key, picture);
    }
    return picture;
  }

  /** Whether the user waits for a picture, so that what is fetched ahead had better wait too. */
  get awaited(): boolean {
    return this.urgent > 0;
  }

  /** Return the picture that the user waits for. */
  async now(wanted: Wanted): Promise<ImageBitmap> {
    this.urgent++;
    try {
      return await this.get(wanted, "high");
    } finally {
      this.urgent--;
      if (!this.urgent) this.atRest();
    }
  }

  /** Return a picture, fetched if it is not there. */
  async get(wanted: Wanted, priority: Priority = "low"): Promise<ImageBitmap> {
    const key = name(wanted);
    const there = this.at(wanted) ?? this.coming.get(key);
    if (there) return there;
    const coming = this.api.image(wanted.index, wanted.level, wanted.lowpass, priority);
    this.coming.set(key, coming);
    try {
      const picture = await coming;
      this.keep(key, picture);
      return picture;
    } finally {
      this.coming.delete(key);
    }
  }

  private keep(key: string, picture: ImageBitmap): void {
    this.kept.set(key, picture);
    this.bytes += size(picture);
    for (const [oldest, old] of this.kept) {
      if (this.bytes <= ROOM_BYTES || this.kept.size === 1) break;
      this.kept.delete(oldest);
      this.bytes -= size(old);
      // Not closed: it may be on the screen. It goes when nothing refers to it.
    }
  }
}

function name({ index, level, lowpass }: Wanted): string {
  return `${index}/${level}/${lowpass}`;
}

function size({ width, height }: ImageBitmap): number {
  return 4 * width * height;
}

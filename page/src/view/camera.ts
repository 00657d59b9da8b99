/** Which part of the micrograph is on the screen. Micrographs of one size are all seen alike. */

import { signal } from "@preact/signals";
import { centred, fitted, held, panned, type Size, toScreen, type Viewport, zoomAt } from "../logic/geometry";
import type { Point } from "../logic/picks";

export class Camera {
  readonly view = signal<Viewport>({ scale: 1, x: 0, y: 0 });
  screen: Size = { width: 1, height: 1 };
  private image: Size = { width: 1, height: 1 };
  /** Whether the whole micrograph is shown, and shall be after the window has changed its size. */
  private whole = true;

  /** Take another screen or micrograph; what is seen stays unless the sizes differ. */
  see(image: Size, screen: Size): void {
    const alike = image.width === this.image.width && image.height === this.image.height;
    this.image = image;
    this.screen = screen;
    if (this.whole || !alike) this.fit();
    else this.set(this.view.peek());
  }

  fit(): void {
    this.whole = true;
    this.view.value = fitted(this.image, this.screen);
  }

  /** Show one pixel of the micrograph as so many of the screen. */
  zoomTo(scale: number): void {
    this.zoom(scale / this.view.peek().scale, this.middle());
  }

  zoom(factor: number, at: Point = this.middle()): void {
    this.set(zoomAt(this.view.peek(), factor, at, this.least()));
  }

  pan(dx: number, dy: number): void {
    this.set(panned(this.view.peek(), dx, dy));
  }

  /** Put a place in the middle, unless all of the micrograph is shown anyway. */
  reveal(at: Point): void {
    if (!this.whole) this.set(centred(this.view.peek(), at, this.screen));
  }

  /** Tell whether a place of the micrograph is on the screen. */
  shows(at: Point): boolean {
    const { x, y } = toScreen(this.view.peek(), at);
    return x >= 0 && y >= 0 && x <= this.screen.width && y <= this.screen.height;
  }

  middle(): Point {
    return { x: this.screen.width / 2, y: this.screen.height / 2 };
  }

  private least(): number {
    return Math.min(1, fitted(this.image, this.screen).scale / 2);
  }

  private set(view: Viewport): void {
    this.whole = false;
    this.view.value = held(view, this.image, this.screen);
  }
}

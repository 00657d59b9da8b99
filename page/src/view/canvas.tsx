/** The micrograph on a canvas, its picks on another above it. */

import { effect, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { levelFor, scaleBar, toScreen } from "../logic/geometry";
import type { Page } from "../page";
import { finest, levels } from "../pictures";
import { filterOf } from "./filter";
import { drawMarks, type Marked } from "./marks";
import { Pointer } from "./pointer";

const none: ReadonlySet<string> = new Set();

export function MicrographView({ page }: { page: Page }) {
  const box = useRef<HTMLDivElement>(null);
  const image = useRef<HTMLCanvasElement>(null);
  const marks = useRef<HTMLCanvasElement>(null);
  const failed = useSignal<string | null>(null);
  useEffect(() => {
    const drawing = new Drawing(page, box.current!, image.current!, marks.current!, (text) => {
      failed.value = text;
    });
    return () => drawing.end();
  }, [page]);
  const { state } = page;
  const trouble = state.trouble.value ?? failed.value;
  return (
    <div
      ref={box}
      class={`view tool-${state.tool.value}`}
      tabIndex={0}
      role="application"
      aria-label="Micrograph with picks. Press the question mark for keyboard shortcuts."
      id="view"
    >
      <canvas ref={image} class="image" />
      <canvas ref={marks} class="marks" />
      {trouble && (
        <p class="trouble" role="alert">
          {trouble}
        </p>
      )}
      {state.waiting.value && !trouble && <p class="reading">Reading the micrograph…</p>}
      {state.open.value?.corrections.rejected && <p class="rejected-mark">rejected</p>}
      <ScaleBar page={page} />
      <Legend page={page} />
    </div>
  );
}

function ScaleBar({ page: { state, camera } }: { page: Page }) {
  if (!state.table.value.width[state.current.value]) return null;
  const { px, label } = scaleBar(state.pixelSize.value, camera.view.value.scale, 160);
  return (
    <div class="scale-bar">
      <span>{label}</span>
      <div style={{ width: `${px}px` }} />
    </div>
  );
}

function Legend({ page: { state } }: { page: Page }) {
  if (!state.look.value.picks || !state.open.value?.picks.length) return null;
  if (state.comparing.value)
    return (
      <ul class="legend outcomes" aria-label="Legend">
        <li class="hit">hit</li>
        <li class="false">false pick</li>
        <li class="missed">missed</li>
      </ul>
    );
  const kinds = new Set(state.open.value.picks.map(({ kind }) => kind));
  return (
    <div class="legend">
      <span>score 0</span>
      <i class="ramp" />
      <span>1</span>
      <span class="by-hand">manual</span>
      {kinds.has("side") && <span class="side">side view</span>}
      {kinds.has("top") && <span class="top">top view</span>}
    </div>
  );
}

/** Draws when something has changed, at most once for each frame of the screen. */
class Drawing {
  private readonly stops: (() => void)[] = [];
  private readonly pointer: Pointer;
  private asked = 0;
  private overlay: { key: string; map: HTMLCanvasElement } | null = null;
  /** What is on the canvas, kept while something better comes. */
  private last: { index: number; picture: ImageBitmap } | null = null;
  private painted = -1;

  constructor(
    private readonly page: Page,
    private readonly box: HTMLElement,
    private readonly image: HTMLCanvasElement,
    private readonly marks: HTMLCanvasElement,
    private readonly fail: (text: string | null) => void,
  ) {
    const { state, camera } = page;
    this.pointer = new Pointer(box, state, page.actions, camera);
    page.pointer = this.pointer;
    const sizes = new ResizeObserver(() => this.resize());
    sizes.observe(box);
    this.stops.push(() => sizes.disconnect());
    this.stops.push(effect(() => this.aim()));
    this.stops.push(effect(() => this.watch()));
    this.stops.push(effect(() => this.fetch()));
    this.stops.push(effect(() => this.fetchOverlay()));
  }

  end(): void {
    cancelAnimationFrame(this.asked);
    for (const stop of this.stops) stop();
  }

  private draw = (): void => {
    this.asked = 0;
    const there = this.drawImage();
    this.drawPicks();
    const { current, open } = this.page.state;
    if (!there || !open.peek() || this.painted === current.peek()) return;
    this.painted = current.peek();
    // The next frame begins when this one is on the screen.
    requestAnimationFrame(() => performance.mark("cryoglean:painted", { detail: current.peek() }));
  };

  private soon(): void {
    this.asked ||= requestAnimationFrame(this.draw);
  }

  private resize(): void {
    const { clientWidth: width, clientHeight: height } = this.box;
    for (const canvas of [this.image, this.marks]) {
      canvas.width = Math.round(width * devicePixelRatio);
      canvas.height = Math.round(height * devicePixelRatio);
    }
    this.page.camera.see(this.size() ?? { width: 1, height: 1 }, { width, height });
    this.draw();
  }

  /** Size of the micrograph, null where it is not known. */
  private size(): { width: number; height: number } | null {
    const { current, table } = this.page.state;
    const width = table.value.width[current.value];
    const height = table.value.height[current.value];
    return width && height ? { width, height } : null;
  }

  private aim(): void {
    const size = this.size();
    const { clientWidth: width, clientHeight: height } = this.box;
    if (size) this.page.camera.see(size, { width, height });
  }

  /** Draw again when any of these change. */
  private watch(): void {
    const { state, camera, keyboard } = this.page;
    for (const watched of [
      state.open,
      state.current,
      state.shown,
      state.selection,
      state.hovered,
      state.look,
      state.compared,
      state.tool,
      state.classNumber,
      camera.view,
      keyboard,
      this.pointer.gesture,
    ])
      watched.value;
    this.soon();
  }

  private level(size: { width: number; height: number }): number {
    const sizes = levels(size);
    const { scale } = this.page.camera.view.value;
    return Math.max(finest(sizes), levelFor(scale * devicePixelRatio, sizes.length));
  }

  private fetch(): void {
    const { state, actions, camera } = this.page;
    const index = state.current.value;
    const size = this.size();
    this.fail(null);
    if (index < 0 || !size || !state.known(index)) return;
    actions.setScale(camera.view.value.scale * devicePixelRatio);
    const wanted = { index, level: this.level(size), lowpass: state.look.value.lowpass };
    if (actions.pictures.at(wanted)) {
      actions.prefetchNeighbours();
      return;
    }
    state.waiting.value = true;
    actions.pictures.now(wanted).then(
      () => {
        this.soon();
        if (!actions.pictures.awaited) state.waiting.value = false;
        if (state.current.peek() === index) actions.prefetchNeighbours();
      },
      (error: Error) => {
        state.waiting.value = actions.pictures.awaited;
        if (state.current.peek() === index) this.fail(error.message);
      },
    );
  }

  private fetchOverlay(): void {
    const { state, overlays, actions } = this.page;
    const kind = state.look.value.overlay;
    const index = state.current.value;
    this.overlay = null;
    this.soon();
    if (!kind || index < 0) return;
    overlays.get(index, kind).then(
      (map) => {
        if (state.look.peek().overlay !== kind || state.current.peek() !== index) return;
        this.overlay = { key: kind, map };
        this.soon();
      },
      (error: Error) => {
        actions.setLook({ overlay: null });
        actions.notify(error.message, true);
      },
    );
  }

  /** Draw the micrograph if there is a picture of it, and tell. */
  private drawImage(): boolean {
    const context = this.image.getContext("2d")!;
    context.setTransform(1, 0, 0, 1, 0, 0);
    // What is beside the micrograph stays clear, so that inversion and contrast leave it as it is.
    context.clearRect(0, 0, this.image.width, this.image.height);
    const { state, camera } = this.page;
    const size = this.size();
    const index = state.current.peek();
    const picture = size && this.best(index, size);
    this.image.style.filter = filterOf(state.look.peek());
    if (!size || !picture) return false;
    const { scale, x, y } = camera.view.peek();
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.imageSmoothingEnabled = scale * devicePixelRatio < 3;
    context.imageSmoothingQuality = "medium";
    context.drawImage(picture, x, y, size.width * scale, size.height * scale);
    return true;
  }

  /** Return the picture that is wanted, or what is nearest to it until it comes. */
  private best(index: number, size: { width: number; height: number }): ImageBitmap | null {
    const { pictures } = this.page.actions;
    const { lowpass } = this.page.state.look.peek();
    const wanted = this.level(size);
    const order = levels(size)
      .map((_, level) => level)
      .sort((a, b) => Math.abs(a - wanted) - Math.abs(b - wanted));
    for (const level of order) {
      const picture = pictures.at({ index, level, lowpass });
      if (!picture) continue;
      this.last = { index, picture };
      return picture;
    }
    return this.last?.index === index ? this.last.picture : null;
  }

  private drawPicks(): void {
    const context = this.marks.getContext("2d")!;
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    const { width, height } = this.page.camera.screen;
    context.clearRect(0, 0, width, height);
    this.drawOverlay(context);
    const marked = this.marked();
    if (marked) drawMarks(context, marked);
    this.drawGesture(context);
    if (this.page.keyboard.peek()) drawCrosshair(context, width, height);
  }

  private drawOverlay(context: CanvasRenderingContext2D): void {
    const size = this.size();
    if (!this.overlay || !size) return;
    const { scale, x, y } = this.page.camera.view.peek();
    context.globalAlpha = this.page.state.look.peek().opacity;
    context.drawImage(this.overlay.map, x, y, size.width * scale, size.height * scale);
    context.globalAlpha = 1;
  }

  private marked(): Marked | null {
    const { state, camera } = this.page;
    const open = state.open.peek();
    const look = state.look.peek();
    if (!open || !look.picks) return null;
    const shown = state.shown.peek();
    const there = new Set(shown.map(({ id }) => id));
    const gesture = this.pointer.gesture.peek();
    const compared = state.comparing.peek() ? state.compared.peek() : null;
    const radius = state.diameter.peek() / 2 / state.pixelSize.peek();
    const reference = compared && { points: open.reference!, partner: compared.matched.partner, radius };
    return {
      view: camera.view.peek(),
      ...camera.screen,
      pixelSize: state.pixelSize.peek(),
      shown,
      weak: look.weak
        ? open.picks.filter(({ id, deleted, replaced }) => !deleted && !replaced && !there.has(id))
        : [],
      deleted: look.deleted ? open.picks.filter(({ deleted }) => deleted) : [],
      reference,
      selected: state.selection.peek(),
      hovered: state.hovered.peek()?.pick?.id ?? null,
      doomed: gesture.kind === "erase" ? gesture.ids : none,
      moving: gesture.kind === "move" ? gesture : null,
      boxPx: look.box ? state.boxPx.peek() : 0,
      classNumber: state.classNumber.peek(),
      faded: open.corrections.rejected,
    };
  }

  private drawGesture(context: CanvasRenderingContext2D): void {
    const gesture = this.pointer.gesture.peek();
    const view = this.page.camera.view.peek();
    context.strokeStyle = "#ffffff";
    context.lineWidth = 1.5;
    if (gesture.kind === "lasso") {
      const path = new Path2D();
      for (const point of gesture.path) {
        const { x, y } = toScreen(view, point);
        path.lineTo(x, y);
      }
      path.closePath();
      context.fillStyle = "rgb(255 255 255 / 8%)";
      context.fill(path);
      context.setLineDash([5, 4]);
      context.stroke(path);
      context.setLineDash([]);
    }
    const at = gesture.kind === "erase" ? gesture.at : this.page.state.hovered.peek()?.at;
    if (at && this.page.state.tool.peek() === "erase") {
      const { x, y } = toScreen(view, at);
      context.beginPath();
      context.arc(x, y, this.pointer.brush() * view.scale, 0, 2 * Math.PI);
      context.stroke();
    }
  }
}

function drawCrosshair(context: CanvasRenderingContext2D, width: number, height: number): void {
  const x = Math.round(width / 2) + 0.5;
  const y = Math.round(height / 2) + 0.5;
  const path = new Path2D();
  for (const [dx, dy] of [
    [1, 0],
    [-1, 0],
    [0, 1],
    [0, -1],
  ] as const) {
    path.moveTo(x + 5 * dx, y + 5 * dy);
    path.lineTo(x + 18 * dx, y + 18 * dy);
  }
  context.lineWidth = 3;
  context.strokeStyle = "rgb(0 0 0 / 60%)";
  context.stroke(path);
  context.lineWidth = 1;
  context.strokeStyle = "#ffffff";
  context.stroke(path);
}

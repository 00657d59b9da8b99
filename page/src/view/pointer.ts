/** What mouse, pen and fingers do on the micrograph. */

import { signal } from "@preact/signals";
import type { Actions } from "../actions";
import { pickAt, toImage, within } from "../logic/geometry";
import type { Pick, Point } from "../logic/picks";
import type { State } from "../state";
import type { Camera } from "./camera";

/** What is going on while a button is down. */
export type Gesture =
  | { readonly kind: "none" }
  | { readonly kind: "press"; readonly pick: Pick | null; readonly from: Point }
  | { readonly kind: "pan" }
  | {
      readonly kind: "move";
      readonly ids: ReadonlySet<string>;
      readonly from: Point;
      readonly dx: number;
      readonly dy: number;
    }
  | { readonly kind: "lasso"; readonly path: readonly Point[]; readonly adds: boolean }
  | { readonly kind: "erase"; readonly ids: ReadonlySet<string>; readonly at: Point };

/** Screen pixels beyond which a press is a drag. */
const SLIP = 4;
const MIN_TARGET = 8;

export class Pointer {
  readonly gesture = signal<Gesture>({ kind: "none" });
  private readonly state: State;
  private readonly actions: Actions;
  private readonly camera: Camera;
  private readonly element: HTMLElement;
  private readonly down = new Map<number, Point>();
  private spread = 0;
  spaceHeld = false;

  constructor(element: HTMLElement, state: State, actions: Actions, camera: Camera) {
    this.element = element;
    this.state = state;
    this.actions = actions;
    this.camera = camera;
    element.addEventListener("pointerdown", (event) => this.press(event));
    element.addEventListener("pointermove", (event) => this.drag(event));
    element.addEventListener("pointerup", (event) => this.release(event));
    element.addEventListener("pointercancel", (event) => this.cancel(event));
    element.addEventListener("pointerleave", () => {
      state.hovered.value = null;
    });
    element.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    element.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  /** How far around the eraser deletes, in pixels of the micrograph. */
  brush(): number {
    return Math.max(this.radius(), 6 / this.camera.view.peek().scale);
  }

  private press(event: PointerEvent): void {
    this.element.focus({ preventScroll: true });
    this.element.setPointerCapture(event.pointerId);
    const screen = this.onScreen(event);
    this.down.set(event.pointerId, screen);
    if (this.down.size === 2) {
      this.gesture.value = { kind: "pan" };
      this.spread = this.fingers().spread;
      return;
    }
    const { state } = this;
    const tool = state.tool.peek();
    if (event.button === 1 || this.spaceHeld || tool === "pan" || !state.open.peek()) {
      event.preventDefault();
      this.gesture.value = { kind: "pan" };
      return;
    }
    const at = toImage(this.camera.view.peek(), screen);
    const pick = this.pickAt(at);
    if (event.button === 2 || (event.button === 0 && event.altKey)) this.toggle(pick);
    else if (event.button !== 0) return;
    else if (tool === "lasso") this.gesture.value = { kind: "lasso", path: [at], adds: event.shiftKey };
    else if (tool === "erase") this.erase(at, new Set());
    else {
      if (pick) this.select(pick, event.shiftKey);
      this.gesture.value = { kind: "press", pick, from: screen };
    }
  }

  private drag(event: PointerEvent): void {
    const screen = this.onScreen(event);
    const before = this.down.get(event.pointerId);
    const at = toImage(this.camera.view.peek(), screen);
    if (before === undefined) {
      this.state.hovered.value = { at, pick: this.pickAt(at) };
      return;
    }
    this.down.set(event.pointerId, screen);
    if (this.down.size === 2) {
      this.pinch(screen, before);
      return;
    }
    const gesture = this.gesture.peek();
    if (gesture.kind === "press" && Math.hypot(screen.x - gesture.from.x, screen.y - gesture.from.y) > SLIP)
      this.begin(gesture.pick, gesture.from);
    this.go(screen, before, at);
  }

  /** Decide what a press becomes that has turned into a drag. */
  private begin(pick: Pick | null, start: Point): void {
    if (!pick || pick.deleted) this.gesture.value = { kind: "pan" };
    else {
      const from = toImage(this.camera.view.peek(), start);
      this.gesture.value = { kind: "move", ids: this.state.selection.peek(), from, dx: 0, dy: 0 };
    }
  }

  private go(screen: Point, before: Point, at: Point): void {
    const gesture = this.gesture.peek();
    if (gesture.kind === "pan") this.camera.pan(screen.x - before.x, screen.y - before.y);
    else if (gesture.kind === "move")
      this.gesture.value = { ...gesture, dx: at.x - gesture.from.x, dy: at.y - gesture.from.y };
    else if (gesture.kind === "lasso") this.gesture.value = { ...gesture, path: [...gesture.path, at] };
    else if (gesture.kind === "erase") this.erase(at, gesture.ids);
  }

  private release(event: PointerEvent): void {
    const last = this.onScreen(event);
    const several = this.down.size > 1;
    this.down.delete(event.pointerId);
    if (several) return;
    const gesture = this.gesture.peek();
    this.gesture.value = { kind: "none" };
    if (gesture.kind === "press") this.click(gesture.pick, last, event.shiftKey);
    else if (gesture.kind === "move") this.actions.move(this.actions.selected(), gesture.dx, gesture.dy);
    else if (gesture.kind === "lasso") this.enclose(gesture.path, gesture.adds);
    else if (gesture.kind === "erase")
      this.actions.remove(this.picks().filter(({ id }) => gesture.ids.has(id)));
  }

  private cancel(event: PointerEvent): void {
    this.down.delete(event.pointerId);
    this.gesture.value = { kind: "none" };
  }

  private click(pick: Pick | null, screen: Point, shift: boolean): void {
    const { state, actions } = this;
    if (pick?.deleted) actions.restore([pick]);
    else if (pick && !state.shown.peek().some(({ id }) => id === pick.id)) actions.add(pick);
    else if (!pick && state.selection.peek().size > 1) state.selection.value = new Set();
    else if (!pick && !shift) actions.add(toImage(this.camera.view.peek(), screen));
  }

  private toggle(pick: Pick | null): void {
    if (pick?.deleted) this.actions.restore([pick]);
    else if (pick) this.actions.remove([pick]);
  }

  private select(pick: Pick, shift: boolean): void {
    const { selection } = this.state;
    const ids = new Set(selection.peek());
    if (shift) {
      if (!ids.delete(pick.id)) ids.add(pick.id);
      selection.value = ids;
    } else if (!ids.has(pick.id)) selection.value = new Set([pick.id]);
  }

  private enclose(path: readonly Point[], adds: boolean): void {
    const inside = this.state.shown.peek().filter((pick) => within(path, pick));
    const before = adds ? this.state.selection.peek() : [];
    this.state.selection.value = new Set([...before, ...inside.map(({ id }) => id)]);
    if (inside.length) this.actions.notify(`${inside.length} selected. Delete removes them.`);
  }

  private erase(at: Point, before: ReadonlySet<string>): void {
    const reach = this.brush();
    const under = this.state.shown.peek().filter(({ x, y }) => Math.hypot(x - at.x, y - at.y) <= reach);
    this.gesture.value = { kind: "erase", ids: new Set([...before, ...under.map(({ id }) => id)]), at };
  }

  private wheel(event: WheelEvent): void {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    // Trackpads tell pinching as a wheel turned with the control key down, in small steps.
    const speed = event.ctrlKey ? 0.01 : 0.0018;
    this.camera.zoom(Math.exp(-event.deltaY * lines * speed), this.onScreen(event));
  }

  private pinch(screen: Point, before: Point): void {
    const { middle, spread } = this.fingers();
    this.camera.zoom(spread / (this.spread || spread), middle);
    this.camera.pan((screen.x - before.x) / 2, (screen.y - before.y) / 2);
    this.spread = spread;
  }

  private fingers(): { middle: Point; spread: number } {
    const [a, b] = [...this.down.values()] as [Point, Point];
    return { middle: { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 }, spread: Math.hypot(a.x - b.x, a.y - b.y) };
  }

  private pickAt(at: Point): Pick | null {
    const { scale } = this.camera.view.peek();
    const pixelSize = this.state.pixelSize.peek();
    const found = pickAt(
      this.picks(),
      at,
      (pick) => (pick.deleted ? 0 : pick.diameter / 2 / pixelSize),
      MIN_TARGET / scale,
    );
    return found ?? null;
  }

  /** Everything that is drawn and can be touched. */
  private picks(): Pick[] {
    const look = this.state.look.peek();
    if (!look.picks) return [];
    const shown = this.state.shown.peek();
    const ids = new Set(shown.map(({ id }) => id));
    const others = this.state.open.peek()?.picks.filter(({ id, deleted, replaced }) => {
      return !ids.has(id) && !replaced && (deleted ? look.deleted : look.weak);
    });
    return [...shown, ...(others ?? [])];
  }

  private radius(): number {
    return this.state.diameter.peek() / 2 / this.state.pixelSize.peek();
  }

  private onScreen(event: MouseEvent): Point {
    const { left, top } = this.element.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }
}

/** Return where the middle of the screen is in the micrograph. */
export function crosshair(camera: Camera): Point {
  return toImage(camera.view.peek(), camera.middle());
}

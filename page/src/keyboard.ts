/** Every key, what it does and how the help describes it: one table for both. */

import { BINS } from "./logic/histograms";
import type { Pick } from "./logic/picks";
import type { Page } from "./page";
import type { Look } from "./state";
import { crosshair } from "./view/pointer";

export interface Key {
  /** As `KeyboardEvent.key` names them, with `Ctrl+` before; several do the same. */
  readonly keys: readonly string[];
  readonly shown: string;
  readonly does: string;
  readonly run: (page: Page, event: KeyboardEvent) => void;
  /** Whether it does something on the canvas, so that it must not act while the gallery covers that. */
  readonly onCanvas?: boolean;
}

export interface KeyGroup {
  readonly title: string;
  readonly keys: readonly Key[];
}

const PAN = 80;

function key(keys: string, shown: string, does: string, run: Key["run"]): Key {
  return { keys: keys.split(" "), shown, does, run };
}

function onCanvas(one: Key): Key {
  return { ...one, onCanvas: true };
}

const flip =
  (what: { [K in keyof Look]: Look[K] extends boolean ? K : never }[keyof Look]) =>
  ({ state, actions }: Page): void =>
    actions.setLook({ [what]: !state.look.peek()[what] });

const arrow = ({ state, actions, camera }: Page, x: number, y: number, { shiftKey }: KeyboardEvent): void => {
  if (state.mode.peek() !== "micrograph") return;
  const selected = actions.selected().filter(({ deleted }) => !deleted);
  const step = shiftKey ? 10 : 1;
  if (state.look.peek().picks && selected.length) actions.move(selected, x * step, y * step);
  else camera.pan(-x * PAN * (shiftKey ? 4 : 1), -y * PAN * (shiftKey ? 4 : 1));
};

/** Select the next pick by score, the weakest first, and show it. */
function nextPick({ state, actions, camera }: Page, by: 1 | -1): void {
  const picks = [...state.shown.peek()].sort((a, b) => a.score - b.score);
  const at = picks.findIndex(({ id }) => state.selection.peek().has(id));
  const next: Pick | undefined =
    picks[at < 0 ? (by > 0 ? 0 : picks.length - 1) : (at + by + picks.length) % picks.length];
  if (!next) return;
  state.selection.value = new Set([next.id]);
  camera.reveal(next);
  const score = next.added || next.moved ? "placed manually" : `score ${next.score.toFixed(3)}`;
  actions.announce(`Pick ${picks.indexOf(next) + 1} of ${picks.length}, ${score}`);
}

const nextUnchecked = ({ state, actions }: Page): void =>
  actions.seek((i) => !state.table.peek().looked_at[i] && state.known(i), "is unchecked");
const nextOutlier = ({ state, actions }: Page): void =>
  actions.seek((i) => Boolean(state.table.peek().outlier[i] || state.table.peek().error[i]), "is an outlier");

export const GROUPS: readonly KeyGroup[] = [
  {
    title: "Micrographs",
    keys: [
      key("j PageDown", "J or Page ↓", "next in the list", ({ actions }) => actions.step(1)),
      key("k PageUp", "K or Page ↑", "previous", ({ actions }) => actions.step(-1)),
      key("Enter", "Enter", "mark as checked and go to the next", ({ actions }) => {
        actions.check(true);
        actions.step(1);
      }),
      key("u", "U", "next unchecked", nextUnchecked),
      key("w", "W", "next outlier", nextOutlier),
      key("r", "R", "reject, or accept again", ({ actions }) => actions.reject()),
      key("/", "/", "search by name", () => document.getElementById("search")?.focus()),
    ],
  },
  {
    title: "Picks",
    keys: [
      onCanvas(
        key("a Insert", "A", "add at the crosshair in the middle", ({ actions, camera }) =>
          actions.add(crosshair(camera)),
        ),
      ),
      onCanvas(key("n", "N", "next pick, lowest score first", (page) => nextPick(page, 1))),
      onCanvas(key("N", "Shift N", "previous pick", (page) => nextPick(page, -1))),
      key("Delete Backspace x", "Del or X", "delete the selected picks", ({ state, actions }) =>
        state.mode.peek() === "particles" ? actions.markChosen(true) : actions.remove(actions.selected()),
      ),
      key(
        "y",
        "Y",
        "restore deleted picks: all of this micrograph, or those selected",
        ({ state, actions }) =>
          state.mode.peek() === "particles"
            ? actions.markChosen(false)
            : actions.restore(state.open.peek()?.picks ?? []),
      ),
      onCanvas(key("Ctrl+a", "Ctrl A", "select all", ({ actions }) => actions.selectAll())),
      onCanvas(
        key("g", "G", "select all in view", ({ actions, camera }) =>
          actions.selectAll((pick) => camera.shows(pick)),
        ),
      ),
      key("Escape", "Esc", "clear the selection; leave the gallery", ({ state }) => {
        if (state.mode.peek() === "micrograph") state.selection.value = new Set();
        else if (state.chosen.peek().size) state.chosen.value = new Map();
        else state.mode.value = "micrograph";
      }),
      key("Ctrl+z", "Ctrl Z", "undo", ({ actions }) => actions.undo()),
      key("Ctrl+y Ctrl+Z", "Ctrl Shift Z", "redo", ({ actions }) => actions.redo()),
    ],
  },
  {
    title: "Tools",
    keys: [
      key("v", "V", "add, select, move", ({ state }) => {
        state.tool.value = "edit";
      }),
      key("l", "L", "lasso", ({ state }) => {
        state.tool.value = "lasso";
      }),
      key("e", "E", "eraser", ({ state }) => {
        state.tool.value = "erase";
      }),
      key("h", "H", "pan; also with the space bar or middle button held", ({ state }) => {
        state.tool.value = "pan";
      }),
    ],
  },
  {
    title: "View",
    keys: [
      key("z", "Z", "micrograph, or gallery of particles", ({ state }) => {
        state.mode.value = state.mode.peek() === "micrograph" ? "particles" : "micrograph";
      }),
      key("ArrowLeft", "← → ↑ ↓", "pan, or nudge the selected picks; Shift for larger steps", (page, event) =>
        arrow(page, -1, 0, event),
      ),
      key("ArrowRight", "", "", (page, event) => arrow(page, 1, 0, event)),
      key("ArrowUp", "", "", (page, event) => arrow(page, 0, -1, event)),
      key("ArrowDown", "", "", (page, event) => arrow(page, 0, 1, event)),
      key("Z", "Shift Z", "2D class averages", ({ state, actions }) =>
        actions.openClasses(!state.classesOpen.peek()),
      ),
      key("+ =", "+", "zoom in", ({ camera }) => camera.zoom(1.3)),
      key("-", "−", "zoom out", ({ camera }) => camera.zoom(1 / 1.3)),
      key("0", "0", "whole micrograph", ({ camera }) => camera.fit()),
      key("1", "1", "100 %, one pixel per screen pixel", ({ camera }) => camera.zoomTo(1)),
      key("c", "C", "more contrast; Shift for less", ({ state, actions }) =>
        actions.setLook({ contrast: Math.min(5, state.look.peek().contrast * 1.15) }),
      ),
      key("C", "", "", ({ state, actions }) =>
        actions.setLook({ contrast: Math.max(0.2, state.look.peek().contrast / 1.15) }),
      ),
      key("b", "B", "brighter; Shift for darker", ({ state, actions }) =>
        actions.setLook({ brightness: Math.min(2, state.look.peek().brightness + 0.1) }),
      ),
      key("B", "", "", ({ state, actions }) =>
        actions.setLook({ brightness: Math.max(-2, state.look.peek().brightness - 0.1) }),
      ),
      key("i", "I", "invert", flip("inverted")),
    ],
  },
  {
    title: "Markers",
    keys: [
      key("m", "M", "show or hide picks", flip("picks")),
      key("f", "F", "candidates below the threshold", flip("weak")),
      key("d", "D", "deleted picks", flip("deleted")),
      key("s", "S", "compare with the reference", flip("compare")),
      key("o", "O", "box", flip("box")),
      key("p", "P", "particle map", ({ state, actions }) =>
        actions.setLook({ overlay: state.look.peek().overlay === "particle" ? null : "particle" }),
      ),
      key("q", "Q", "contamination map", ({ state, actions }) =>
        actions.setLook({ overlay: state.look.peek().overlay === "contamination" ? null : "contamination" }),
      ),
    ],
  },
  {
    title: "Run",
    keys: [
      key("[", "[ and ]", "lower, raise the threshold", ({ state, actions }) =>
        actions.setThreshold(state.threshold.peek() - 1 / BINS),
      ),
      key("]", "", "", ({ state, actions }) => actions.setThreshold(state.threshold.peek() + 1 / BINS)),
      key("{", "{ and }", "the same, in larger steps", ({ state, actions }) =>
        actions.setThreshold(state.threshold.peek() - 10 / BINS),
      ),
      key("}", "", "", ({ state, actions }) => actions.setThreshold(state.threshold.peek() + 10 / BINS)),
      key(
        "Ctrl+Enter",
        "Ctrl Enter",
        "apply this threshold to the run",
        ({ actions }) => void actions.applyThreshold(),
      ),
      key("t", "T", "fine-tune the network", ({ state }) => {
        state.dialog.value = "fine-tuning";
      }),
      key("X", "Shift X", "export", ({ state }) => {
        state.dialog.value = "export";
      }),
      key("?", "?", "this help", ({ state }) => {
        state.dialog.value = "help";
      }),
    ],
  },
];

const byName = new Map(
  GROUPS.flatMap(({ keys }) => keys).flatMap((one) => one.keys.map((name) => [name, one])),
);

/** Return a key's name as the table has it. */
export function nameOf({ key: pressed, ctrlKey, metaKey }: Pressed): string {
  return ctrlKey || metaKey ? `Ctrl+${pressed}` : pressed;
}

type Pressed = { key: string; ctrlKey: boolean; metaKey: boolean };

/** Listen to keys for as long as the page lives. */
export function listen(page: Page): void {
  document.addEventListener("keydown", (event) => {
    if (page.state.dialog.peek() || event.altKey || belongs(event)) return;
    if (event.key === " " && !activates(event.target)) {
      if (page.pointer) page.pointer.spaceHeld = true;
      event.preventDefault();
      return;
    }
    if (activates(event.target) && ["Enter", " "].includes(event.key)) return;
    const found = byName.get(nameOf(event));
    if (!found || (found.onCanvas && page.state.mode.peek() !== "micrograph")) return;
    event.preventDefault();
    page.keyboard.value = document.activeElement?.id === "view";
    found.run(page, event);
  });
  document.addEventListener("keyup", (event) => {
    if (event.key === " " && page.pointer) page.pointer.spaceHeld = false;
  });
  document.addEventListener("pointerdown", () => {
    page.keyboard.value = false;
  });
  document.getElementById("view")?.addEventListener("focus", ({ target }) => {
    page.keyboard.value = (target as Element).matches(":focus-visible");
  });
}

/** Whether a key means something to what it was pressed in: text everywhere, and where a slider stands. */
function belongs({ target, key: pressed }: KeyboardEvent): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.matches("input[type=range], [role=listbox]")) return /^(Arrow|Page|Home|End)/.test(pressed);
  return target.matches("input:not([type=checkbox]), select, textarea");
}

/** Whether the enter key and the space bar press what is here. */
function activates(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches("button, summary, a, input[type=checkbox]");
}

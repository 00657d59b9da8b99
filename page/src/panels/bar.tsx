/** The bar above: what run this is, whether all is saved, and what can be done with it. */

import type { Saving } from "../autosave";
import type { Page } from "../page";
import type { Mode, Tool } from "../state";
import { number } from "./parts";

const TOOLS: [Tool, string, string, string][] = [
  ["edit", "Edit", "V", "Click to add, drag to move, right-click to delete"],
  ["lasso", "Lasso", "L", "Draw around picks to select them, then Delete"],
  ["erase", "Erase", "E", "Sweep over picks to delete them"],
  ["pan", "Pan", "H", "Drag to pan"],
];

const MODES: [Mode, string, string][] = [
  ["micrograph", "Micrograph", "The micrograph with its picks (Z)"],
  ["particles", "Particles", "Gallery of single particles, sorted by score (Z)"],
];

export function Bar({ page }: { page: Page }) {
  const { state, actions } = page;
  const { past, future } = state.history.value;
  const open = (dialog: "help" | "export" | "fine-tuning") => () => {
    state.dialog.value = dialog;
  };
  return (
    <header class="bar">
      <span class="logo">cryoglean</span>
      <fieldset class="group joined" aria-label="Show">
        {MODES.map(([mode, label, title]) => (
          <button
            key={mode}
            type="button"
            aria-pressed={state.mode.value === mode}
            title={title}
            onClick={() => {
              state.mode.value = mode;
            }}
          >
            {label}
          </button>
        ))}
      </fieldset>
      {state.run.value.classes_made !== null && (
        <button
          type="button"
          aria-pressed={state.classesOpen.value}
          title="2D class averages of the picks (Shift Z)"
          onClick={() => actions.openClasses(!state.classesOpen.value)}
        >
          Classes
        </button>
      )}
      <div class="group" role="toolbar" aria-label="Tools" hidden={state.mode.value !== "micrograph"}>
        {TOOLS.map(([tool, label, key, does]) => (
          <button
            key={tool}
            type="button"
            aria-pressed={state.tool.value === tool}
            title={`${does} (${key})`}
            onClick={() => {
              state.tool.value = tool;
            }}
          >
            {label}
          </button>
        ))}
      </div>
      <div class="group">
        <button
          type="button"
          disabled={!past.length}
          title={past.length ? `Undo: ${past.at(-1)!.label} (Ctrl Z)` : "Undo (Ctrl Z)"}
          onClick={() => actions.undo()}
        >
          Undo
        </button>
        <button
          type="button"
          disabled={!future.length}
          title={future.length ? `Redo: ${future.at(-1)!.label} (Ctrl Shift Z)` : "Redo (Ctrl Shift Z)"}
          onClick={() => actions.redo()}
        >
          Redo
        </button>
      </div>
      <SaveState page={page} />
      <div class="group end">
        <button
          type="button"
          onClick={open("fine-tuning")}
          title="Fine-tune the network with your corrections (T)"
        >
          Fine-tune
        </button>
        <button type="button" onClick={open("export")} title="Export picks (Shift X)">
          Export
        </button>
        <button
          type="button"
          class="icon"
          onClick={open("help")}
          aria-label="Help"
          title="Keyboard and mouse (?)"
        >
          ?
        </button>
      </div>
    </header>
  );
}

function SaveState({ page: { state, actions } }: { page: Page }) {
  const saving = state.saving.value;
  const away = saving.state === "saved" && !state.online.value;
  return (
    <span class={`saving ${away ? "offline" : saving.state}`} role="status" id="saving">
      {away ? "No answer from cryoglean" : sentence(saving)}
      {(saving.state === "offline" || saving.state === "refused") && (
        <button type="button" class="link" onClick={() => void actions.autosave.now()}>
          try again
        </button>
      )}
    </span>
  );
}

function sentence(saving: Saving): string {
  if (saving.state === "saved") return "Saved";
  if (saving.state === "saving") return "Saving…";
  const kept = `${number(saving.waiting)} unsaved, kept in this browser`;
  return saving.state === "offline" ? `Offline: ${kept}` : `Not saved: ${saving.reason}`;
}

export function StatusLine({ page: { state, camera } }: { page: Page }) {
  const hovered = state.hovered.value;
  const selected = state.selection.value;
  const notice = state.notice.value;
  const pick =
    hovered?.pick ??
    (selected.size === 1 ? state.open.value?.picks.find(({ id }) => selected.has(id)) : null);
  return (
    <footer class="status">
      <span class="where">{hovered && `x ${hovered.at.x.toFixed(0)}  y ${hovered.at.y.toFixed(0)} px`}</span>
      <span class="pick">
        {pick &&
          `${pick.kind === "particle" ? "pick" : `${pick.kind} view`} · ${pick.added ? "added by hand" : `score ${pick.score.toFixed(3)}${pick.moved ? ", moved" : ""}${pick.deleted ? ", deleted" : ""}`} · ⌀ ${pick.diameter.toFixed(0)} Å`}
      </span>
      <span>{selected.size > 1 && `${number(selected.size)} selected`}</span>
      <span class={notice?.bad ? "notice bad" : "notice"} role={notice?.bad ? "alert" : "status"}>
        {notice?.text}
      </span>
      <span class="zoom">{(100 * camera.view.value.scale).toFixed(0)} %</span>
    </footer>
  );
}

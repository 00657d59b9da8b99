/** The gallery of single particles sorted by score: of one micrograph, or of several over the whole run. */

import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { byScore, keyOf, layout, neighbour, type Particle, spread } from "../logic/gallery";
import { rowsShown } from "../logic/listing";
import { counts } from "../logic/picks";
import type { Page } from "../page";
import type { GalleryLook } from "../state";
import { drawTile } from "../view/tile";
import { counted, number } from "./parts";

/** Particles of a large run come from so many of its micrographs, each of which has to be read. */
const MAX_MICROGRAPHS = 24;
const TILE_PX = 92;
const GAP_PX = 8;
const CAPTION_PX = 20;

export function Gallery({ page }: { page: Page }) {
  const { state, actions } = page;
  const loaded = useSignal(0);
  const problem = useSignal<string | null>(null);
  const usable = useComputed(() => {
    const { state: states, rejected } = state.table.value;
    return states.flatMap((one, index) => (one === "done" && !rejected[index] ? [index] : []));
  });
  const sources = useComputed(() =>
    state.gallery.value.scope === "micrograph"
      ? [state.current.value].filter((index) => state.known(index))
      : spread(usable.value, MAX_MICROGRAPHS),
  );
  const wanted = sources.value.join();
  useEffect(() => {
    problem.value = null;
    actions.loadAll(sources.peek()).then(
      () => {
        loaded.value++;
      },
      (error: Error) => {
        problem.value = error.message;
      },
    );
  }, [wanted]);
  const all = useComputed(() => {
    loaded.value;
    state.counted.value;
    state.open.value;
    const apart = state.classNumber.value;
    const particles = sources.value.flatMap((index) =>
      (actions.picksOf(index)?.picks ?? [])
        .filter(({ replaced, classNumber }) => !replaced && (apart === null || classNumber === apart))
        .map((pick): Particle => ({ index, pick })),
    );
    return byScore(particles, state.gallery.value.ascending);
  });
  const particles = useComputed(() => {
    const at = state.threshold.value;
    return state.gallery.value.weak
      ? all.value
      : all.value.filter(({ pick }) => counts({ ...pick, deleted: false }, at));
  });
  return (
    <section class="gallery" aria-label="Particles">
      <Toolbar
        page={page}
        sampled={sources.value.length}
        usable={usable.value.length}
        shown={particles.value}
      />
      {problem.value && (
        <p class="trouble" role="alert">
          {problem.value}
        </p>
      )}
      <Tiles page={page} particles={particles.value} />
    </section>
  );
}

function Toolbar(props: { page: Page; sampled: number; usable: number; shown: readonly Particle[] }) {
  const { state, actions } = props.page;
  const look = state.gallery.value;
  const chosen = state.chosen.value;
  const set = (change: Partial<GalleryLook>) => () => {
    state.gallery.value = { ...look, ...change };
  };
  const part =
    look.scope === "run" && props.sampled < props.usable
      ? ` of ${props.sampled} micrographs over the run`
      : "";
  return (
    <header class="gallery-head">
      <fieldset class="group joined" aria-label="Particles of">
        <button
          type="button"
          aria-pressed={look.scope === "micrograph"}
          onClick={set({ scope: "micrograph" })}
        >
          This micrograph
        </button>
        <button type="button" aria-pressed={look.scope === "run"} onClick={set({ scope: "run" })}>
          Whole run
        </button>
      </fieldset>
      <button type="button" onClick={set({ ascending: !look.ascending })} title="Reverse the order">
        {look.ascending ? "Lowest score first" : "Highest score first"}
      </button>
      <label class="check">
        <input type="checkbox" checked={look.weak} onChange={set({ weak: !look.weak })} />
        <span>Below threshold</span>
      </label>
      <p class="quiet gallery-count" role="status">
        {counted(props.shown.length, "particle")}
        {state.classNumber.value !== null && ` of class ${state.classNumber.value}`}
        {part}
      </p>
      <fieldset class="group" aria-label="Selected particles">
        <span class="quiet">{chosen.size > 0 ? `${number(chosen.size)} selected` : "Click to select"}</span>
        <button
          type="button"
          disabled={!chosen.size}
          title="Delete the selected picks (Del)"
          onClick={() => actions.markChosen(true)}
        >
          Delete
        </button>
        <button
          type="button"
          disabled={!chosen.size}
          title="Restore the selected picks (Y)"
          onClick={() => actions.markChosen(false)}
        >
          Restore
        </button>
      </fieldset>
    </header>
  );
}

function Tiles({ page, particles }: { page: Page; particles: readonly Particle[] }) {
  const { state, actions } = page;
  const box = useRef<HTMLDivElement>(null);
  const scrolled = useSignal(0);
  const size = useSignal({ width: 800, height: 600 });
  const active = useSignal(0);
  useEffect(() => {
    const sizes = new ResizeObserver(([entry]) => {
      size.value = entry!.contentRect;
    });
    sizes.observe(box.current!);
    box.current!.focus({ preventScroll: true });
    return () => sizes.disconnect();
  }, []);
  const grid = layout(size.value.width, particles.length, TILE_PX, GAP_PX, CAPTION_PX);
  const rows = Math.ceil(particles.length / grid.columns);
  const [first, last] = rowsShown(scrolled.value, size.value.height, grid.stepY, rows, 1);
  const go = (to: number): void => {
    active.value = to;
    const top = Math.floor(to / grid.columns) * grid.stepY;
    const { scrollTop, clientHeight } = box.current!;
    if (top < scrollTop) box.current!.scrollTop = top;
    else if (top + grid.stepY > scrollTop + clientHeight)
      box.current!.scrollTop = top + grid.stepY - clientHeight;
  };
  const toggle = (at: number, range: boolean): void => {
    const [from, to] = range ? [Math.min(active.value, at), Math.max(active.value, at)] : [at, at];
    const some = particles.slice(from, to + 1);
    actions.choose(some, range || !state.chosen.peek().has(keyOf(particles[at]!)));
    active.value = at;
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const here = particles[active.value];
    if (!here || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " ") toggle(active.value, false);
    else if (event.key === "Enter") void page.reveal(here);
    else if (/^(Arrow|Home$|End$)/.test(event.key))
      go(neighbour(active.value, event.key, grid.columns, particles.length));
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const shown = particles.slice(first * grid.columns, last * grid.columns);
  return (
    <div
      ref={box}
      class="tiles"
      id="tiles"
      tabIndex={0}
      role="listbox"
      aria-multiselectable
      aria-label="Particles by score"
      aria-activedescendant={particles.length ? `tile-${active.value}` : undefined}
      onScroll={({ currentTarget }) => {
        scrolled.value = currentTarget.scrollTop;
      }}
      onKeyDown={onKeyDown}
    >
      {particles.length === 0 && <p class="nothing">No particles at this threshold.</p>}
      <div class="all-rows" style={{ height: `${grid.height}px` }}>
        {shown.map((particle, i) => {
          const at = first * grid.columns + i;
          return (
            <Tile
              key={keyOf(particle)}
              page={page}
              particle={particle}
              at={at}
              all={particles.length}
              side={grid.stepX - GAP_PX}
              left={(at % grid.columns) * grid.stepX}
              top={Math.floor(at / grid.columns) * grid.stepY}
              active={at === active.value}
              onChoose={(range) => toggle(at, range)}
            />
          );
        })}
      </div>
    </div>
  );
}

function Tile(props: {
  page: Page;
  particle: Particle;
  at: number;
  all: number;
  side: number;
  left: number;
  top: number;
  active: boolean;
  onChoose: (range: boolean) => void;
}) {
  const { page, particle, side } = props;
  const { state, actions } = page;
  const { index, pick } = particle;
  const canvas = useRef<HTMLCanvasElement>(null);
  const { lowpass } = state.look.value;
  useEffect(() => {
    let gone = false;
    drawTile(page, particle, canvas.current!, side, () => gone);
    return () => {
      gone = true;
    };
  }, [index, pick.x, pick.y, side, lowpass]);
  const chosen = state.chosen.value.has(keyOf(particle));
  const manual = pick.added || pick.moved;
  const text = manual ? "manual" : pick.score.toFixed(2);
  const name = state.table.value.name[index]!;
  const below = !counts({ ...pick, deleted: false }, state.threshold.value);
  const kinds = [
    "tile",
    chosen && "chosen",
    pick.deleted && "deleted",
    below && "below",
    props.active && "active",
  ];
  return (
    <div
      id={`tile-${props.at}`}
      class={kinds.filter(Boolean).join(" ")}
      role="option"
      aria-selected={chosen}
      aria-setsize={props.all}
      aria-posinset={props.at + 1}
      aria-label={`${pick.deleted ? "deleted, " : ""}${manual ? "placed manually" : `score ${text}`}, ${name}`}
      title={`${name}\nx ${pick.x.toFixed(0)}  y ${pick.y.toFixed(0)} px${below ? "\nbelow the threshold" : ""}\nDouble-click to show it on the micrograph`}
      style={{ width: `${side}px`, transform: `translate(${props.left}px, ${props.top}px)` }}
      onClick={({ shiftKey }) => props.onChoose(shiftKey)}
      onDblClick={() => void page.reveal(particle)}
      onContextMenu={(event) => {
        event.preventDefault();
        actions.mark(new Map([[index, [pick]]]), !pick.deleted);
      }}
    >
      <canvas ref={canvas} style={{ width: `${side}px`, height: `${side}px` }} />
      <span>{text}</span>
    </div>
  );
}

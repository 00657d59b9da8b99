/** Everything that can be done on the page, by pointer or by key. */

import { batch } from "@preact/signals";
import {
  type Api,
  type ClassReply,
  type CorrectionsReply,
  type CorrectionsState,
  type MicrographPicks,
  type Operation,
  type Priority,
  Unreachable,
} from "./api";
import { Autosave } from "./autosave";
import { keyOf, type Particle } from "./logic/gallery";
import { fitted, levelFor } from "./logic/geometry";
import { atEdge, Histograms } from "./logic/histograms";
import { type Change, change, redo, remember, type Step, undo } from "./logic/history";
import {
  allDone,
  type Candidate,
  type Corrections,
  combine,
  countedScores,
  type Pick,
  type Point,
  removal,
  untouched,
} from "./logic/picks";
import { finest, levels, Pictures } from "./pictures";
import type { Look, Open, State } from "./state";

/** A micrograph as the server has it. */
interface Loaded {
  readonly candidates: readonly Candidate[];
  readonly reference: readonly Point[] | null;
  readonly corrections: Corrections;
  readonly revision: number;
}

const MAX_LOADED = 100;
const MAX_AT_ONCE = 8;
const POLL_MS = 2000;
const SETTLE_MS = 250;

export class Actions {
  readonly pictures: Pictures;
  readonly autosave: Autosave;
  private readonly api: Api;
  private readonly state: State;
  private readonly loaded = new Map<number, Loaded>();
  private readonly coming = new Map<number, Promise<Loaded>>();
  private revision: number;
  private notBefore = 0;
  private settling: ReturnType<typeof setTimeout> | undefined;
  private noticing: ReturnType<typeof setTimeout> | undefined;
  /** At what scale micrographs are seen, so that those ahead are fetched in the size that will be needed. */
  private scale = 0.25;

  constructor(api: Api, state: State) {
    this.api = api;
    this.state = state;
    this.pictures = new Pictures(api);
    this.revision = Math.min(state.run.peek().revision, state.table.peek().revision);
    const prefix = `cryoglean:unsaved:${state.run.peek().folder}:`;
    const key = prefix + crypto.randomUUID();
    this.autosave = new Autosave({
      send: (index, operations) => this.api.correct(index, this.baseOf(index), operations),
      saved: (index, reply) => this.takeReply(index, reply),
      reported: (saving) => {
        state.saving.value = saving;
      },
      store: localStorage,
      key,
    });
    void this.adoptUnsaved(prefix, key);
  }

  // Navigation -------------------------------------------------------------------

  /** Show a micrograph; resolves when its picks are there. */
  async show(index: number): Promise<void> {
    const { state } = this;
    if (index < 0 || index >= state.table.peek().name.length) return;
    const same = state.current.peek() === index;
    const there = this.loaded.get(index);
    batch(() => {
      state.current.value = index;
      if (!same) {
        state.selection.value = new Set();
        state.hovered.value = null;
      }
      state.trouble.value = null;
      state.open.value = there ? this.opened(index, there) : null;
    });
    window.history.replaceState(null, "", `#${encodeURIComponent(state.table.peek().name[index]!)}`);
    const error = state.table.peek().error[index];
    if (error) state.trouble.value = error;
    try {
      const loaded = there ?? (await this.load(index));
      if (state.current.peek() !== index) return;
      if (!there) state.open.value = this.opened(index, loaded);
      if (!same) this.announceSelection();
    } catch (problem) {
      if (state.current.peek() === index) state.trouble.value = String((problem as Error).message);
    }
  }

  /** Go so many rows down the list. */
  step(by: number): void {
    const rows = this.state.rows.peek();
    const at = rows.indexOf(this.state.current.peek());
    const to = at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + by));
    if (rows[to] !== undefined && rows[to] !== this.state.current.peek()) void this.show(rows[to]);
  }

  /** Go to the next micrograph of the list for which something holds, around the end. */
  seek(holds: (index: number) => boolean, what: string): void {
    const rows = this.state.rows.peek();
    const at = rows.indexOf(this.state.current.peek());
    const next = [...rows.slice(at + 1), ...rows.slice(0, at + 1)].find(holds);
    if (next === undefined) this.notify(`No micrograph in the list ${what}.`);
    else void this.show(next);
  }

  /** Remember at what scale micrographs are seen. */
  setScale(scale: number): void {
    this.scale = scale;
  }

  /** Fetch what will be looked at next, once what is looked at now is there. */
  prefetchNeighbours(): void {
    const { state } = this;
    const rows = state.rows.peek();
    const at = rows.indexOf(state.current.peek());
    if (at < 0) return;
    for (const ahead of [1, -1, 2]) {
      const index = rows[at + ahead];
      if (index !== undefined) this.prefetch(index);
    }
  }

  /** Fetch what will be looked at first while the page is put together, whose size is much of the window's. */
  prefetchFirst(index: number): void {
    const { width, height } = this.state.table.peek();
    const size = { width: width[index] || 1, height: height[index] || 1 };
    const screen = { width: window.innerWidth, height: window.innerHeight };
    this.setScale(fitted(size, screen).scale * devicePixelRatio);
    this.prefetch(index, "high");
  }

  private prefetch(index: number, priority: Priority = "low"): void {
    const { state } = this;
    const size = { width: state.table.peek().width[index]!, height: state.table.peek().height[index]! };
    if (!state.known(index) || !size.width) return;
    void this.load(index).catch(() => {});
    const sizes = levels(size);
    const level = Math.max(finest(sizes), levelFor(this.scale, sizes.length));
    void this.pictures.get({ index, level, lowpass: state.look.peek().lowpass }, priority).catch(() => {});
  }

  /** Return the picks of a micrograph with what was made of them, null until they are loaded. */
  picksOf(index: number): Open | null {
    const there = this.loaded.get(index);
    return there ? this.opened(index, there) : null;
  }

  /** Load the picks of micrographs that are not on the canvas. */
  async loadAll(indices: readonly number[]): Promise<void> {
    await Promise.all(indices.map((index) => this.load(index)));
  }

  private async load(index: number): Promise<Loaded> {
    const there = this.loaded.get(index) ?? this.coming.get(index);
    if (there) return there;
    const coming = this.api.picks(index).then((picks) => this.loadedFrom(picks));
    this.coming.set(index, coming);
    try {
      const loaded = await coming;
      this.loaded.set(index, loaded);
      for (const oldest of this.loaded.keys()) {
        if (this.loaded.size <= MAX_LOADED) break;
        if (oldest !== this.state.current.peek()) this.loaded.delete(oldest);
      }
      return loaded;
    } finally {
      this.coming.delete(index);
    }
  }

  private loadedFrom({ candidates, reference, corrections, revision }: MicrographPicks): Loaded {
    const diameter = this.state.run.peek().diameter ?? Number.NaN;
    return {
      candidates: candidates.id.map((id, i) => ({
        id,
        x: candidates.x[i]!,
        y: candidates.y[i]!,
        score: candidates.score[i]!,
        diameter: candidates.diameter[i] ?? diameter,
        kind: candidates.kind[i]!,
        classNumber: candidates.class_number[i]!,
      })),
      reference: reference ? reference.x.map((x, i) => ({ x, y: reference.y[i]! })) : null,
      corrections: correctionsOf(corrections),
      revision,
    };
  }

  private opened(index: number, { candidates, reference, corrections: saved }: Loaded): Open {
    const corrections = allDone(saved, this.autosave.unsaved(index));
    const pixelSize = this.state.table.peek().pixel_size[index] ?? 1;
    const known = this.state.run.peek().diameter;
    const picks = combine(candidates, corrections, known ?? candidates[0]?.diameter ?? 100, pixelSize);
    return { index, candidates, corrections, picks, reference };
  }

  // Correcting ---------------------------------------------------------------------------------------------

  add(at: Point): void {
    const { width, height } = this.size();
    if (at.x < -0.5 || at.y < -0.5 || at.x > width - 0.5 || at.y > height - 0.5) return;
    const id = crypto.randomUUID();
    this.act("add a pick", [{ op: "add", id, x: rounded(at.x), y: rounded(at.y) }]);
    this.state.selection.value = new Set([id]);
  }

  remove(picks: readonly Pick[]): void {
    const there = picks.filter(({ deleted }) => !deleted);
    if (!there.length) return;
    this.act(there.length === 1 ? "delete a pick" : `delete ${there.length} picks`, there.map(removal));
    this.state.selection.value = new Set();
  }

  /** Delete picks of several micrographs at once, or restore them; it does not say that anybody checked them. */
  mark(chosen: ReadonlyMap<number, readonly Pick[]>, deleted: boolean): void {
    const changes: Change[] = [];
    let total = 0;
    for (const [index, picks] of chosen) {
      const open = this.picksOf(index);
      const operations = picks
        .filter((pick) => pick.deleted !== deleted)
        .map((pick): Operation => (deleted ? removal(pick) : { op: "restore", id: pick.id }));
      if (open && operations.length) changes.push(change(index, open.corrections, operations));
      total += operations.length;
    }
    if (!changes.length) return;
    this.take(`${deleted ? "delete" : "restore"} ${total === 1 ? "a pick" : `${total} picks`}`, changes);
  }

  /** Delete or restore the particles that are selected in the gallery. */
  markChosen(deleted: boolean): void {
    const chosen = new Map<number, Pick[]>();
    const now = new Map<number, ReadonlyMap<string, Pick>>();
    for (const { index, pick } of this.state.chosen.peek().values()) {
      if (!now.has(index))
        now.set(index, new Map(this.picksOf(index)?.picks.map((one) => [one.id, one]) ?? []));
      const there = now.get(index)!.get(pick.id);
      if (there) chosen.set(index, [...(chosen.get(index) ?? []), there]);
    }
    this.mark(chosen, deleted);
    this.state.chosen.value = new Map();
  }

  /** Select particles in the gallery, or no longer. */
  choose(particles: readonly Particle[], selected: boolean): void {
    const chosen = new Map(this.state.chosen.peek());
    for (const particle of particles)
      if (selected) chosen.set(keyOf(particle), particle);
      else chosen.delete(keyOf(particle));
    this.state.chosen.value = chosen;
  }

  restore(picks: readonly Pick[]): void {
    const gone = picks.filter(({ deleted }) => deleted);
    if (gone.length)
      this.act(
        gone.length === 1 ? "restore a pick" : `restore ${gone.length} picks`,
        gone.map(({ id }) => ({ op: "restore", id })),
      );
  }

  /** Move picks by so many pixels, none of them out of the micrograph. */
  move(picks: readonly Pick[], dx: number, dy: number): void {
    const { width, height } = this.size();
    const within = (value: number, most: number): number =>
      rounded(Math.min(most - 0.5, Math.max(-0.5, value)));
    const operations = picks.map(({ id, x, y }): Operation => {
      return { op: "move", id, x: within(x + dx, width), y: within(y + dy, height) };
    });
    if (operations.length && (dx || dy))
      this.act(picks.length === 1 ? "move a pick" : "move picks", operations);
  }

  reject(): void {
    const open = this.state.open.peek();
    if (!open) return;
    const value = !open.corrections.rejected;
    this.act(value ? "reject the micrograph" : "accept the micrograph again", [{ op: "reject", value }]);
    this.notify(value ? "Rejected: its picks are left out." : "Accepted again.");
  }

  /** Say that the micrograph was looked at, so that what was left as it is means something. */
  check(value: boolean): void {
    const open = this.state.open.peek();
    if (open && open.corrections.lookedAt !== value)
      this.act(value ? "mark as checked" : "mark as unchecked", [{ op: "looked_at", value }]);
  }

  undo(): void {
    const back = undo(this.state.history.peek());
    if (!back) {
      this.notify("Nothing to undo.");
      return;
    }
    const [step, history] = back;
    this.state.history.value = history;
    void this.repeat(step, "undone", "Undone");
  }

  redo(): void {
    const again = redo(this.state.history.peek());
    if (!again) {
      this.notify("Nothing to redo.");
      return;
    }
    const [step, history] = again;
    this.state.history.value = history;
    void this.repeat(step, "done", "Redone");
  }

  selected(): Pick[] {
    const ids = this.state.selection.peek();
    return this.state.open.peek()?.picks.filter(({ id }) => ids.has(id)) ?? [];
  }

  selectAll(which: (pick: Pick) => boolean = () => true): void {
    const picks = this.state.shown.peek().filter(which);
    this.state.selection.value = new Set(picks.map(({ id }) => id));
    this.announceSelection();
  }

  private act(label: string, operations: readonly Operation[]): void {
    const open = this.state.open.peek();
    if (!open) return;
    const corrects = operations.some(({ op }) => op !== "looked_at");
    // Whoever corrects a micrograph on the canvas has looked at it.
    const done: Operation[] =
      corrects && !open.corrections.lookedAt
        ? [...operations, { op: "looked_at", value: true }]
        : [...operations];
    this.take(label, [change(open.index, open.corrections, done)]);
  }

  /** Make changes and remember them as one step. */
  private take(label: string, changes: readonly Change[]): void {
    this.state.history.value = remember(this.state.history.peek(), { label, changes });
    batch(() => {
      for (const { micrograph, done } of changes) this.perform(micrograph, done);
    });
  }

  private async repeat(step: Step, what: "done" | "undone", how: string): Promise<void> {
    const [first, ...others] = step.changes;
    if (first && !others.length && this.state.current.peek() !== first.micrograph)
      await this.show(first.micrograph);
    batch(() => {
      for (const one of step.changes) this.perform(one.micrograph, one[what]);
    });
    if (step.class) await this.setClass(step.class.number, (what === "done") === step.class.rejected);
    const there = new Set(this.state.open.peek()?.picks.map(({ id }) => id));
    this.state.selection.value = new Set([...this.state.selection.peek()].filter((id) => there.has(id)));
    this.notify(`${how}: ${step.label}.`);
  }

  private perform(index: number, operations: readonly Operation[]): void {
    this.autosave.add(index, operations);
    this.refresh(index);
  }

  /** Take over what the server now has of a micrograph. */
  private takeReply(index: number, { corrections, revision }: CorrectionsReply): void {
    const loaded = this.loaded.get(index);
    if (!loaded || revision < loaded.revision) return;
    this.loaded.set(index, { ...loaded, corrections: correctionsOf(corrections), revision });
    this.refresh(index);
  }

  /** Bring everything that follows from a micrograph's corrections up to date. */
  private refresh(index: number): void {
    const { state } = this;
    const loaded = this.loaded.get(index);
    if (!loaded) return;
    const open = this.opened(index, loaded);
    const { added, deleted, moved, rejected, lookedAt } = open.corrections;
    const table = state.table.peek();
    batch(() => {
      state.histograms.replace(index, countedScores(open.picks));
      state.histograms.reject(index, rejected);
      state.counted.value++;
      const now = [added.size, deleted.size, moved.size, rejected, lookedAt];
      const columns = [table.added, table.deleted, table.moved, table.rejected, table.looked_at];
      if (now.some((value, column) => columns[column]![index] !== value))
        state.table.value = {
          ...table,
          added: table.added.with(index, added.size),
          deleted: table.deleted.with(index, deleted.size),
          moved: table.moved.with(index, moved.size),
          rejected: table.rejected.with(index, rejected),
          looked_at: table.looked_at.with(index, lookedAt),
        };
      if (state.current.peek() === index) state.open.value = open;
    });
  }

  /** Save what pages that are closed now could not; each page holds a lock as long as it lives. */
  private async adoptUnsaved(prefix: string, own: string): Promise<void> {
    if (!navigator.locks) return;
    void navigator.locks.request(own, () => new Promise(() => {}));
    for (const key of Object.keys(localStorage).filter((name) => name.startsWith(prefix) && name !== own))
      await navigator.locks.request(key, { ifAvailable: true }, (lock) => {
        if (!lock) return;
        this.autosave.adopt(localStorage.getItem(key));
        localStorage.removeItem(key);
      });
  }

  // Classes ------------------------------------------------------------------------------------------------

  /** Show the class averages, or hide them and show the particles of all classes alike. */
  openClasses(open: boolean): void {
    const { state } = this;
    if (open && state.run.peek().classes_made === null)
      this.notify("This run has no 2D classes. `cryoglean classes` makes them.");
    else if (open) void this.loadClasses();
    else state.classNumber.value = null;
    state.classesOpen.value = open && state.run.peek().classes_made !== null;
  }

  async loadClasses(): Promise<void> {
    try {
      this.state.classes.value = await this.api.classes();
    } catch (problem) {
      this.notify((problem as Error).message, true);
    }
  }

  /** Delete the picks of a class in all micrographs, or restore them, as one step. */
  async rejectClass(number: number, rejected: boolean): Promise<void> {
    const reply = await this.setClass(number, rejected);
    if (!reply?.picks) return;
    const label = `${rejected ? "reject" : "accept"} class ${number}`;
    const step = { label, changes: [], class: { number, rejected } };
    this.state.history.value = remember(this.state.history.peek(), step);
    const picks = `${reply.picks.toLocaleString("en")} ${reply.picks === 1 ? "pick" : "picks"}`;
    const micrographs = `${reply.micrographs} ${reply.micrographs === 1 ? "micrograph" : "micrographs"}`;
    this.notify(`Class ${number}: ${picks} ${rejected ? "deleted" : "restored"} in ${micrographs}.`);
  }

  private async setClass(number: number, rejected: boolean): Promise<ClassReply | null> {
    this.state.classBusy.value = number;
    try {
      await this.autosave.now();
      const reply = await this.api.setClass(number, rejected);
      await Promise.all([this.poll(), this.loadClasses()]);
      return reply;
    } catch (problem) {
      this.notify((problem as Error).message, true);
      return null;
    } finally {
      this.state.classBusy.value = null;
    }
  }

  // The threshold ------------------------------------------------------------------------------------------

  setThreshold(value: number): void {
    const { state } = this;
    state.threshold.value = atEdge(Math.min(1, Math.max(0, value)));
    clearTimeout(this.settling);
    this.settling = setTimeout(() => {
      state.settled.value = state.threshold.peek();
    }, SETTLE_MS);
  }

  /** Make the threshold on the screen that of the run: its coordinate files are written anew. */
  async applyThreshold(): Promise<void> {
    const { state } = this;
    if (state.applying.peek()) return;
    state.applying.value = true;
    try {
      await this.autosave.now();
      const reply = await this.api.setThreshold(state.threshold.peek());
      state.run.value = { ...state.run.peek(), threshold: reply.threshold };
      this.notify(`The files of the run now hold ${reply.picks.toLocaleString("en")} picks.`);
    } catch (problem) {
      this.notify((problem as Error).message, true);
    } finally {
      state.applying.value = false;
    }
  }

  // Following changes of the run -------------------------------------------------------------------------------

  /** Ask again and again what has changed, by another window or as micrographs are still being picked. */
  follow(): void {
    const again = (): void => {
      setTimeout(() => void this.poll().finally(again), document.hidden ? 5 * POLL_MS : POLL_MS);
    };
    again();
  }

  private async poll(): Promise<void> {
    const { state } = this;
    try {
      const { revision, changed, threshold, classes_made } = await this.api.changes(this.revision);
      if (!state.online.peek()) void this.autosave.now();
      state.online.value = true;
      this.followThreshold(threshold);
      this.followClasses(classes_made);
      if (revision === this.revision) return;
      const current = state.current.peek();
      const known = changed.filter((index) => this.loaded.has(index));
      // Of many, all but the one on the screen are asked for again when they are shown.
      const now = known.length > MAX_AT_ONCE ? known.filter((index) => index === current) : known;
      for (const index of known) if (!now.includes(index)) this.loaded.delete(index);
      for (const index of now) this.takeOver(index, await this.api.picks(index));
      const all = changed.length > now.length || !changed.length;
      if (all && !(await this.reload())) return;
      this.revision = revision;
    } catch (problem) {
      if (problem instanceof Unreachable) state.online.value = false;
      else this.notify((problem as Error).message, true);
    }
  }

  private followThreshold(threshold: number): void {
    const { state } = this;
    const before = state.run.peek().threshold;
    if (threshold === before) return;
    if (state.threshold.peek() === before) state.threshold.value = state.settled.value = threshold;
    state.run.value = { ...state.run.peek(), threshold };
  }

  private followClasses(made: number | null): void {
    const { state } = this;
    if (made === state.run.peek().classes_made) return;
    state.run.value = { ...state.run.peek(), classes_made: made };
    // Their numbers mean other particles now.
    state.classNumber.value = null;
    if (made === null) state.classesOpen.value = false;
    else if (state.classesOpen.peek()) void this.loadClasses();
  }

  /** Take over what another window made of a micrograph, unless a reply has reported something newer already. */
  private takeOver(index: number, picks: MicrographPicks): void {
    const before = this.loaded.get(index);
    if (!before || picks.revision < before.revision) return;
    this.loaded.set(index, this.loadedFrom(picks));
    this.refresh(index);
  }

  /** Ask for the whole list anew; not too often where that takes long. Return whether it was done. */
  private async reload(): Promise<boolean> {
    const { state } = this;
    const started = performance.now();
    if (started < this.notBefore) return false;
    const [run, [table, bins]] = await Promise.all([this.api.run(), this.api.overview()]);
    this.notBefore = performance.now() + 4 * (performance.now() - started);
    batch(() => {
      state.run.value = run;
      state.table.value = table;
      state.histograms = new Histograms(bins, table.rejected);
      state.counted.value++;
      for (const index of this.loaded.keys()) this.refresh(index);
    });
    if (state.classesOpen.peek()) await this.loadClasses();
    const current = state.current.peek();
    if (current >= 0 && !state.open.peek() && state.known(current)) await this.show(current);
    return true;
  }

  // Messages ---------------------------------------------------------------------------------------

  notify(text: string, bad = false): void {
    this.state.notice.value = { text, bad };
    clearTimeout(this.noticing);
    this.noticing = setTimeout(
      () => {
        this.state.notice.value = null;
      },
      bad ? 12000 : 3500,
    );
  }

  /** Announce something to a screen reader. */
  announce(text: string): void {
    this.state.announced.value = text;
  }

  setLook(change: Partial<Look>): void {
    this.state.look.value = { ...this.state.look.peek(), ...change };
  }

  private announceSelection(): void {
    const { state } = this;
    const rows = state.rows.peek();
    const at = rows.indexOf(state.current.peek()) + 1;
    const name = state.table.peek().name[state.current.peek()] ?? "";
    const selected = state.selection.peek().size;
    state.announced.value = selected
      ? `${selected} of ${state.shown.peek().length} picks selected`
      : `${name}, micrograph ${at} of ${rows.length}, ${state.shown.peek().length} picks`;
  }

  private baseOf(index: number): number {
    return this.loaded.get(index)?.revision ?? 0;
  }

  private size(): { width: number; height: number } {
    const { width, height } = this.state.table.peek();
    const current = this.state.current.peek();
    return { width: width[current] ?? 0, height: height[current] ?? 0 };
  }
}

function correctionsOf(saved: CorrectionsState): Corrections {
  return {
    ...untouched,
    added: new Map(saved.added.map(({ id, x, y }) => [id, { x, y }])),
    deleted: new Set(saved.deleted),
    moved: new Map(saved.moved.map(({ id, x, y }) => [id, { x, y }])),
    rejected: saved.rejected,
    lookedAt: saved.looked_at,
  };
}

/** As many decimals of a pixel as the run keeps. */
function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}

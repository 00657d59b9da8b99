/** What the page shows: values that the parts of it watch. Only `Actions` changes what is of the run. */

import { computed, type Signal, signal } from "@preact/signals";
import type { Classes, MicrographTable, OverlayKind, RunInfo } from "./api";
import type { Saving } from "./autosave";
import type { Particle } from "./logic/gallery";
import { Histograms } from "./logic/histograms";
import { type History, nothing } from "./logic/history";
import { type Entry, type Filter, listed, type Sort } from "./logic/listing";
import { type Figures, figures, type Matched, match } from "./logic/matching";
import { type Candidate, type Corrections, counts, type Pick, type Point } from "./logic/picks";

/** What the middle of the page shows. */
export type Mode = "micrograph" | "particles";
export type Tool = "edit" | "lasso" | "erase" | "pan";
export type Dialog = "help" | "export" | "fine-tuning" | null;

/** The micrograph on the canvas. */
export interface Open {
  readonly index: number;
  readonly candidates: readonly Candidate[];
  readonly corrections: Corrections;
  readonly picks: readonly Pick[];
  readonly reference: readonly Point[] | null;
}

/** How micrographs and picks are drawn. */
export interface Look {
  readonly contrast: number;
  readonly brightness: number;
  /** Å; null for the server's own choice, 0 for none. */
  readonly lowpass: number | null;
  readonly inverted: boolean;
  readonly overlay: OverlayKind | null;
  readonly opacity: number;
  readonly picks: boolean;
  readonly weak: boolean;
  readonly deleted: boolean;
  readonly box: boolean;
  readonly boxPx: number;
  readonly compare: boolean;
}

export const plain: Look = {
  contrast: 1,
  brightness: 0,
  lowpass: null,
  inverted: false,
  overlay: null,
  opacity: 0.5,
  picks: true,
  weak: false,
  deleted: true,
  box: false,
  boxPx: 0,
  compare: true,
};

/** Which particles the gallery shows, and in what order. */
export interface GalleryLook {
  readonly scope: "micrograph" | "run";
  readonly ascending: boolean;
  /** Whether candidates below the threshold are shown too. */
  readonly weak: boolean;
}

export class State {
  readonly run: Signal<RunInfo>;
  readonly table: Signal<MicrographTable>;
  /** Changed in place; `counted` rises whenever they are. */
  histograms: Histograms;
  readonly counted = signal(0);

  readonly threshold: Signal<number>;
  /** The threshold at which the list is sorted: it follows when the slider has come to rest. */
  readonly settled: Signal<number>;
  readonly applying = signal(false);

  readonly search = signal("");
  readonly filter = signal<Filter>("all");
  readonly sort = signal<Sort>("order");
  readonly descending = signal(false);

  readonly current = signal(-1);
  readonly open = signal<Open | null>(null);
  /** Why the micrograph on the canvas cannot be shown. */
  readonly trouble = signal<string | null>(null);
  /** Whether the picture of the micrograph is still on its way. */
  readonly waiting = signal(false);
  readonly selection = signal<ReadonlySet<string>>(new Set());
  readonly hovered = signal<{ at: Point; pick: Pick | null } | null>(null);

  readonly mode = signal<Mode>("micrograph");
  readonly gallery = signal<GalleryLook>({ scope: "micrograph", ascending: true, weak: false });
  /** Particles that are selected in the gallery, by name. */
  readonly chosen = signal<ReadonlyMap<string, Particle>>(new Map());

  /** The 2D classes, null until they are asked for. */
  readonly classes = signal<Classes | null>(null);
  readonly classesOpen = signal(false);
  /** The class whose particles are shown apart, null for all alike. */
  readonly classNumber = signal<number | null>(null);
  /** The class that is being rejected or accepted. */
  readonly classBusy = signal<number | null>(null);

  readonly tool = signal<Tool>("edit");
  readonly look = signal<Look>(plain);
  readonly history = signal<History>(nothing);
  readonly saving = signal<Saving>({ state: "saved" });
  readonly dialog = signal<Dialog>(null);
  readonly notice = signal<{ text: string; bad: boolean } | null>(null);
  readonly announced = signal("");
  readonly proposed = signal<ReadonlyMap<number, string>>(new Map());
  readonly online = signal(true);

  constructor(run: RunInfo, table: MicrographTable, bins: Uint16Array) {
    this.run = signal(run);
    this.table = signal(table);
    this.histograms = new Histograms(bins, table.rejected);
    this.threshold = signal(run.threshold);
    this.settled = signal(run.threshold);
  }

  readonly entries = computed((): Entry[] => {
    const table = this.table.value;
    return table.name.map((name, i) => ({
      name,
      failed: table.state[i] === "failed",
      outlier: Boolean(table.outlier[i]),
      corrected: Boolean(table.added[i]! + table.deleted[i]! + table.moved[i]!) || table.rejected[i]!,
      rejected: table.rejected[i]!,
      lookedAt: table.looked_at[i]!,
    }));
  });

  /** Micrographs in the list, in its order. */
  readonly rows = computed((): number[] => {
    const wanted = {
      search: this.search.value,
      filter: this.filter.value,
      descending: this.descending.value,
    };
    const sort = this.sort.value;
    if (sort === "picks" || sort === "score") this.counted.value;
    const at = sort === "picks" || sort === "score" ? this.settled.value : 0;
    const key = (i: number): number | null => {
      if (sort === "picks") return this.known(i) ? this.histograms.count(i, at) : null;
      if (sort === "score") return this.known(i) ? this.meanScore(i, at) : null;
      return this.table.value.defocus[i] ?? null;
    };
    return listed(this.entries.value, wanted, sort, key);
  });

  readonly total = computed((): number => {
    this.counted.value;
    return this.histograms.total(this.threshold.value);
  });

  /** How micrographs stand that count towards the total. */
  readonly inUse = computed((): number => {
    const { state, rejected } = this.table.value;
    return state.reduce((sum, one, i) => sum + Number(one === "done" && !rejected[i]), 0);
  });

  readonly pixelSize = computed((): number => this.table.value.pixel_size[this.current.value] ?? 1);

  /** Particle diameter in Å, of picks that have none of their own. */
  readonly diameter = computed((): number => {
    const known = this.run.value.diameter;
    if (known) return known;
    const found = this.open.value?.candidates.map(({ diameter }) => diameter).filter(Number.isFinite) ?? [];
    return found.sort((a, b) => a - b)[found.length >> 1] ?? 100;
  });

  /** Side of the box in pixels: what was asked for, or one and a half diameters, even. */
  readonly boxPx = computed(
    (): number =>
      this.look.value.boxPx || 2 * Math.round((0.75 * this.diameter.value) / this.pixelSize.value),
  );

  /** The picks of the open micrograph that count at the threshold. */
  readonly shown = computed((): Pick[] => {
    const at = this.threshold.value;
    return this.open.value?.picks.filter((pick) => counts(pick, at)) ?? [];
  });

  readonly comparing = computed(
    (): boolean => this.look.value.compare && (this.open.value?.reference ?? null) !== null,
  );

  /** How the picks of the open micrograph match the reference. */
  readonly compared = computed((): { matched: Matched; figures: Figures } | null => {
    const reference = this.open.value?.reference;
    if (!reference) return null;
    const reach = this.diameter.value / 2 / this.pixelSize.value;
    const matched = match(this.shown.value, reference, reach);
    return { matched, figures: figures(matched.hits, this.shown.value.length, reference.length) };
  });

  known(index: number): boolean {
    return this.table.value.state[index] === "done";
  }

  meanScore(index: number, threshold: number): number | null {
    const { added, moved } = this.table.value;
    return this.histograms.mean(index, threshold, added[index]! + moved[index]!);
  }
}

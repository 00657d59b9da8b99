/** What the page and its server say to each other; mirrors `cryoglean/viewer/messages.py`. */

import { BINS } from "./logic/histograms";
import type { Kind, Operation } from "./logic/picks";

export interface Format {
  name: string;
  suffix: string;
  summary: string;
}

export interface RunInfo {
  name: string;
  folder: string;
  version: string;
  state: string;
  micrographs: number;
  loaded: number;
  method: string;
  weights: string | null;
  diameter: number | null;
  threshold: number;
  recommended: number | null;
  score_bins: number;
  formats: Format[];
  second: { name: string; micrographs: number; picks: number } | null;
  can_train: boolean;
  revision: number;
}

export interface MicrographTable {
  revision: number;
  name: string[];
  path: string[];
  state: ("done" | "failed" | "missing" | "reading")[];
  error: (string | null)[];
  width: number[];
  height: number[];
  pixel_size: (number | null)[];
  seconds: (number | null)[];
  mean_score: (number | null)[];
  defocus: (number | null)[];
  candidates: number[];
  added: number[];
  deleted: number[];
  moved: number[];
  rejected: boolean[];
  looked_at: boolean[];
  second: (number | null)[] | null;
  outlier: (string | null)[];
  corrections_revision: number[];
}

export interface CorrectionsState {
  added: { id: string; x: number; y: number }[];
  deleted: string[];
  moved: { id: string; x: number; y: number }[];
  replaced: string[];
  rejected: boolean;
  looked_at: boolean;
}

export interface MicrographPicks {
  revision: number;
  candidates: {
    id: string[];
    x: number[];
    y: number[];
    score: number[];
    diameter: (number | null)[];
    kind: Kind[];
  };
  corrections: CorrectionsState;
  second: { x: number[]; y: number[] } | null;
}

export interface CorrectionsReply {
  revision: number;
  corrections: CorrectionsState;
}

export interface ThresholdReply {
  threshold: number;
  micrographs: number;
  picks: number;
  revision: number;
}

export interface Changes {
  revision: number;
  changed: number[];
  threshold: number;
}

export interface Proposed {
  index: number;
  value: number;
  reason: string;
}

export interface Proposals {
  teach: Proposed[];
  tuning: Proposed[];
}

export interface TrainingState {
  state: "idle" | "running" | "done" | "failed" | "stopped";
  step: number;
  steps: number;
  message: string;
  before: Record<string, number> | null;
  after: Record<string, number> | null;
  weights: string | null;
  command: string | null;
  log_tail: string[];
}

/** The server answered that it will not do what it was asked; the message is its own sentence. */
export class Refused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }

  /** Whether the same request may be answered later. */
  get passing(): boolean {
    return this.status >= 500 || this.status === 408 || this.status === 429;
  }
}

/** No answer came: the server has ended, or the connection to it is broken. */
export class Unreachable extends Error {}

const KEY = "cryoglean-token";
const LARGE = 30_000;

/** Take the token out of the address, where it could be copied or photographed, and keep it for this tab. */
export function takeToken(): string | null {
  const address = new URL(window.location.href);
  const token = address.searchParams.get("token");
  if (token) {
    sessionStorage.setItem(KEY, token);
    address.searchParams.delete("token");
    window.history.replaceState(null, "", address);
  }
  return sessionStorage.getItem(KEY);
}

export type Priority = "high" | "low" | "auto";

export class Api {
  private readonly token: string;

  constructor(token: string) {
    this.token = token;
  }

  run(): Promise<RunInfo> {
    return this.json("GET", "run");
  }

  micrographs(): Promise<MicrographTable> {
    return this.json("GET", "micrographs");
  }

  /** Counts are little endian, as every machine that runs a browser has them. */
  async histograms(): Promise<Uint16Array> {
    return new Uint16Array(await (await this.send("GET", "histograms")).arrayBuffer());
  }

  /** Return the table and the histograms of the same micrographs, while more of them may be coming. */
  async overview(): Promise<[MicrographTable, Uint16Array]> {
    for (;;) {
      const [table, bins] = await Promise.all([this.micrographs(), this.histograms()]);
      if (bins.length === table.name.length * BINS) return [table, bins];
    }
  }

  picks(index: number): Promise<MicrographPicks> {
    return this.json("GET", `micrographs/${index}/picks`);
  }

  /** Fetch and decode a picture, away from the thread that draws. */
  async picture(path: string, priority: Priority = "auto"): Promise<ImageBitmap> {
    return createImageBitmap(await this.blob(path, priority));
  }

  async blob(path: string, priority: Priority = "auto"): Promise<Blob> {
    return (await this.send("GET", path, { priority })).blob();
  }

  correct(index: number, base: number, operations: readonly Operation[]): Promise<CorrectionsReply> {
    const body = { base_revision: base, operations };
    return this.json("PUT", `micrographs/${index}/corrections`, { body });
  }

  setThreshold(value: number): Promise<ThresholdReply> {
    return this.json("PUT", "threshold", { body: { value } });
  }

  changes(since: number): Promise<Changes> {
    return this.json("GET", `changes?since=${since}`);
  }

  async export(format: string, minScore: number): Promise<{ name: string; content: Blob }> {
    const answer = await this.send("POST", "export", { body: { format, min_score: minScore } });
    const named = /filename\*?=(?:UTF-8'')?"?([^";]+)"?/.exec(
      answer.headers.get("content-disposition") ?? "",
    );
    return { name: decodeURIComponent(named?.[1] ?? `picks.${format}`), content: await answer.blob() };
  }

  proposals(): Promise<Proposals> {
    return this.json("GET", "proposals");
  }

  training(): Promise<TrainingState> {
    return this.json("GET", "training");
  }

  startTraining(minutes: number): Promise<TrainingState> {
    return this.json("POST", "training", { body: { minutes } });
  }

  stopTraining(): Promise<TrainingState> {
    return this.json("DELETE", "training");
  }

  private async json<T>(method: string, path: string, more: Asked = {}): Promise<T> {
    return (await this.send(method, path, more)).json() as Promise<T>;
  }

  private async send(method: string, path: string, { body, ...more }: Asked = {}): Promise<Response> {
    const headers: Record<string, string> = { Authorization: `Bearer ${this.token}` };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let answer: Response;
    try {
      const text = body === undefined ? undefined : JSON.stringify(body);
      // What is kept alive beyond the page may not be large.
      const content = text === undefined ? {} : { body: text, keepalive: text.length < LARGE };
      answer = await fetch(`/api/${path}`, { method, headers, ...content, ...more });
    } catch {
      throw new Unreachable("cryoglean does not answer");
    }
    if (!answer.ok) throw new Refused(answer.status, await problem(answer));
    return answer;
  }
}

interface Asked {
  body?: unknown;
  priority?: Priority;
}

async function problem(answer: Response): Promise<string> {
  try {
    const { detail } = (await answer.json()) as { detail?: unknown };
    if (typeof detail === "string") return detail;
  } catch {
    // Not from the server's own code; its status is all there is to tell.
  }
  return `${answer.status} ${answer.statusText}`;
}

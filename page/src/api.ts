/** What the page asks its server. All types follow from the server's own description of itself, `openapi.json`. */

import createClient, { type Client, type Middleware } from "openapi-fetch";
import { BINS } from "./logic/histograms";
import type { components, paths } from "./schema";

type Schemas = components["schemas"];

export type Changes = Schemas["Changes"];
export type ClassInfo = Schemas["ClassInfo"];
export type Classes = Schemas["Classes"];
export type ClassReply = Schemas["ClassReply"];
export type CorrectionsReply = Schemas["CorrectionsReply"];
export type CorrectionsState = Schemas["CorrectionsState"];
export type MicrographPicks = Schemas["MicrographPicks"];
export type MicrographTable = Schemas["MicrographTable"];
export type Proposals = Schemas["Proposals"];
export type Proposed = Schemas["Proposed"];
export type RunInfo = Schemas["RunInfo"];
export type ThresholdReply = Schemas["ThresholdReply"];
export type TrainingState = Schemas["TrainingState"];

export type Kind = Schemas["Candidates"]["kind"][number];
export type Operation = Readonly<Schemas["CorrectionsRequest"]["operations"][number]>;
export type OverlayKind =
  paths["/api/micrographs/{number}/overlay/{kind}"]["get"]["parameters"]["path"]["kind"];

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
  private readonly client: Client<paths>;

  constructor(token: string) {
    this.client = createClient<paths>({ headers: { Authorization: `Bearer ${token}` } });
    this.client.use(failures);
  }

  async run(): Promise<RunInfo> {
    return (await this.client.GET("/api/run")).data!;
  }

  async micrographs(): Promise<MicrographTable> {
    return (await this.client.GET("/api/micrographs")).data!;
  }

  /** Counts are little endian, as every machine that runs a browser has them. */
  async histograms(): Promise<Uint16Array> {
    const { data } = await this.client.GET("/api/histograms", { parseAs: "arrayBuffer" });
    return new Uint16Array(data ?? new ArrayBuffer(0));
  }

  /** Return the table and the histograms of the same micrographs, while more of them may be coming. */
  async overview(): Promise<[MicrographTable, Uint16Array]> {
    for (;;) {
      const [table, bins] = await Promise.all([this.micrographs(), this.histograms()]);
      if (bins.length === table.name.length * BINS) return [table, bins];
    }
  }

  async picks(number: number): Promise<MicrographPicks> {
    return (await this.client.GET("/api/micrographs/{number}/picks", { params: { path: { number } } })).data!;
  }

  /** Fetch a micrograph and decode it, away from the thread that draws. */
  async image(
    number: number,
    level: number,
    lowpass: number | null,
    priority: Priority,
  ): Promise<ImageBitmap> {
    const params = { path: { number }, query: { level, lowpass } };
    const options = { params, parseAs: "blob", priority } as const;
    return createImageBitmap((await this.client.GET("/api/micrographs/{number}/image", options)).data!);
  }

  async overlay(number: number, kind: OverlayKind): Promise<ImageBitmap> {
    const options = { params: { path: { number, kind } }, parseAs: "blob" } as const;
    return createImageBitmap(
      (await this.client.GET("/api/micrographs/{number}/overlay/{kind}", options)).data!,
    );
  }

  async thumbnail(number: number): Promise<Blob> {
    const options = { params: { path: { number } }, parseAs: "blob", priority: "low" } as const;
    return (await this.client.GET("/api/micrographs/{number}/thumbnail", options)).data!;
  }

  async correct(number: number, base: number, operations: readonly Operation[]): Promise<CorrectionsReply> {
    const params = { path: { number } };
    const body = { base_revision: base, operations: [...operations] };
    // What is kept alive beyond the page may not be large.
    const keepalive = JSON.stringify(body).length < LARGE;
    return (await this.client.PUT("/api/micrographs/{number}/corrections", { params, body, keepalive }))
      .data!;
  }

  async setThreshold(value: number): Promise<ThresholdReply> {
    return (await this.client.PUT("/api/threshold", { body: { value } })).data!;
  }

  async changes(since: number): Promise<Changes> {
    return (await this.client.GET("/api/changes", { params: { query: { since } } })).data!;
  }

  async export(format: string, minScore: number): Promise<{ name: string; content: Blob }> {
    const body = { format, min_score: minScore };
    const { data, response } = await this.client.POST("/api/export", { body, parseAs: "blob" });
    const disposition = response.headers.get("content-disposition") ?? "";
    const named = /filename\*?=(?:UTF-8'')?"?([^";]+)"?/.exec(disposition);
    return { name: decodeURIComponent(named?.[1] ?? `picks.${format}`), content: data! };
  }

  async classes(): Promise<Classes> {
    return (await this.client.GET("/api/classes")).data!;
  }

  async classAverage(number: number): Promise<Blob> {
    const options = { params: { path: { number } }, parseAs: "blob" } as const;
    return (await this.client.GET("/api/classes/{number}/average", options)).data!;
  }

  /** Reject a class in all micrographs, or accept it again. */
  async setClass(number: number, rejected: boolean): Promise<ClassReply> {
    const params = { path: { number } };
    return (await this.client.PUT("/api/classes/{number}", { params, body: { rejected } })).data!;
  }

  async proposals(): Promise<Proposals> {
    return (await this.client.GET("/api/proposals")).data!;
  }

  async training(): Promise<TrainingState> {
    return (await this.client.GET("/api/training")).data!;
  }

  async startTraining(minutes: number): Promise<TrainingState> {
    return (await this.client.POST("/api/training", { body: { minutes } })).data!;
  }

  async stopTraining(): Promise<TrainingState> {
    return (await this.client.DELETE("/api/training")).data!;
  }
}

/** Turns whatever goes wrong into one of the two errors, so that an answer always has data. */
const failures: Middleware = {
  async onResponse({ response }) {
    if (!response.ok) throw new Refused(response.status, await problem(response));
  },
  onError() {
    return new Unreachable("cryoglean does not answer");
  },
};

async function problem(answer: Response): Promise<string> {
  try {
    const { detail } = (await answer.json()) as { detail?: unknown };
    if (typeof detail === "string") return detail;
  } catch {
    // Not from the server's own code; its status is all there is to tell.
  }
  return `${answer.status} ${answer.statusText}`;
}

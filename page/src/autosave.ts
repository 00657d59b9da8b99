/** Sends corrections as they are made, keeps what could not be sent, and tries again. */

import { type CorrectionsReply, type Operation, Refused, Unreachable } from "./api";

export type Saving =
  | { readonly state: "saved" }
  | { readonly state: "saving"; readonly waiting: number }
  | { readonly state: "offline"; readonly waiting: number; readonly reason: string }
  | { readonly state: "refused"; readonly waiting: number; readonly reason: string };

/** Where operations outlive the page that made them; as `localStorage`. */
export type Store = Pick<Storage, "getItem" | "setItem" | "removeItem">;

export interface Outside {
  send(micrograph: number, operations: readonly Operation[]): Promise<CorrectionsReply>;
  saved(micrograph: number, reply: CorrectionsReply): void;
  reported(saving: Saving): void;
  store: Store;
  key: string;
}

const PAUSE = 250;
const WAITS = [1000, 2000, 4000, 8000, 15000];
const MAX_OPERATIONS = 5000;

export class Autosave {
  private readonly outside: Outside;
  private readonly waiting = new Map<number, Operation[]>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private busy = false;
  private failures = 0;
  private problem: { state: "offline" | "refused"; reason: string } | undefined;

  constructor(outside: Outside) {
    this.outside = outside;
  }

  /** Return what was made of a micrograph and is not yet saved, in order. */
  unsaved(micrograph: number): readonly Operation[] {
    return this.waiting.get(micrograph) ?? [];
  }

  /** Return how many operations are not yet saved. */
  get number(): number {
    let number = 0;
    for (const operations of this.waiting.values()) number += operations.length;
    return number;
  }

  /** Save these operations soon; they are kept from now on whatever happens to the page. */
  add(micrograph: number, operations: readonly Operation[]): void {
    this.waiting.set(micrograph, [...this.unsaved(micrograph), ...operations]);
    this.keep();
    this.report();
    if (this.problem?.state !== "offline") this.after(PAUSE);
  }

  /** Take over what another page, now closed, could not save. */
  adopt(text: string | null): void {
    if (!text) return;
    for (const [micrograph, operations] of JSON.parse(text) as [number, Operation[]][])
      this.add(micrograph, operations);
  }

  /** Try at once, whatever failed before. */
  now(): Promise<void> {
    clearTimeout(this.timer);
    return this.work();
  }

  private after(wait: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.work(), wait);
  }

  private async work(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    const refused = new Set<number>();
    let reason = "";
    try {
      for (;;) {
        const next = [...this.waiting.keys()].find((micrograph) => !refused.has(micrograph));
        if (next === undefined) break;
        const sent = this.unsaved(next).slice(0, MAX_OPERATIONS);
        try {
          const reply = await this.outside.send(next, sent);
          const rest = this.unsaved(next).slice(sent.length);
          if (rest.length) this.waiting.set(next, rest);
          else this.waiting.delete(next);
          this.keep();
          this.outside.saved(next, reply);
        } catch (error) {
          if (!(error instanceof Refused) || error.passing) throw error;
          // One micrograph that the server will not take must not keep the others waiting.
          refused.add(next);
          reason = error.message;
        }
        this.report();
      }
      this.failures = 0;
      this.problem = refused.size ? { state: "refused", reason } : undefined;
    } catch (error) {
      const why = error instanceof Unreachable || error instanceof Refused ? error.message : String(error);
      this.problem = { state: "offline", reason: why };
      this.after(WAITS[Math.min(this.failures++, WAITS.length - 1)]!);
    } finally {
      this.busy = false;
      this.report();
    }
  }

  private keep(): void {
    const { store, key } = this.outside;
    if (this.waiting.size) store.setItem(key, JSON.stringify([...this.waiting]));
    else store.removeItem(key);
  }

  private report(): void {
    const waiting = this.number;
    if (!waiting) this.outside.reported({ state: "saved" });
    else if (this.problem) this.outside.reported({ ...this.problem, waiting });
    else this.outside.reported({ state: "saving", waiting });
  }
}

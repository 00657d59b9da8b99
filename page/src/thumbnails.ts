/** Thumbnails, a few requests at a time, the rows on the screen first. */

import type { Api } from "./api";

const AT_ONCE = 3;
const MAX_KEPT = 1500;

type Listener = (address: string | null) => void;

export class Thumbnails {
  private readonly api: Api;
  private readonly kept = new Map<number, string | null>();
  private readonly asked = new Map<number, Set<Listener>>();
  private readonly coming = new Set<number>();
  private readonly waits: () => boolean;

  /** Nothing new is fetched as long as `waits` holds; `go` goes on afterwards. */
  constructor(api: Api, waits: () => boolean) {
    this.api = api;
    this.waits = waits;
  }

  /** Ask for a thumbnail; the function returned withdraws the question, as when its row scrolls away. */
  want(index: number, listener: Listener): () => void {
    const there = this.kept.get(index);
    if (there !== undefined) {
      listener(there);
      return () => {};
    }
    const listeners = this.asked.get(index) ?? new Set();
    this.asked.set(index, listeners.add(listener));
    this.go();
    return () => {
      listeners.delete(listener);
      if (!listeners.size) this.asked.delete(index);
    };
  }

  go(): void {
    while (!this.waits() && this.coming.size < AT_ONCE) {
      const index = [...this.asked.keys()].find((candidate) => !this.coming.has(candidate));
      if (index === undefined) return;
      this.coming.add(index);
      void this.fetch(index).finally(() => {
        this.coming.delete(index);
        this.go();
      });
    }
  }

  private async fetch(index: number): Promise<void> {
    let address: string | null = null;
    try {
      address = URL.createObjectURL(await this.api.thumbnail(index));
    } catch {
      // A row without a picture; the micrograph itself tells why when it is opened.
    }
    this.kept.set(index, address);
    for (const listener of this.asked.get(index) ?? []) listener(address);
    this.asked.delete(index);
    for (const [oldest, old] of this.kept) {
      if (this.kept.size <= MAX_KEPT) break;
      this.kept.delete(oldest);
      if (old) URL.revokeObjectURL(old);
    }
  }
}

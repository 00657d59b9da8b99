import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Operation } from "../src/api";
import { type CorrectionsReply, Refused, Unreachable } from "../src/api";
import { Autosave, type Saving } from "../src/autosave";

const reply: CorrectionsReply = {
  revision: 1,
  corrections: { added: [], deleted: [], moved: [], replaced: [], rejected: false, looked_at: false },
};
const deletion = (id: string): Operation => ({ op: "delete", id });

function made(send: (micrograph: number, operations: readonly Operation[]) => Promise<CorrectionsReply>) {
  const kept = new Map<string, string>();
  const reported: Saving[] = [];
  const saved: number[] = [];
  const autosave = new Autosave({
    send,
    saved: (micrograph) => saved.push(micrograph),
    reported: (saving) => reported.push(saving),
    store: {
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => void kept.set(key, value),
      removeItem: (key) => void kept.delete(key),
    },
    key: "k",
  });
  return { autosave, kept, reported, saved };
}

describe("autosave", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("sends what was made in one go, after a moment", async () => {
    const send = vi.fn(async () => reply);
    const { autosave, reported, saved, kept } = made(send);
    autosave.add(3, [deletion("a")]);
    autosave.add(3, [deletion("b")]);
    expect(kept.get("k")).toContain('"b"');
    await vi.advanceTimersByTimeAsync(300);
    expect(send.mock.calls).toEqual([[3, [deletion("a"), deletion("b")]]]);
    expect([reported.at(-1)?.state, saved, kept.size]).toEqual(["saved", [3], 0]);
  });

  it("keeps what is made while it sends, and sends it next", async () => {
    let answer = () => {};
    const send = vi.fn(
      (_: number, __: readonly Operation[]) =>
        new Promise<CorrectionsReply>((resolve) => {
          answer = () => resolve(reply);
        }),
    );
    const { autosave, reported } = made(send);
    autosave.add(0, [deletion("a")]);
    await vi.advanceTimersByTimeAsync(300);
    autosave.add(0, [deletion("b")]);
    answer();
    await vi.advanceTimersByTimeAsync(0);
    expect(autosave.unsaved(0)).toEqual([deletion("b")]);
    answer();
    await vi.advanceTimersByTimeAsync(300);
    expect(send.mock.calls.map(([, operations]) => operations)).toEqual([[deletion("a")], [deletion("b")]]);
    expect(reported.at(-1)?.state).toBe("saved");
  });

  it("loses nothing while the server is away, and goes on by itself", async () => {
    let away = true;
    const send = vi.fn(async () => {
      if (away) throw new Unreachable("no answer");
      return reply;
    });
    const { autosave, reported, kept } = made(send);
    autosave.add(1, [deletion("a")]);
    await vi.advanceTimersByTimeAsync(5000);
    autosave.add(2, [deletion("b")]);
    expect(reported.at(-1)).toEqual({ state: "offline", reason: "no answer", waiting: 2 });
    expect(JSON.parse(kept.get("k")!)).toEqual([
      [1, [deletion("a")]],
      [2, [deletion("b")]],
    ]);
    away = false;
    await vi.advanceTimersByTimeAsync(20000);
    expect([reported.at(-1)?.state, kept.size]).toEqual(["saved", 0]);
  });

  it("does not let one refusal keep others waiting, and says why", async () => {
    const send = vi.fn(async (micrograph: number) => {
      if (micrograph === 1) throw new Refused(422, "too many");
      return reply;
    });
    const { autosave, reported, saved } = made(send);
    autosave.add(1, [deletion("a")]);
    autosave.add(2, [deletion("b")]);
    await vi.advanceTimersByTimeAsync(300);
    expect(saved).toEqual([2]);
    expect(reported.at(-1)).toEqual({ state: "refused", reason: "too many", waiting: 1 });
  });

  it("takes over what a closed page left", async () => {
    const send = vi.fn(async () => reply);
    const { autosave } = made(send);
    autosave.adopt(JSON.stringify([[4, [deletion("x")]]]));
    autosave.adopt(null);
    await vi.advanceTimersByTimeAsync(300);
    expect(send.mock.calls).toEqual([[4, [deletion("x")]]]);
  });
});

/** Undo and redo over the whole run: each step is what was done to one micrograph at once. */

import type { Operation } from "../api";

export interface Step {
  readonly micrograph: number;
  readonly label: string;
  readonly done: readonly Operation[];
  /** What takes it back, to be done in this order. */
  readonly undone: readonly Operation[];
}

export interface History {
  readonly past: readonly Step[];
  readonly future: readonly Step[];
}

export const nothing: History = { past: [], future: [] };

const LIMIT = 1000;

/** Remember a step; what was undone before can no longer be redone. */
export function remember(history: History, step: Step): History {
  return { past: [...history.past, step].slice(-LIMIT), future: [] };
}

/** Return the step to take back and the history after it, or undefined at the beginning. */
export function undo({ past, future }: History): [Step, History] | undefined {
  const step = past.at(-1);
  return step && [step, { past: past.slice(0, -1), future: [...future, step] }];
}

/** Return the step to do again and the history after it, or undefined at the end. */
export function redo({ past, future }: History): [Step, History] | undefined {
  const step = future.at(-1);
  return step && [step, { past: [...past, step], future: future.slice(0, -1) }];
}

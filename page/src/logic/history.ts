/** Undo and redo over the whole run: each step is what was done at once, to one micrograph or to several. */

import type { Operation } from "../api";
import { type Corrections, corrected, inverse } from "./picks";

/** What was done to one micrograph. */
export interface Change {
  readonly micrograph: number;
  readonly done: readonly Operation[];
  /** What takes it back, to be done in this order. */
  readonly undone: readonly Operation[];
}

export interface Step {
  readonly label: string;
  readonly changes: readonly Change[];
  /** A class that was rejected or accepted, which the server does in all micrographs. */
  readonly class?: { readonly number: number; readonly rejected: boolean };
}

export interface History {
  readonly past: readonly Step[];
  readonly future: readonly Step[];
}

export const nothing: History = { past: [], future: [] };

const LIMIT = 1000;

/** Return the change that operations make to the corrections of a micrograph. */
export function change(micrograph: number, before: Corrections, done: readonly Operation[]): Change {
  let now = before;
  const undone: Operation[] = [];
  for (const operation of done) {
    undone.unshift(inverse(operation, now));
    now = corrected(now, operation);
  }
  return { micrograph, done, undone };
}

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

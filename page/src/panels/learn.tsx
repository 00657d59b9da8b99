/** Which micrographs to correct, and training from the corrections. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Proposals, Proposed, TrainingState } from "../api";
import type { Page } from "../page";
import { counted, Modal, number } from "./parts";

const POLL_MS = 1500;
/** Figures that matter most. */
const FIRST = ["f1", "precision", "recall", "average_precision"];

export function Learn({ page }: { page: Page }) {
  const { state } = page;
  return (
    <Modal
      title="Learn from corrections"
      wide
      onClose={() => {
        state.dialog.value = null;
      }}
    >
      <div class="columns">
        <ProposalsPart page={page} />
        <TrainingPart page={page} />
      </div>
    </Modal>
  );
}

function ProposalsPart({ page }: { page: Page }) {
  const { api, state, actions } = page;
  const proposals = useSignal<Proposals | null>(null);
  const problem = useSignal<string | null>(null);
  useEffect(() => {
    api.proposals().then(
      (found) => {
        proposals.value = found;
        state.proposed.value = new Map(found.teach.map(({ index, reason }) => [index, reason]));
      },
      (error: Error) => {
        problem.value = error.message;
      },
    );
  }, []);
  const go = (index: number) => () => {
    state.dialog.value = null;
    void actions.show(index);
  };
  const { name, looked_at } = state.table.value;
  const found = proposals.value;
  const list = (proposed: Proposed[]) => (
    <ol class="proposals">
      {proposed.map(({ index, reason }) => (
        <li key={index}>
          <button type="button" class="link" onClick={go(index)}>
            {name[index]}
          </button>{" "}
          {looked_at[index] && <span class="checked">checked </span>}
          <span class="quiet">{reason}</span>
        </li>
      ))}
    </ol>
  );
  return (
    <section>
      <h2>Micrographs to correct</h2>
      {problem.value && <p class="trouble">{problem.value}</p>}
      {!found && !problem.value && <p class="quiet">Looking…</p>}
      {found && (
        <>
          <h3>These would teach most</h3>
          {list(found.teach)}
          {found.teach.length === 0 && <p class="quiet">None stands out.</p>}
          <h3>A few that span the run, to choose the threshold by</h3>
          {list(found.tuning)}
        </>
      )}
    </section>
  );
}

function TrainingPart({ page: { api, state, actions } }: { page: Page }) {
  const training = useSignal<TrainingState | null>(null);
  const minutes = useSignal(10);
  const problem = useSignal<string | null>(null);
  const take = (coming: Promise<TrainingState>): Promise<void> =>
    coming.then(
      (found) => {
        training.value = found;
        problem.value = null;
      },
      (error: Error) => {
        problem.value = error.message;
      },
    );
  useEffect(() => {
    void take(api.training());
    const timer = setInterval(() => {
      if (training.peek()?.state === "running") void take(api.training());
    }, POLL_MS);
    return () => clearInterval(timer);
  }, []);
  const { added, deleted, moved, looked_at, rejected } = state.table.value;
  const sum = (values: number[]): number => values.reduce((all, one) => all + one, 0);
  const usable = looked_at.filter((looked, i) => looked && !rejected[i]).length;
  const now = training.value;
  const running = now?.state === "running";
  const start = async (): Promise<void> => {
    await actions.autosave.now();
    await take(api.startTraining(minutes.value));
  };
  return (
    <section>
      <h2>Train</h2>
      <p>
        {counted(usable, "checked micrograph")}: {counted(sum(added), "pick")} added, {number(sum(deleted))}{" "}
        deleted, {number(sum(moved))} moved. What was left as it is counts, but less.
      </p>
      {!usable && <p class="note">Correct a few micrographs first, or mark them as checked.</p>}
      {!running && (
        <div class="row">
          <label>
            for{" "}
            <input
              type="number"
              min={1}
              max={1440}
              value={minutes.value}
              onChange={({ currentTarget }) => {
                minutes.value = Math.min(1440, Math.max(1, Number(currentTarget.value) || 10));
              }}
            />{" "}
            minutes
          </label>
          <button
            type="button"
            class="primary"
            disabled={!state.run.value.can_train || !usable}
            onClick={() => void start()}
          >
            Train
          </button>
        </div>
      )}
      {!state.run.value.can_train && (
        <p class="note">
          Training needs PyTorch: <code>pip install 'cryoglean[train]'</code>
        </p>
      )}
      {problem.value && (
        <p class="trouble" role="alert">
          {problem.value}
        </p>
      )}
      {now && now.state !== "idle" && <Progress now={now} />}
      {running && (
        <button type="button" class="danger" onClick={() => void take(api.stopTraining())}>
          Stop
        </button>
      )}
    </section>
  );
}

function Progress({ now }: { now: TrainingState }) {
  const names = new Set([...FIRST, ...Object.keys(now.before ?? {}), ...Object.keys(now.after ?? {})]);
  const told = [...names].filter(
    (name) => now.before?.[name] !== undefined || now.after?.[name] !== undefined,
  );
  return (
    <>
      <p role="status" class={now.state === "failed" ? "trouble" : ""}>
        {now.message || now.state}
        {now.state === "running" && now.steps > 0 && `, ${number(now.step)} of ${number(now.steps)}`}
      </p>
      {now.state === "running" && (
        <progress max={now.steps || 1} value={now.steps ? now.step : undefined} aria-label="Training" />
      )}
      {told.length > 0 && (
        <table>
          <caption>On micrographs that were held back</caption>
          <thead>
            <tr>
              <th scope="col">figure</th>
              <th scope="col">before</th>
              <th scope="col">after</th>
            </tr>
          </thead>
          <tbody>
            {told.map((name) => (
              <tr key={name}>
                <th scope="row">{name.replaceAll("_", " ")}</th>
                <td>{figure(now.before?.[name])}</td>
                <td>{figure(now.after?.[name])}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {now.command && (
        <p>
          Pick with it:
          <code class="command">{now.command}</code>
        </p>
      )}
      {now.log_tail.length > 0 && (
        <details>
          <summary>What it printed</summary>
          <pre>{now.log_tail.join("\n")}</pre>
        </details>
      )}
    </>
  );
}

function figure(value: number | undefined): string {
  if (value === undefined) return "–";
  return Number.isInteger(value) ? number(value) : value.toFixed(3);
}

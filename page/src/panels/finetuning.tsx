/** Which micrographs to correct, and fine-tuning of the network with the corrections. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Proposals, Proposed, TrainingState } from "../api";
import type { Page } from "../page";
import { counted, Modal, number } from "./parts";

const POLL_MS = 1500;
/** The metrics that matter most. */
const FIRST = ["f1", "precision", "recall", "average_precision"];

export function FineTuning({ page }: { page: Page }) {
  const { state } = page;
  return (
    <Modal
      title="Fine-tune the network"
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
        state.proposed.value = new Map(found.for_training.map(({ index, reason }) => [index, reason]));
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
      {!found && !problem.value && <p class="quiet">Loading…</p>}
      {found && (
        <>
          <h3>Most informative for fine-tuning</h3>
          {list(found.for_training)}
          {found.for_training.length === 0 && <p class="quiet">None to recommend.</p>}
          <h3>Representative of the run, to choose the threshold</h3>
          {list(found.for_threshold)}
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
  const { added, deleted, moved } = state.table.value;
  const sum = (values: number[]): number => values.reduce((all, one) => all + one, 0);
  const usable = state.entries.value.filter((one) => !one.rejected && (one.corrected || one.lookedAt));
  const checked = usable.filter((one) => one.lookedAt).length;
  const now = training.value;
  const running = now?.state === "running";
  const start = async (): Promise<void> => {
    await actions.autosave.now();
    await take(api.startTraining(minutes.value));
  };
  return (
    <section>
      <h2>Fine-tuning</h2>
      <p>
        {counted(usable.length, "corrected micrograph")}, {number(checked)} of them checked:{" "}
        {counted(sum(added), "pick")} added, {number(sum(deleted))} deleted, {number(sum(moved))} moved. The
        other picks of checked micrographs are taken as correct, those of the others with a lower weight.
      </p>
      {!usable.length && <p class="note">First correct a few micrographs or mark them as checked.</p>}
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
            disabled={!state.run.value.can_train || !usable.length}
            onClick={() => void start()}
          >
            Start
          </button>
        </div>
      )}
      {!state.run.value.can_train && (
        <p class="note">
          Fine-tuning needs PyTorch: <code>pip install 'cryoglean[train]'</code>
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
  const metrics = [...names].filter(
    (name) => now.before?.[name] !== undefined || now.after?.[name] !== undefined,
  );
  return (
    <>
      <p role="status" class={now.state === "failed" ? "trouble" : ""}>
        {now.message || now.state}
        {now.state === "running" && now.steps > 0 && `, ${number(now.step)} of ${number(now.steps)}`}
      </p>
      {now.state === "running" && (
        <progress max={now.steps || 1} value={now.steps ? now.step : undefined} aria-label="Fine-tuning" />
      )}
      {metrics.length > 0 && (
        <table>
          <caption>Held-out micrographs</caption>
          <thead>
            <tr>
              <th scope="col">metric</th>
              <th scope="col">before</th>
              <th scope="col">after</th>
            </tr>
          </thead>
          <tbody>
            {metrics.map((name) => (
              <tr key={name}>
                <th scope="row">{name.replaceAll("_", " ")}</th>
                <td>{formatted(now.before?.[name])}</td>
                <td>{formatted(now.after?.[name])}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {now.command && (
        <p>
          Pick with the new weights:
          <code class="command">{now.command}</code>
        </p>
      )}
      {now.log_tail.length > 0 && (
        <details>
          <summary>Log</summary>
          <pre>{now.log_tail.join("\n")}</pre>
        </details>
      )}
    </>
  );
}

function formatted(value: number | undefined): string {
  if (value === undefined) return "–";
  return Number.isInteger(value) ? number(value) : value.toFixed(3);
}

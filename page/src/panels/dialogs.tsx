/** Help and export. */

import { useSignal } from "@preact/signals";
import { GROUPS } from "../keyboard";
import type { Page } from "../page";
import { counted, Modal, number } from "./parts";

export function Help({ page: { state } }: { page: Page }) {
  const close = () => {
    state.dialog.value = null;
  };
  return (
    <Modal title="Keyboard and mouse" wide onClose={close}>
      <div class="keys">
        <section>
          <h3>Mouse and touch</h3>
          <dl>
            <dt>wheel, pinch</dt>
            <dd>zoom</dd>
            <dt>drag the background</dt>
            <dd>pan</dd>
            <dt>click the background</dt>
            <dd>add a pick</dd>
            <dt>drag a pick</dt>
            <dd>move it, with the others selected</dd>
            <dt>right-click, Alt-click</dt>
            <dd>delete a pick, restore a deleted one</dd>
            <dt>Shift-click</dt>
            <dd>add to the selection</dd>
          </dl>
        </section>
        {GROUPS.map(({ title, keys }) => (
          <section key={title}>
            <h3>{title}</h3>
            <dl>
              {keys
                .filter(({ shown }) => shown)
                .flatMap(({ shown, does }) => [
                  <dt key={shown}>
                    <kbd>{shown}</kbd>
                  </dt>,
                  <dd key={does}>{does}</dd>,
                ])}
            </dl>
          </section>
        ))}
      </div>
    </Modal>
  );
}

export function Export({ page: { api, state, actions } }: { page: Page }) {
  const { formats, threshold: ofRun } = state.run.value;
  const chosen = useSignal(formats[0]?.name ?? "");
  const busy = useSignal(false);
  const problem = useSignal<string | null>(null);
  const close = () => {
    state.dialog.value = null;
  };
  const go = async (): Promise<void> => {
    busy.value = true;
    problem.value = null;
    try {
      await actions.autosave.now();
      const { name, content } = await api.export(chosen.value, state.threshold.value);
      save(name, content);
      actions.notify(`Downloaded ${name}.`);
      close();
    } catch (error) {
      problem.value = (error as Error).message;
    } finally {
      busy.value = false;
    }
  };
  return (
    <Modal title="Export picks" onClose={close}>
      <p>
        <b>{number(state.total.value)}</b> picks from {counted(state.inUse.value, "micrograph")} with score ≥{" "}
        {state.threshold.value.toFixed(3)}. Corrections are applied; rejected micrographs are left out.
      </p>
      {state.threshold.value !== ofRun && (
        <p class="note">
          The files in the run folder keep the threshold {ofRun.toFixed(3)} until you apply the new one.
        </p>
      )}
      <fieldset class="formats">
        <legend>Format</legend>
        {formats.map(({ name, suffix, summary }) => (
          <label key={name}>
            <input
              type="radio"
              name="format"
              value={name}
              checked={chosen.value === name}
              onChange={() => {
                chosen.value = name;
              }}
            />
            <b>{name}</b> <code>{suffix}</code>
            <span>{summary}</span>
          </label>
        ))}
      </fieldset>
      {problem.value && (
        <p class="trouble" role="alert">
          {problem.value}
        </p>
      )}
      <button
        type="button"
        class="primary"
        id="do-export"
        disabled={busy.value || !chosen.value}
        onClick={() => void go()}
      >
        {busy.value ? "Writing…" : "Download"}
      </button>
    </Modal>
  );
}

function save(name: string, content: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** The 2D class averages, the largest first; one that is chosen shows its particles, and can be rejected. */

import { useEffect, useState } from "preact/hooks";
import type { ClassInfo } from "../api";
import type { Page } from "../page";
import { counted, number } from "./parts";

export function ClassesPanel({ page }: { page: Page }) {
  const classes = page.state.classes.value?.classes;
  return (
    <section class="classes" aria-label="2D classes">
      {classes ? <Head page={page} classes={classes} /> : <p class="nothing">Loading…</p>}
      <ul class="averages">
        {classes?.map((one) => (
          <li key={one.number}>
            <Average page={page} one={one} all={classes} />
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What is known of all classes, while none is chosen. */
function Overview({ page: { state } }: { page: Page }) {
  const { classes, sorted, picks, current } = state.classes.value!;
  const part = sorted < picks ? `${number(sorted)} of ${counted(picks, "pick")}` : counted(picks, "pick");
  return (
    <header class="classes-head">
      <h2>2D classes</h2>
      <span class="quiet">
        {part} in {counted(classes.length, "class", "classes")}. Click one to see its particles.
        {!current && " The picks have changed since."}
      </span>
    </header>
  );
}

function Head({ page, classes }: { page: Page; classes: readonly ClassInfo[] }) {
  const { state, actions } = page;
  const chosen = classes.find(({ number: one }) => one === state.classNumber.value);
  const busy = state.classBusy.value !== null;
  if (!chosen) return <Overview page={page} />;
  const left = chosen.picks - chosen.deleted;
  return (
    <header class="classes-head">
      <h2>Class {chosen.number}</h2>
      <span class="quiet" role="status">
        {counted(left, "particle")}
        {chosen.deleted > 0 && `, ${number(chosen.deleted)} deleted`} · {chosen.verdict}
        {chosen.reason && `: ${chosen.reason}`}
      </span>
      <fieldset class="group end" aria-label="This class">
        <button
          type="button"
          onClick={() => {
            state.classNumber.value = null;
          }}
        >
          Show all
        </button>
        <button
          type="button"
          disabled={busy || !chosen.deleted}
          title="Restore the picks of this class"
          onClick={() => void actions.rejectClass(chosen.number, false)}
        >
          Accept
        </button>
        <button
          type="button"
          class="danger"
          disabled={busy || !left}
          title="Delete the picks of this class in all micrographs; Undo restores them"
          onClick={() => void actions.rejectClass(chosen.number, true)}
        >
          {busy ? "Working…" : "Reject class"}
        </button>
      </fieldset>
    </header>
  );
}

function Average({ page, one, all }: { page: Page; one: ClassInfo; all: readonly ClassInfo[] }) {
  const { state, api } = page;
  const [address, set] = useState<string | null>(null);
  useEffect(() => {
    let made: string | null = null;
    let gone = false;
    api.classAverage(one.number).then(
      (picture) => {
        if (gone) return;
        made = URL.createObjectURL(picture);
        set(made);
      },
      () => {},
    );
    return () => {
      gone = true;
      if (made) URL.revokeObjectURL(made);
    };
  }, [api, one.number, state.classes.value?.made]);
  const chosen = state.classNumber.value === one.number;
  const left = one.picks - one.deleted;
  const share = total(all) ? `${Math.round((100 * one.picks) / total(all))} %` : "";
  return (
    <button
      type="button"
      class={`average${left ? "" : " rejected"}`}
      aria-pressed={chosen}
      aria-label={`Class ${one.number}: ${counted(left, "particle")}, ${share}, ${one.verdict}${left ? "" : ", rejected"}`}
      title={one.reason || `Class ${one.number}`}
      onClick={() => {
        state.classNumber.value = chosen ? null : one.number;
      }}
    >
      {address ? <img src={address} alt="" /> : <span class="blank" />}
      <span>
        <b>{number(left || one.picks)}</b> <span class="quiet">{share}</span>
      </span>
      <span class={`verdict ${one.verdict}`}>{left ? one.verdict : "rejected"}</span>
    </button>
  );
}

function total(classes: readonly ClassInfo[]): number {
  return classes.reduce((sum, { picks }) => sum + picks, 0);
}

/** The list of micrographs: only the rows on the screen exist. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { type Filter, rowsShown, type Sort } from "../logic/listing";
import type { Page } from "../page";
import type { Thumbnails } from "../thumbnails";
import { counted, number, WithCode } from "./parts";

const ROW = 58;
/** Characters at the end of a name that are always shown. */
const END = 12;

const FILTERS: [Filter, string][] = [
  ["all", "All"],
  ["outliers", "Outliers"],
  ["failed", "Failed"],
  ["corrected", "Corrected"],
  ["unchecked", "Unchecked"],
  ["rejected", "Rejected"],
];
const SORTS: [Sort, string][] = [
  ["order", "Run order"],
  ["name", "Name"],
  ["picks", "Picks"],
  ["score", "Mean score"],
  ["defocus", "Defocus"],
];

export function MicrographList({ page }: { page: Page }) {
  const { state } = page;
  return (
    <nav class="list" aria-label="Micrographs">
      <div class="list-head">
        <RunName page={page} />
        <input
          id="search"
          type="search"
          placeholder="Search by name"
          aria-label="Search micrographs by name"
          value={state.search.value}
          onInput={({ currentTarget }) => {
            state.search.value = currentTarget.value;
          }}
          onKeyDown={({ key, currentTarget }) => {
            if (key === "Escape" || key === "Enter") currentTarget.blur();
          }}
        />
        <div class="row">
          <select
            aria-label="Show"
            value={state.filter.value}
            onChange={({ currentTarget }) => {
              state.filter.value = currentTarget.value as Filter;
            }}
          >
            {FILTERS.map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
          <select
            aria-label="Sort by"
            value={state.sort.value}
            onChange={({ currentTarget }) => {
              state.sort.value = currentTarget.value as Sort;
            }}
          >
            {SORTS.map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
          <button
            type="button"
            class="icon"
            aria-label="Largest first"
            title="Largest first"
            aria-pressed={state.descending.value}
            onClick={() => {
              state.descending.value = !state.descending.value;
            }}
          >
            {state.descending.value ? "↓" : "↑"}
          </button>
        </div>
        <p class="list-count">
          {state.rows.value.length < state.table.value.name.length &&
            `${number(state.rows.value.length)} of `}
          {counted(state.table.value.name.length, "micrograph")}
          {state.run.value.loaded < state.run.value.micrographs &&
            ` · reading ${number(state.run.value.loaded)}`}
        </p>
      </div>
      <Rows page={page} />
    </nav>
  );
}

function RunName({ page }: { page: Page }) {
  const { state } = page;
  const { name, folder, method, diameter, state: progress } = state.run.value;
  return (
    <>
      <p class="run" title={folder}>
        <b>{name}</b>
        <span>
          {method}
          {diameter !== null && `, ${Math.round(diameter)} Å`}
          {progress !== "complete" && <em> {progress}</em>}
        </span>
      </p>
      <About page={page} />
    </>
  );
}

/** What concerns the run as a whole, what to try where hardly anything was picked, and how it was picked. */
function About({ page }: { page: Page }) {
  const { about, notices, advice } = page.state.run.value;
  return (
    <>
      {notices.map((text) => (
        <p key={text} class="run-notice">
          <WithCode text={text} />
        </p>
      ))}
      {advice.length > 0 && (
        <div class="run-notice">
          Next to nothing was picked. What to try:
          <Lines lines={advice} />
        </div>
      )}
      {about.length > 0 && (
        <details class="about">
          <summary>How it was picked</summary>
          <Lines lines={about} />
        </details>
      )}
    </>
  );
}

function Lines({ lines }: { lines: string[] }) {
  return (
    <ul>
      {lines.map((text) => (
        <li key={text}>
          <WithCode text={text} />
        </li>
      ))}
    </ul>
  );
}

function Rows({ page }: { page: Page }) {
  const { state, actions } = page;
  const box = useRef<HTMLDivElement>(null);
  const scrolled = useSignal(0);
  const height = useSignal(600);
  const rows = state.rows.value;
  const current = state.current.value;
  useEffect(() => {
    const sizes = new ResizeObserver(([entry]) => {
      height.value = entry!.contentRect.height;
    });
    sizes.observe(box.current!);
    return () => sizes.disconnect();
  }, []);
  useEffect(() => {
    const at = rows.indexOf(current);
    const { scrollTop, clientHeight } = box.current!;
    if (at < 0 || (at * ROW >= scrollTop && (at + 1) * ROW <= scrollTop + clientHeight)) return;
    box.current!.scrollTop = Math.max(0, (at + 0.5) * ROW - clientHeight / 2);
  }, [current, rows]);
  const [first, last] = rowsShown(scrolled.value, height.value, ROW, rows.length);
  return (
    <div
      ref={box}
      class="rows"
      tabIndex={0}
      role="listbox"
      aria-label="Micrographs"
      aria-activedescendant={current >= 0 ? `row-${current}` : undefined}
      onScroll={({ currentTarget }) => {
        scrolled.value = currentTarget.scrollTop;
      }}
      onKeyDown={(event) => {
        const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -1e9, End: 1e9 }[event.key];
        if (!by) return;
        event.preventDefault();
        actions.step(by);
      }}
    >
      {rows.length === 0 && <p class="nothing">No micrographs match.</p>}
      <div class="all-rows" style={{ height: `${rows.length * ROW}px` }}>
        {rows.slice(first, last).map((index, i) => (
          <Row key={index} page={page} index={index} at={first + i} number={rows.length} />
        ))}
      </div>
    </div>
  );
}

function Row({ page, index, at, number: all }: { page: Page; index: number; at: number; number: number }) {
  const { state, actions } = page;
  const { name, state: states, error, outlier, defocus } = state.table.value;
  const entry = state.entries.value[index]!;
  const current = state.current.value === index;
  const marks = [
    entry.rejected && "rejected",
    entry.corrected && !entry.rejected && "corrected",
    entry.lookedAt && "checked",
  ].filter(Boolean);
  const why = state.proposed.value.get(index);
  return (
    <div
      id={`row-${index}`}
      class={`micrograph${current ? " current" : ""}${entry.rejected ? " rejected" : ""}`}
      role="option"
      aria-selected={current}
      aria-setsize={all}
      aria-posinset={at + 1}
      style={{ transform: `translateY(${at * ROW}px)` }}
      title={error[index] ?? outlier[index] ?? name[index]}
      onClick={() => void actions.show(index)}
    >
      {states[index] === "done" ? <Thumbnail from={page.thumbnails} index={index} /> : <span class="thumb" />}
      <Name name={name[index]!} />
      <span class="facts">
        {states[index] === "done" ? (
          <Counts page={page} index={index} />
        ) : (
          <span class="bad">{states[index] === "failed" ? "failed" : states[index]}</span>
        )}
        {defocus[index] != null && <span>{(defocus[index] / 1e4).toFixed(2)} µm</span>}
      </span>
      <span class="marks-of">
        {entry.outlier && (
          <span class="outlier" role="img" aria-label="outlier">
            !
          </span>
        )}
        {why && (
          <span class="informative" role="img" aria-label={why}>
            ★
          </span>
        )}
        {marks.map((mark) => (
          <span key={String(mark)} class={String(mark)}>
            {mark}
          </span>
        ))}
      </span>
    </div>
  );
}

/** A name that is cut in its middle where it is too long: names of a session differ at their ends. */
function Name({ name }: { name: string }) {
  const end = Math.max(0, name.length - END);
  return (
    <span class="name">
      <span class="start">{name.slice(0, end)}</span>
      <span>{name.slice(end)}</span>
    </span>
  );
}

/** Apart from its row, so that moving the threshold draws nothing else anew. */
function Counts({ page: { state }, index }: { page: Page; index: number }) {
  state.counted.value;
  const at = state.threshold.value;
  const mean = state.meanScore(index, at);
  return (
    <>
      <b>{number(state.histograms.count(index, at))}</b>
      <span>{mean === null ? "" : `mean ${mean.toFixed(2)}`}</span>
    </>
  );
}

function Thumbnail({ from, index }: { from: Thumbnails; index: number }) {
  const [address, set] = useState<string | null>(null);
  useEffect(() => from.want(index, set), [from, index]);
  return <span class="thumb">{address && <img src={address} alt="" decoding="async" />}</span>;
}

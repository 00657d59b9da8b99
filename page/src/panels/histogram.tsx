/** The score histogram with the threshold in it, live on the whole run. */

import { effect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { scoreColour } from "../logic/colours";
import { BINS } from "../logic/histograms";
import type { Page } from "../page";
import type { State } from "../state";
import { counted, number, Panel } from "./parts";

export function ThresholdPanel({ page }: { page: Page }) {
  const { state, actions } = page;
  const { threshold: ofRun, recommended } = state.run.value;
  const threshold = state.threshold.value;
  const here = state.shown.value.length;
  const changed = threshold !== ofRun;
  return (
    <Panel title="Threshold">
      <div class="totals" aria-live="off">
        <b id="total">{number(state.total.value)}</b> picks in {counted(state.inUse.value, "micrograph")}
        <br />
        <b id="here">{number(here)}</b> in this one
      </div>
      <Histogram page={page} />
      <input
        type="range"
        class="threshold"
        aria-label="Score threshold"
        aria-valuetext={`${threshold.toFixed(3)}: ${number(state.total.value)} picks in the run, ${number(here)} here`}
        min={0}
        max={BINS}
        step={1}
        value={threshold * BINS}
        onInput={({ currentTarget }) => actions.setThreshold(Number(currentTarget.value) / BINS)}
      />
      <div class="row threshold-row">
        <label>
          score ≥{" "}
          <input
            type="number"
            min={0}
            max={1}
            step={0.01}
            value={threshold.toFixed(3)}
            onChange={({ currentTarget }) => actions.setThreshold(Number(currentTarget.value))}
          />
        </label>
        {recommended !== null && recommended !== threshold && (
          <button
            type="button"
            class="link"
            title="The threshold that the method recommends"
            onClick={() => actions.setThreshold(recommended)}
          >
            recommended: {recommended.toFixed(2)}
          </button>
        )}
      </div>
      <button
        type="button"
        id="apply"
        class={changed ? "primary" : ""}
        disabled={!changed || state.applying.value}
        onClick={() => void actions.applyThreshold()}
      >
        {state.applying.value
          ? "Writing the run's files…"
          : changed
            ? `Apply to the run (now ${ofRun.toFixed(3)})`
            : "Applied to the run"}
      </button>
    </Panel>
  );
}

function Histogram({ page }: { page: Page }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { state, actions } = page;
  useEffect(() => {
    let asked = 0;
    const stop = effect(() => {
      state.counted.value;
      state.threshold.value;
      state.current.value;
      state.run.value;
      asked ||= requestAnimationFrame(() => {
        asked = 0;
        draw(canvas.current!, state);
      });
    });
    return () => {
      cancelAnimationFrame(asked);
      stop();
    };
  }, [state]);
  const take = (event: PointerEvent): void => {
    const { left, width } = canvas.current!.getBoundingClientRect();
    actions.setThreshold((event.clientX - left) / width);
  };
  return (
    <canvas
      ref={canvas}
      class="histogram"
      onPointerDown={(event) => {
        canvas.current!.setPointerCapture(event.pointerId);
        take(event);
      }}
      onPointerMove={(event) => {
        if (event.buttons) take(event);
      }}
    />
  );
}

/** Bars of four bins; their heights are logarithms, so that few picks between show beside many at the ends. */
const JOINED = 4;

function draw(canvas: HTMLCanvasElement, state: State): void {
  const { clientWidth: width, clientHeight: height } = canvas;
  canvas.width = Math.round(width * devicePixelRatio);
  canvas.height = Math.round(height * devicePixelRatio);
  const context = canvas.getContext("2d")!;
  context.scale(devicePixelRatio, devicePixelRatio);
  const style = getComputedStyle(canvas);
  const colour = (name: string): string => style.getPropertyValue(name);
  const threshold = state.threshold.peek();
  const all = joined(state.histograms.totals());
  const step = width / all.length;
  const top = Math.log1p(Math.max(1, ...all));
  all.forEach((count, i) => {
    const tall = (Math.log1p(count) / top) * (height - 4);
    context.fillStyle =
      (i + 1) / all.length > threshold ? scoreColour((i + 0.5) / all.length) : colour("--scrollbar");
    context.fillRect(i * step, height - tall, Math.max(1, step - 1), tall);
  });
  drawHere(context, state, width, height, colour("--quiet"));
  const { recommended, threshold: ofRun } = state.run.peek();
  if (recommended !== null) line(context, recommended * width, height, colour("--quiet"), [2, 3]);
  line(context, ofRun * width, height, colour("--quiet"), []);
  line(context, threshold * width, height, colour("--text"), [], 2);
}

/** The present micrograph's own histogram, as a line in its own scale. */
function drawHere(
  context: CanvasRenderingContext2D,
  state: State,
  width: number,
  height: number,
  colour: string,
): void {
  const index = state.current.peek();
  if (index < 0) return;
  const here = joined(state.histograms.row(index));
  const top = Math.log1p(Math.max(1, ...here));
  const step = width / here.length;
  context.beginPath();
  here.forEach((count, i) => {
    context.lineTo((i + 0.5) * step, height - 1 - (Math.log1p(count) / top) * (height - 6));
  });
  context.lineWidth = 1;
  context.strokeStyle = colour;
  context.stroke();
}

function line(
  context: CanvasRenderingContext2D,
  x: number,
  height: number,
  colour: string,
  dash: number[],
  thickness = 1,
): void {
  context.beginPath();
  context.setLineDash(dash);
  context.moveTo(Math.min(context.canvas.clientWidth - 1, Math.max(1, x)), 0);
  context.lineTo(Math.min(context.canvas.clientWidth - 1, Math.max(1, x)), height);
  context.strokeStyle = colour;
  context.lineWidth = thickness;
  context.stroke();
  context.setLineDash([]);
}

function joined(bins: ArrayLike<number>): number[] {
  return Array.from({ length: bins.length / JOINED }, (_, i) => {
    let sum = 0;
    for (let k = 0; k < JOINED; k++) sum += bins[i * JOINED + k]!;
    return sum;
  });
}

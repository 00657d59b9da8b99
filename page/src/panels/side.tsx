/** What is known of the micrograph on the canvas, and how it is drawn. */

import type { Page } from "../page";
import { Check, Fact, number, Panel, Slider } from "./parts";

export function MicrographPanel({ page: { state, actions } }: { page: Page }) {
  const index = state.current.value;
  const open = state.open.value;
  const table = state.table.value;
  if (index < 0) return null;
  const pixelSize = table.pixel_size[index];
  const defocus = table.defocus[index];
  const mean = state.counted.value >= 0 ? state.meanScore(index, state.threshold.value) : null;
  const note = table.outlier[index];
  const usable = Boolean(open) && state.known(index);
  return (
    <Panel title="Micrograph">
      <p class="path" title={table.path[index]}>
        {table.name[index]}
      </p>
      {note && <p class="note">{note}</p>}
      <dl>
        <Fact name="Size">
          {table.width[index] ? `${table.width[index]} × ${table.height[index]} px` : "not known"}
        </Fact>
        <Fact name="Pixel">{pixelSize == null ? "not known" : `${pixelSize.toFixed(3)} Å`}</Fact>
        {defocus != null && <Fact name="Defocus">{(defocus / 1e4).toFixed(2)} µm</Fact>}
        <Fact name="Mean score">{mean === null ? "–" : mean.toFixed(3)}</Fact>
        <Fact name="Corrections">
          +{table.added[index]} −{table.deleted[index]}
          {table.moved[index] ? ` ↔${table.moved[index]}` : ""}
        </Fact>
      </dl>
      <div class="row">
        <button
          type="button"
          aria-pressed={open?.corrections.lookedAt ?? false}
          disabled={!usable}
          onClick={() => actions.check(!open?.corrections.lookedAt)}
        >
          {open?.corrections.lookedAt ? "✓ Checked" : "Mark checked"}
        </button>
        <button
          type="button"
          class="danger"
          aria-pressed={open?.corrections.rejected ?? false}
          disabled={!usable}
          onClick={() => actions.reject()}
        >
          {open?.corrections.rejected ? "Accept again" : "Reject"}
        </button>
      </div>
    </Panel>
  );
}

export function ComparePanel({ page: { state, actions } }: { page: Page }) {
  const { reference } = state.run.value;
  if (!reference) return null;
  const figures = state.compared.value?.figures;
  const share = (value: number | null): string => (value === null ? "–" : value.toFixed(3));
  return (
    <Panel title="Reference">
      <Check
        label={`Compare with ${reference.name}`}
        hint="S"
        value={state.look.value.compare}
        onChange={(compare) => actions.setLook({ compare })}
      />
      {figures ? (
        <dl class="figures">
          <Fact name="Hits">
            <span class="hit">{number(figures.hits)}</span>
          </Fact>
          <Fact name="Missed">
            <span class="missed">{number(figures.missed)}</span>
          </Fact>
          <Fact name="False picks">
            <span class="false">{number(figures.falsePicks)}</span>
          </Fact>
          <Fact name="Precision">{share(figures.precision)}</Fact>
          <Fact name="Recall">{share(figures.recall)}</Fact>
          <Fact name="F1">
            <b id="f1">{share(figures.f1)}</b>
          </Fact>
        </dl>
      ) : (
        <p class="quiet">No reference for this micrograph.</p>
      )}
    </Panel>
  );
}

export function ImagePanel({ page: { state, actions } }: { page: Page }) {
  const look = state.look.value;
  return (
    <Panel title="Image">
      <Slider
        label="Contrast"
        value={Math.log2(look.contrast)}
        shown={look.contrast.toFixed(2)}
        min={-2}
        max={2.3}
        step={0.05}
        plain={0}
        onChange={(value) => actions.setLook({ contrast: 2 ** value })}
      />
      <Slider
        label="Brightness"
        value={look.brightness}
        shown={look.brightness.toFixed(2)}
        min={-2}
        max={2}
        step={0.05}
        plain={0}
        onChange={(brightness) => actions.setLook({ brightness })}
      />
      <label class="slider">
        <span>Low-pass</span>
        <select
          id="lowpass"
          value={look.lowpass === null ? "usual" : String(look.lowpass)}
          onChange={({ currentTarget: { value } }) =>
            actions.setLook({ lowpass: value === "usual" ? null : Number(value) })
          }
        >
          <option value="usual">automatic</option>
          <option value="0">none</option>
          {[5, 10, 15, 20, 30, 40, 60, 100].map((length) => (
            <option key={length} value={length}>
              {length} Å
            </option>
          ))}
        </select>
      </label>
      <Check
        label="Invert"
        hint="I"
        value={look.inverted}
        onChange={(inverted) => actions.setLook({ inverted })}
      />
      <Check
        label="Particle map"
        hint="P"
        value={look.overlay === "particle"}
        onChange={(on) => actions.setLook({ overlay: on ? "particle" : null })}
      />
      <Check
        label={state.run.value.method === "network" ? "Contamination map" : "Contamination map (network)"}
        hint="Q"
        value={look.overlay === "contamination"}
        onChange={(on) => actions.setLook({ overlay: on ? "contamination" : null })}
      />
      {look.overlay && (
        <Slider
          label="Opacity"
          value={look.opacity}
          shown={`${Math.round(100 * look.opacity)} %`}
          min={0.1}
          max={1}
          step={0.05}
          plain={0.5}
          onChange={(opacity) => actions.setLook({ opacity })}
        />
      )}
    </Panel>
  );
}

export function MarkersPanel({ page: { state, actions } }: { page: Page }) {
  const look = state.look.value;
  const pixelSize = state.pixelSize.value;
  return (
    <Panel title="Markers">
      <Check label="Picks" hint="M" value={look.picks} onChange={(picks) => actions.setLook({ picks })} />
      <Check
        label="Candidates below the threshold"
        hint="F"
        value={look.weak}
        onChange={(weak) => actions.setLook({ weak })}
      />
      <Check
        label="Deleted picks"
        hint="D"
        value={look.deleted}
        onChange={(deleted) => actions.setLook({ deleted })}
      />
      <Check label="Box" hint="O" value={look.box} onChange={(box) => actions.setLook({ box })} />
      <label class="slider">
        <span>Box size</span>
        <input
          type="number"
          min={2}
          max={4096}
          step={2}
          value={state.boxPx.value}
          onChange={({ currentTarget: { value } }) =>
            actions.setLook({ boxPx: Math.max(0, Math.round(Number(value))), box: true })
          }
        />
        <output>px, {Math.round(state.boxPx.value * pixelSize)} Å</output>
      </label>
    </Panel>
  );
}

/** Small things that several panels are made of. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

const whole = new Intl.NumberFormat("en");

/** Write a whole number with its thousands apart. */
export function number(value: number): string {
  return whole.format(value);
}

/** Write how many things there are. */
export function counted(value: number, thing: string, things = `${thing}s`): string {
  return `${number(value)} ${value === 1 ? thing : things}`;
}

export function Panel({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section class="panel">
      <h2>{title}</h2>
      {children}
    </section>
  );
}

export function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

export function Slider(props: {
  label: string;
  value: number;
  shown: string;
  min: number;
  max: number;
  step: number;
  plain: number;
  onChange: (value: number) => void;
}) {
  const { label, shown, plain, onChange, ...range } = props;
  return (
    <label class="slider">
      <span>{label}</span>
      <input
        type="range"
        {...range}
        aria-valuetext={shown}
        onInput={({ currentTarget }) => onChange(Number(currentTarget.value))}
        onDblClick={() => onChange(plain)}
        title="Double-click to reset"
      />
      <output>{shown}</output>
    </label>
  );
}

export function Check(props: {
  label: string;
  hint: string;
  value: boolean;
  disabled?: boolean;
  onChange: (value: boolean) => void;
}) {
  return (
    <label class={`check${props.disabled ? " disabled" : ""}`}>
      <input
        type="checkbox"
        checked={props.value}
        disabled={props.disabled ?? false}
        onChange={({ currentTarget }) => props.onChange(currentTarget.checked)}
      />
      <span>{props.label}</span>
      <kbd>{props.hint}</kbd>
    </label>
  );
}

/** A dialog of the browser's own: it keeps the focus inside, and Esc closes it. */
export function Modal({
  title,
  wide = false,
  onClose,
  children,
}: {
  title: string;
  wide?: boolean;
  onClose: () => void;
  children: ComponentChildren;
}) {
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => box.current?.showModal(), []);
  return (
    <dialog
      ref={box}
      class={wide ? "wide" : ""}
      aria-label={title}
      onClose={onClose}
      onClick={({ target }) => {
        if (target === box.current) box.current?.close();
      }}
    >
      <div class="dialog">
        <header>
          <h1>{title}</h1>
          <button type="button" class="icon" aria-label="Close" onClick={() => box.current?.close()}>
            ✕
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}

/** A sentence with options and commands, which stand between backticks, set as code. */
export function WithCode({ text }: { text: string }) {
  return <>{text.split("`").map((part, k) => (k % 2 ? <code key={`${k} ${part}`}>{part}</code> : part))}</>;
}

/** Where the page begins. */

import { render } from "preact";
import { Api, takeToken } from "./api";
import { listen } from "./keyboard";
import { Page } from "./page";
import { Bar, StatusLine } from "./panels/bar";
import { ClassesPanel } from "./panels/classes";
import { Export, Help } from "./panels/dialogs";
import { FineTuning } from "./panels/finetuning";
import { Gallery } from "./panels/gallery";
import { ThresholdPanel } from "./panels/histogram";
import { MicrographList } from "./panels/list";
import { ComparePanel, ImagePanel, MarkersPanel, MicrographPanel } from "./panels/side";
import { State } from "./state";
import "./style.css";
import { MicrographView } from "./view/canvas";

function App({ page }: { page: Page }) {
  const dialog = page.state.dialog.value;
  return (
    <>
      <Bar page={page} />
      <MicrographList page={page} />
      <main>
        <div class="stage">
          <MicrographView page={page} />
          {page.state.mode.value === "particles" && <Gallery page={page} />}
        </div>
        {page.state.classesOpen.value && <ClassesPanel page={page} />}
        <StatusLine page={page} />
      </main>
      <aside aria-label="Threshold and display">
        <ThresholdPanel page={page} />
        <ComparePanel page={page} />
        <MicrographPanel page={page} />
        <ImagePanel page={page} />
        <MarkersPanel page={page} />
      </aside>
      <p class="announced" aria-live="polite">
        {page.state.announced.value}
      </p>
      {dialog === "help" && <Help page={page} />}
      {dialog === "export" && <Export page={page} />}
      {dialog === "fine-tuning" && <FineTuning page={page} />}
    </>
  );
}

function Stopped({ children }: { children: string }) {
  return (
    <main class="stopped">
      <h1>cryoglean</h1>
      <p role="alert">{children}</p>
    </main>
  );
}

/** Return the micrograph that the address names, else the first that was picked. */
function first({ name, state }: { name: string[]; state: string[] }): number {
  const named = name.indexOf(decodeURIComponent(window.location.hash.slice(1)));
  return named >= 0 ? named : Math.max(0, state.indexOf("done"));
}

async function begin(root: HTMLElement): Promise<void> {
  const token = takeToken();
  if (!token) {
    render(
      <Stopped>Open the address that `cryoglean view` has printed: this page needs the token in it.</Stopped>,
      root,
    );
    return;
  }
  const api = new Api(token);
  const [run, [table, bins]] = await Promise.all([api.run(), api.overview()]);
  document.title = `${run.name} – cryoglean`;
  const page = new Page(api, new State(run, table, bins));
  const index = first(table);
  page.actions.prefetchFirst(index);
  render(<App page={page} />, root);
  listen(page);
  window.addEventListener("online", () => void page.actions.autosave.now());
  window.addEventListener("beforeunload", (event) => {
    if (page.actions.autosave.number) event.preventDefault();
  });
  page.actions.follow();
  await page.actions.show(index);
}

const root = document.getElementById("page")!;
begin(root).catch((error: Error) => render(<Stopped>{error.message}</Stopped>, root));

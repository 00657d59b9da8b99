/** The page as a whole: what its parts share. */

import { signal } from "@preact/signals";
import { Actions } from "./actions";
import type { Api } from "./api";
import type { Particle } from "./logic/gallery";
import type { State } from "./state";
import { Thumbnails } from "./thumbnails";
import { Camera } from "./view/camera";
import { Overlays } from "./view/overlay";
import type { Pointer } from "./view/pointer";

export class Page {
  readonly api: Api;
  readonly state: State;
  readonly actions: Actions;
  readonly camera = new Camera();
  readonly overlays: Overlays;
  readonly thumbnails: Thumbnails;
  /** Whether the micrograph is being worked with keys, so that a crosshair shows where they act. */
  readonly keyboard = signal(false);
  pointer: Pointer | null = null;
  private begun = false;

  constructor(api: Api, state: State) {
    this.api = api;
    this.state = state;
    this.actions = new Actions(api, state);
    this.overlays = new Overlays(api);
    this.thumbnails = new Thumbnails(api, () => !this.begun || this.actions.pictures.awaited);
    this.actions.pictures.atRest = () => {
      this.begun = true;
      this.thumbnails.go();
    };
    // A first micrograph that cannot be shown must not keep the list waiting.
    setTimeout(this.actions.pictures.atRest, 2500);
  }

  /** Show a particle on its micrograph. */
  async reveal({ index, pick }: Particle): Promise<void> {
    this.state.mode.value = "micrograph";
    await this.actions.show(index);
    if (this.state.current.peek() !== index) return;
    this.state.selection.value = new Set([pick.id]);
    this.camera.reveal(pick);
  }
}

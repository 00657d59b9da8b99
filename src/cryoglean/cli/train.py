"""`cryoglean train`: the two networks, from shards of tiles to a folder of weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cryoglean.cli.options import configured
from cryoglean.config import TrainConfig
from cryoglean.errors import UsageError


@configured(TrainConfig)
def train(
    *,
    shards: Annotated[
        Path,
        typer.Option(help="Folder of tiles that `cryoglean simulate --tiles` wrote.", show_default=False),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the weights; its name becomes theirs.")],
    real: Annotated[
        Path | None,
        typer.Option(
            help="Folder of tiles of your own micrographs, from `cryoglean labels --tiles`, to learn from "
            "beside the simulated ones, which keep the general ability.",
            show_default=False,
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", help="Weights to go on from: a name or a folder.", show_default=False),
    ] = None,
    preset: Annotated[
        Literal["light", "pixer-2019"] | None,
        typer.Option(help="Which pair of networks: ours or the paper's own.", show_default="light"),
    ] = None,
    branches: Annotated[
        int | None,
        typer.Option(help="Parallel atrous branches.", min=1, max=5, show_default="4"),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint in OUT/training.")
    ] = False,
    config: TrainConfig,
) -> None:
    """Train the segmentation and the classification network, and calibrate them.

    Writes OUT/segmenter.onnx, OUT/classifier.onnx, both as .safetensors too, and
    OUT/card.json, which `cryoglean pick --method network --weights OUT` uses. OUT/training
    holds checkpoints, metrics (CSV) and pictures of example maps while it runs.
    Needs the extra "train" of the package.

    Example: cryoglean train --shards shards --out weights/mine --epochs 10
    """
    import sys

    _require_torch()
    from cryoglean.network.making import Provenance, load_tiles, make_weights
    from cryoglean.network.tiles import LabelledTiles
    from cryoglean.network.weights import read_weights
    from cryoglean.simulate.shards import SPLITS

    started = read_weights(start) if start is not None else None
    shape = started.card.architecture if started else config.architecture
    chosen = {"preset": preset, "branches": branches}
    wanted = {name: value for name, value in chosen.items() if value is not None}
    if started and wanted:
        raise UsageError("--preset and --branches follow from the weights that --from names; leave them out")
    config = config.model_copy(update={"architecture": shape.model_copy(update=wanted)})
    tiles = {split: load_tiles(shards, split, config) for split in SPLITS}
    if real is not None:
        tiles["train"] = LabelledTiles.joined([load_tiles(real, "train", config), tiles["train"]])
    provenance = Provenance(
        name=out.resolve().name,
        command=" ".join(["cryoglean", *sys.argv[1:]]),
        data=f"{len(tiles['train'])} tiles in {shards.name}" + (f" and {real.name}" if real else ""),
    )
    card = make_weights(
        tiles, config, provenance, out=out, start=started.folder if started else None, resume=resume
    )
    typer.echo(f"weights in {out}; recommended threshold {card.threshold:g}; on held-out families:")
    for name, value in card.validation.items():
        typer.echo(f"  {name.replace('_', ' ')}: {value:.3f}")


def _require_torch() -> None:
    from importlib.util import find_spec

    missing = [name for name in ("torch", "safetensors", "onnx") if find_spec(name) is None]
    if missing:
        raise UsageError(f"training needs {', '.join(missing)}; pip install 'cryoglean[train]'")

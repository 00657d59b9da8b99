"""`cryoglean train`: the two networks, from tiles, picks or corrections to a folder of weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cryoglean.cli.options import OUTPUT, RUNNING, configured
from cryoglean.cli.settings import Settings
from cryoglean.errors import UsageError
from cryoglean.pickers.settings import PickConfig
from cryoglean.training.settings import TrainConfig

if TYPE_CHECKING:
    from cryoglean.networks.weights import Weights

NETWORKS, OWN = "Training", "Your own micrographs"
"""Panels of the help."""


@configured(
    config=Settings(
        TrainConfig,
        {
            NETWORKS: ["epochs", "classifier_epochs", "batch", "rate"],
            RUNNING: ["seed", "device", "threads"],
        },
    )
)
def train(
    *,
    out: Annotated[
        Path, typer.Option(help="Folder for the weights; its name becomes theirs.", rich_help_panel=OUTPUT)
    ],
    shards: Annotated[
        Path | None,
        typer.Option(
            help="Folder of tiles that `cryoglean simulate --tiles` wrote. New networks are trained on them; "
            "beside your own micrographs they are rehearsed, and simulated if not given.",
            show_default=False,
            rich_help_panel=NETWORKS,
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Weights to go on from: a name or a folder.",
            show_default=False,
            rich_help_panel=NETWORKS,
        ),
    ] = None,
    empty: Annotated[
        list[str] | None,
        typer.Option(
            help="Micrographs without any particle (ice, carbon, empty fields): files, folders or globs; new "
            "networks learn from them what no simulation shows.",
            show_default=False,
            rich_help_panel=NETWORKS,
        ),
    ] = None,
    corrections: Annotated[
        Path | None,
        typer.Option(
            help="Run whose picks you corrected in `cryoglean view`.",
            show_default=False,
            rich_help_panel=OWN,
        ),
    ] = None,
    picks: Annotated[
        list[Path] | None,
        typer.Option(
            help="Your own picks: a file of any known format, or a folder; may be repeated.",
            show_default=False,
            rich_help_panel=OWN,
        ),
    ] = None,
    micrographs: Annotated[
        list[str] | None,
        typer.Option(
            help="Micrographs of --picks: files, folders, globs in quotes, @lists or STAR files; may be "
            "repeated. Those without picks are left out.",
            show_default=False,
            rich_help_panel=OWN,
        ),
    ] = None,
    incomplete: Annotated[
        bool,
        typer.Option(
            "--incomplete",
            help="--picks or --real hold only some of the particles, such as those that a refinement kept: "
            "do not take what lies between them for background.",
            rich_help_panel=OWN,
        ),
    ] = False,
    real: Annotated[
        Path | None,
        typer.Option(
            help="Folder of tiles of your own micrographs, from `cryoglean labels --tiles`.",
            show_default=False,
            rich_help_panel=OWN,
        ),
    ] = None,
    diameter: Annotated[
        float | None,
        typer.Option(
            help="Particle diameter of --picks, Å.",
            min=1,
            show_default="that of the picks, or measured",
            rich_help_panel=OWN,
        ),
    ] = None,
    angpix: Annotated[
        float | None,
        typer.Option(
            help="Pixel size of the micrographs of --picks, Å.",
            min=0.01,
            show_default="that of the files",
            rich_help_panel=OWN,
        ),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            help="Longest time for your own micrographs, minutes.",
            min=0.1,
            show_default="10",
            rich_help_panel=OWN,
        ),
    ] = None,
    preset: Annotated[
        Literal["light", "pixer-2019"] | None,
        typer.Option(
            help="Pair of networks: one for CPUs, or that of the paper.",
            show_default="light",
            rich_help_panel=NETWORKS,
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on from the last checkpoint in OUT/training.", rich_help_panel=RUNNING
        ),
    ] = False,
    json_lines: Annotated[
        bool,
        typer.Option(
            "--json-lines",
            help="Print progress as one JSON object a line (own micrographs only).",
            rich_help_panel=RUNNING,
        ),
    ] = False,
    config: TrainConfig,
) -> None:
    """Train the segmentation and the classification network, and calibrate them.

    From tiles alone, new networks are trained. With --from and --corrections,
    --picks or --real, trained ones go on with a few of your micrographs, in
    minutes on a CPU; their figures before and after, on micrographs held back,
    are printed.

    OUT then holds both networks as .onnx and .safetensors, and card.json. To
    pick with them: `cryoglean pick --method network --weights OUT`.
    OUT/training holds checkpoints, metrics (CSV) and pictures of example maps.
    Needs the package's extra "train".

    Example: cryoglean train --shards shards --out weights/mine --epochs 10

    Example: cryoglean train --from general --corrections run --out weights/mine
    """
    from cryoglean.networks.weights import read_weights

    own = {"--corrections": corrections, "--picks": picks, "--real": real}
    given = [option for option, value in own.items() if value]
    about = {"--diameter": diameter, "--angpix": angpix}
    _check(
        given,
        start,
        of_picks={"--micrographs": micrographs, **about},
        incomplete=incomplete,
        of_own={"--minutes": minutes, "--json-lines": json_lines},
    )
    _require_torch()
    _let_threads_sleep()
    started = read_weights(start) if start is not None else None
    config = _with_architecture(config, started, preset)
    if not given:
        if shards is None:
            raise UsageError(
                "name what to learn from: --shards for new networks, or --from with --corrections, --picks "
                "or --real for your own micrographs"
            )
        _train_on_tiles(shards, empty or [], config, started=started, out=out, resume=resume)
        return
    if empty:
        raise UsageError(f"--empty: only with --shards alone; {given[0]} says itself where no particle is")
    from cryoglean.cli.training_progress import progress_reporter
    from cryoglean.engine import RunFolder
    from cryoglean.training.annotations import annotations_of_picks, annotations_of_run
    from cryoglean.training.finetune import FineTuningJob, fine_tune, fine_tune_on_tiles

    assert started is not None
    tuned = _fine_tuned(config, minutes)
    job = FineTuningJob(started, tuned, out, shards=shards, resume=resume, command=_command())
    with progress_reporter(json_lines=json_lines) as report:
        if real is not None:
            fine_tune_on_tiles(real, job, report, complete=not incomplete)
        elif corrections is not None:
            fine_tune(annotations_of_run(RunFolder(corrections)), job, report)
        else:
            known = PickConfig(diameter=diameter, angpix=angpix)
            annotations = annotations_of_picks(
                picks or [], micrographs or [], config=known, complete=not incomplete
            )
            fine_tune(annotations, job, report)


def _train_on_tiles(
    shards: Path,
    empty: list[str],
    config: TrainConfig,
    *,
    started: Weights | None,
    out: Path,
    resume: bool,
) -> None:
    from cryoglean.dataset.shards import SPLITS
    from cryoglean.dataset.tiles import load_tiles
    from cryoglean.io import expand_inputs, read_micrograph
    from cryoglean.training.empty_fields import empty_tiles, with_empty_tiles
    from cryoglean.training.train import Provenance, train_networks

    particle_px = config.architecture.particle_px
    tiles = {split: load_tiles(shards, split, particle_px=particle_px) for split in SPLITS}
    data = f"{len(tiles['train'])} tiles in {shards.name}"
    if empty:
        fields = [read_micrograph(one.path) for one in expand_inputs(empty)]
        own = empty_tiles(fields, side=tiles["train"].image.shape[1], particle_px=particle_px)
        tiles["train"] = with_empty_tiles(tiles["train"], own, config.empty_share)
        data += f", and {len(own)} of {len(fields)} micrographs without particles"
    provenance = Provenance(name=out.resolve().name, command=_command(), data=data)
    card = train_networks(tiles, config, provenance, out=out, start=started, resume=resume)
    typer.echo(f"weights in {out}; recommended threshold {card.threshold:g}; on held-out families:")
    for name, value in card.validation.items():
        typer.echo(f"  {name.replace('_', ' ')}: {value:.3f}")


def _check(
    given: list[str],
    start: str | None,
    *,
    of_picks: dict[str, object],
    incomplete: bool,
    of_own: dict[str, object],
) -> None:
    """Refuse options that do not go together."""
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} are two things to learn from; name one of them")
    if given and start is None:
        raise UsageError(f"{given[0]} needs --from, the weights to go on from; --from general, as a rule")
    if not given and (extra := [option for option, value in of_own.items() if value]):
        raise UsageError(f"{', '.join(extra)}: only with --corrections, --picks or --real")
    if given != ["--picks"] and (extra := [option for option, value in of_picks.items() if value]):
        raise UsageError(f"{', '.join(extra)}: only with --picks")
    if incomplete and given not in (["--picks"], ["--real"]):
        raise UsageError(
            "--incomplete: only with --picks or --real; corrections say themselves what is complete"
        )
    if given == ["--picks"] and not of_picks["--micrographs"]:
        raise UsageError("--picks needs --micrographs, the images that the picks were made on")


def _with_architecture(config: TrainConfig, started: Weights | None, preset: str | None) -> TrainConfig:
    """Take the networks' shape from the weights to go on from, or else from the options."""
    if started and preset:
        raise UsageError("--preset follows from the weights that --from names; leave it out")
    shape = started.card.architecture if started else config.architecture
    if "architecture" in config.model_fields_set and config.architecture != shape:
        raise UsageError(
            "[architecture] follows from the weights that --from names; leave it out of --config"
        )
    return config.changed(architecture=shape.changed(preset=preset) if preset else shape)


def _fine_tuned(config: TrainConfig, minutes: float | None) -> TrainConfig:
    """Put options that are given into the part of the settings that counts for a user's own micrographs."""
    passes = [f"--{name.replace('_', '-')}" for name in _PASSES if name in config.model_fields_set]
    if passes:
        raise UsageError(
            f"{', '.join(passes)}: with your own micrographs the steps count; see [fine_tuning] of --config"
        )
    update: dict[str, object] = {
        name: getattr(config, name) for name in _OWN if name in config.model_fields_set
    }
    if minutes is not None:
        update["minutes"] = minutes
    return config.changed(fine_tuning=config.fine_tuning.changed(**update))


_PASSES = ("epochs", "classifier_epochs")
_OWN = ("rate", "averaging", "validate_every")
"""Settings whose usual values are others in fine-tuning."""


def _command() -> str:
    import sys

    return " ".join(["cryoglean", *sys.argv[1:]])


def _let_threads_sleep() -> None:
    """Let torch's threads sleep while they wait for one another; it must be said before torch is loaded.

    As a rule they spin, and where another program wants one of the cores, two that spin get on six times as
    slowly as two that sleep.
    """
    import os

    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def _require_torch() -> None:
    from importlib.util import find_spec

    missing = [name for name in ("torch", "safetensors", "onnx") if find_spec(name) is None]
    if missing:
        raise UsageError(f"training needs {', '.join(missing)}; pip install 'cryoglean[train]'")

"""Options of the verbs that make a run: `pick`, `watch` and the jobs of other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cryoglean.cli.options import INPUT, OUTPUT, PARTICLES, RUNNING
from cryoglean.cli.settings import Settings
from cryoglean.engine.settings import EngineConfig
from cryoglean.pickers.settings import PickConfig

PICKING = Settings(
    PickConfig,
    {
        INPUT: ["angpix"],
        PARTICLES: [
            "diameter",
            "contrast",
            "method",
            "weights",
            "min_score",
            "border",
            "contamination",
            "learn",
        ],
    },
)
"""What decides on the picks."""
SPREADING = Settings(EngineConfig, {RUNNING: ["workers", "memory", "shard"]}, table="running")
"""How the work is spread."""
WHOLE = Settings(EngineConfig, {RUNNING: ["workers", "memory"]}, table="running", without=("shard",))
"""The same where no run is a part of another."""

ResultFolder = Annotated[
    Path,
    typer.Option(
        help="Folder for the results; reuse it to resume a run.",
        rich_help_panel=OUTPUT,
    ),
]
Overlays = Annotated[
    bool,
    typer.Option("--overlays", help="Draw each micrograph with its picks.", rich_help_panel=OUTPUT),
]

"""Files of simulated micrographs: MRC images, STAR files as RELION writes them, CSV and JSON.

Of the micrograph ``NAME`` in the folder ``OUT``: ``micrographs/NAME.mrc``, ``coordinates/NAME.star``,
``labels/NAME.mrc`` (0, or the number of the particle), ``contamination/NAME_KIND.mrc`` for each kind there
is, ``clean/NAME.mrc`` and ``conditions/NAME.json``. For all together: ``particles.star`` with poses, as a
finished refinement has them, ``micrographs.star``, ``truth.csv``, and the map ``reference.mrc`` that the
poses refer to.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cryoglean.dataset.contamination import KINDS
from cryoglean.io import write_mrc
from cryoglean.io.formats.relion import write_coordinates, write_particles
from cryoglean.io.formats.star import Block, write_star
from cryoglean.io.formats.tables import write_csv
from cryoglean.io.formats.text import as_text
from cryoglean.io.writing import complete_or_absent
from cryoglean.simulate.micrograph import Simulated, simulate_micrograph
from cryoglean.simulate.pool import in_processes
from cryoglean.simulate.projection import Grid, potential_map
from cryoglean.simulate.settings import Conditions, SimulationConfig
from cryoglean.simulate.structures import AtomicModel, DensityMap, Structure
from cryoglean.types import Picks

_REFERENCE_VOXELS = 160
"""Voxels across the particle in a reference at most; a larger particle gets larger voxels."""


@dataclass(frozen=True)
class SeriesPlan:
    """Micrographs of one structure.

    Parameters
    ----------
    structure : Structure
        What the particles are.
    config : SimulationConfig
        What each micrograph is drawn from.
    count : int
        Number of micrographs.
    seed : int
        Everything is drawn from it.
    """

    structure: Structure
    config: SimulationConfig
    count: int
    seed: int


@dataclass(frozen=True, eq=False)
class _Made:
    """What the files for all micrographs need to know of one."""

    truth: Picks
    conditions: Conditions
    diameter: float


def write_series(
    folder: Path, plan: SeriesPlan, *, workers: int = 1, report: Callable[[int, int], None] | None = None
) -> None:
    """Simulate a series of micrographs and write them with their truth.

    Parameters
    ----------
    folder : Path
        Where to; see the module for the files.
    plan : SeriesPlan
        What to make.
    workers : int
        Processes that work at the same time; each takes about 60 bytes a pixel.
    report : callable, optional
        Called with how many micrographs are done and how many there are.

    Raises
    ------
    UsageError
        The particle does not fit into the field.
    OutputError
        A file cannot be written.
    """
    made: dict[int, _Made] = {}
    calls = [(folder, plan, number) for number in range(plan.count)]
    for number, one in in_processes(_make, calls, workers):
        made[number] = one
        if report:
            report(len(made), plan.count)
    series = [made[number] for number in sorted(made)]
    write_particles([_refined(one) for one in series], folder / "particles.star")
    write_csv([one.truth for one in series], folder / "truth.csv")
    _write_micrographs(series, folder / "micrographs.star")
    write_map(reference_map(plan.structure), folder / "reference.mrc")


def _make(folder: Path, plan: SeriesPlan, number: int) -> _Made:
    """Simulate and write one micrograph of a series; it follows from the seed and its number alone."""
    seed, digits = [plan.seed, number], max(4, len(str(plan.count)))
    name = f"sim_{number + 1:0{digits}d}"
    simulated = simulate_micrograph(plan.structure, plan.config, seed=seed, name=name)
    write_simulated(simulated, folder, structure=plan.structure, seed=seed)
    return _Made(simulated.truth, simulated.conditions, simulated.diameter)


def write_simulated(simulated: Simulated, folder: Path, *, structure: Structure, seed: Sequence[int]) -> None:
    """Write one micrograph and its truth.

    Parameters
    ----------
    simulated : Simulated
        What to write.
    folder : Path
        Where to, see the module.
    structure : Structure
        What the particles are, to be named.
    seed : sequence of int
        What it was made from, to be kept.

    Raises
    ------
    OutputError
        A file cannot be written.
    """
    name, pixel_size = simulated.micrograph.name, simulated.micrograph.pixel_size
    write_mrc(folder / "micrographs" / f"{name}.mrc", simulated.micrograph.data, pixel_size=pixel_size)
    write_mrc(folder / "clean" / f"{name}.mrc", simulated.clean, pixel_size=pixel_size)
    write_mrc(folder / "labels" / f"{name}.mrc", simulated.labels.astype(np.uint16), pixel_size=pixel_size)
    present = [kind for kind in KINDS if simulated.contaminated(kind).any()]
    for kind in present:
        mask = simulated.contaminated(kind).astype(np.int8)
        write_mrc(folder / "contamination" / f"{name}_{kind}.mrc", mask, pixel_size=pixel_size)
    write_coordinates(_for_relion(simulated.truth), folder / "coordinates" / f"{name}.star")
    series = {
        "name": name,
        "structure": structure.name,
        "family": structure.family,
        "diameter": structure.diameter,
        "seed": list(seed),
        "particles": len(simulated.truth),
        "contamination": present,
        "snr": simulated.snr,
        "snr_db": simulated.snr_db if simulated.snr > 0 else None,
        "conditions": simulated.conditions.model_dump(mode="json"),
    }
    with complete_or_absent(folder / "conditions" / f"{name}.json") as partial:
        partial.write_text(json.dumps(series, indent=1) + "\n", encoding="utf-8")


def reference_map(structure: Structure) -> DensityMap:
    """Make the map that a perfect reconstruction would be, V above water, for re-projection."""
    body = structure.body
    if not isinstance(body, AtomicModel):
        return body
    voxel = max(1.0, structure.diameter / _REFERENCE_VOXELS)
    half = int(np.ceil(1.15 * body.extent.radius / voxel)) + 4
    return potential_map(body, Grid(2 * half, voxel))


def write_map(density: DensityMap, path: Path) -> None:
    """Write a density map as an MRC volume."""
    import mrcfile

    with complete_or_absent(path) as partial, mrcfile.new(partial, overwrite=True) as file:
        file.set_data(density.data)
        file.voxel_size = density.voxel_size
        file.header.label[0] = "Written by cryoglean"


def _path_in_project(name: str) -> str:
    return f"micrographs/{name}.mrc"


def _for_relion(picks: Picks) -> Picks:
    """Keep only the columns that RELION knows."""
    return replace(picks, extra={k: v for k, v in picks.extra.items() if k.startswith("rln")})


def _refined(series: _Made) -> Picks:
    """Particles as a refinement leaves them: whole-pixel coordinates, and the rest as origin offsets in Å.

    RELION's origin is what to shift a particle's image by, so the centre is the coordinate minus the origin.
    """
    truth, optics, pixel_size = series.truth, series.conditions.optics, series.conditions.pixel_size
    whole = np.round(truth.xy)
    origin = (whole - truth.xy) * pixel_size
    n = len(truth)
    columns: dict[str, NDArray[Any]] = {
        "rlnOriginXAngst": origin[:, 0],
        "rlnOriginYAngst": origin[:, 1],
        "rlnVoltage": np.full(n, optics.voltage_kv),
        "rlnSphericalAberration": np.full(n, optics.cs_mm),
        "rlnAmplitudeContrast": np.full(n, optics.amplitude_contrast),
        "rlnPhaseShift": np.full(n, optics.phase_shift),
        # RELION does not extract particles again without a box.
        "rlnImageSize": np.full(n, 2 * int(np.ceil(0.75 * series.diameter / pixel_size))),
        "rlnImageDimensionality": np.full(n, 2),
    }
    path = _path_in_project(truth.name)
    return replace(truth, xy=whole, path=path, extra=dict(_for_relion(truth).extra) | columns)


def _write_micrographs(series: Sequence[_Made], path: Path) -> None:
    """Write the list of micrographs with their optics, as RELION's CTF estimation leaves it."""
    made = [one.conditions for one in series]
    numbers = np.arange(1, len(made) + 1)
    optics = {
        "rlnOpticsGroup": numbers,
        "rlnOpticsGroupName": as_text([f"opticsGroup{i}" for i in numbers]),
        "rlnMicrographPixelSize": np.array([c.pixel_size for c in made]),
        "rlnVoltage": np.array([c.optics.voltage_kv for c in made]),
        "rlnSphericalAberration": np.array([c.optics.cs_mm for c in made]),
        "rlnAmplitudeContrast": np.array([c.optics.amplitude_contrast for c in made]),
    }
    micrographs = {
        "rlnMicrographName": as_text([_path_in_project(one.truth.name) for one in series]),
        "rlnOpticsGroup": numbers,
        "rlnDefocusU": np.array([c.optics.defocus_u for c in made]),
        "rlnDefocusV": np.array([c.optics.defocus_v for c in made]),
        "rlnDefocusAngle": np.array([c.optics.astigmatism_angle for c in made]),
        "rlnPhaseShift": np.array([c.optics.phase_shift for c in made]),
    }
    write_star(path, [Block("optics", optics), Block("micrographs", micrographs)])

"""What a run measures before it picks: how large its particles are, and whether they are dark or bright.

Micrographs of one run hold the same particles, so their size is measured in some of them together and used
for all: more certain than in each alone, and the same for every micrograph, however the work is spread.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from cryoglean.errors import MicrographError
from cryoglean.image.resample import average_area
from cryoglean.io.inputs import natural_order
from cryoglean.io.writing import complete_or_absent
from cryoglean.pickers.factory import AUTO, build_picker, measure
from cryoglean.pickers.settings import PickConfig
from cryoglean.types import Micrograph

MAX_SOURCES = 8
"""So many micrographs are measured."""
TRIES = 3
"""So many files in a row may be unreadable before their part of the run goes without a source."""
LARGEST_SIDE_PX = 2048
"""Larger micrographs are binned to this before they are measured, so that all fit into memory."""

Reader = Callable[[Path], Micrograph]


@dataclass(frozen=True, eq=False)
class _Source:
    """A micrograph that is measured: its own pixel size in Å, and what was kept of it."""

    path: Path
    pixel_size: float
    reduced: Micrograph


@dataclass(frozen=True)
class MeasuredSize:
    """What was measured in some micrographs of a run.

    Parameters
    ----------
    asked : dict
        What the user said of the particles; a measured holds for the same words.
    diameter : float, optional
        Particle diameter, Å; None where nothing stood out.
    contrast : {'dark', 'bright'}, optional
        None where nothing stood out.
    pixel_size : float
        Median Å per pixel of the sources.
    sources : tuple of str
        The micrographs it was measured in.
    method : str
        The method that sees the particles best, where the user named none.
    """

    asked: dict[str, Any]
    diameter: float | None = None
    contrast: str | None = None
    pixel_size: float = 1.0
    sources: tuple[str, ...] = ()
    method: str = AUTO

    @property
    def diameter_px(self) -> float | None:
        """Particle diameter in pixels of the typical source."""
        return None if self.diameter is None else self.diameter / self.pixel_size


def is_needed(config: PickConfig) -> bool:
    """Return whether a configuration leaves something to be measured."""
    return config.diameter is None or config.contrast == "auto"


def measure_run(paths: Sequence[Path], config: PickConfig, read: Reader) -> MeasuredSize:
    """Measure the particles in up to eight micrographs spread evenly over a run.

    Parameters
    ----------
    paths : sequence of Path
        All micrographs of the run, in any order.
    config : PickConfig
        What the user said.
    read : callable
        Reads a micrograph.

    Returns
    -------
    MeasuredSize
        The same for the same micrographs and configuration.
    """
    sources = list(_sources(sorted(paths, key=natural_order), read))
    measured = MeasuredSize(
        _asked(config),
        pixel_size=float(np.median([source.pixel_size for source in sources])) if sources else 1.0,
        sources=tuple(str(source.path) for source in sources),
    )
    method, found = measure(config, [source.reduced for source in sources])
    if found is None or not found.strength:
        return measured
    contrast = "dark" if found.sign < 0 else "bright"
    return replace(measured, diameter=round(found.diameter, 1), contrast=contrast, method=method)


def resolve(config: PickConfig, measured: MeasuredSize | None) -> PickConfig:
    """Fill in what the user left open, so that the configuration alone decides what a micrograph gives.

    Raises
    ------
    UsageError
        A setting was changed that the method does not have.
    """
    auto = measured.method if measured is not None else AUTO
    known: dict[str, Any] = {"method": auto if config.method == "auto" else config.method}
    if config.min_score is None:
        known["min_score"] = build_picker(config.model_copy(update=known)).recommended_score
    if measured is not None and measured.diameter is not None:
        known["diameter"] = config.diameter or measured.diameter
        known["contrast"] = measured.contrast
    return config.model_copy(update=known)


def write_size(path: Path, measured: MeasuredSize) -> None:
    """Keep a measured for the next start of the run.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    with complete_or_absent(path) as partial:
        partial.write_text(json.dumps(asdict(measured), indent=2) + "\n", encoding="utf-8")


def read_size(path: Path, config: PickConfig, paths: Sequence[Path]) -> MeasuredSize | None:
    """Read the measured of an earlier start, if it still holds.

    Returns
    -------
    MeasuredSize or None
        None where there is none, the user now says something else of the particles, or none of the
        micrographs that it was measured in belongs to the run any more.
    """
    measured = kept_size(path)
    if measured is None or measured.asked != _asked(config):
        return None
    return None if {str(path) for path in paths}.isdisjoint(measured.sources) else measured


def kept_size(path: Path) -> MeasuredSize | None:
    """Read what an earlier start measured, whether or not it still holds; None where there is nothing."""
    try:
        stored = json.loads(path.read_bytes())
        return MeasuredSize(**stored | {"sources": tuple(stored["sources"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _asked(config: PickConfig) -> dict[str, Any]:
    return {name: getattr(config, name) for name in ("method", "weights", "diameter", "contrast", "angpix")}


def _sources(paths: Sequence[Path], read: Reader) -> Iterator[_Source]:
    """Read the first micrograph that can be read of each of some equal parts of a run."""
    for part in np.array_split(np.arange(len(paths)), min(MAX_SOURCES, len(paths))):
        for index in part[:TRIES]:
            try:
                micrograph = read(paths[index].absolute())
                yield _Source(paths[index], micrograph.pixel_size, _reduced(micrograph))
            except MicrographError:
                continue
            break


def _reduced(micrograph: Micrograph) -> Micrograph:
    step = max(micrograph.shape) / LARGEST_SIDE_PX
    if step <= 1:
        return micrograph
    small = average_area(micrograph.data, step)
    return replace(micrograph, data=small.data, pixel_size=micrograph.pixel_size * float(np.mean(small.step)))

"""What a run measures before it picks: how large its particles are, and whether they are dark or bright.

Micrographs of one run hold the same particles, so their size is measured in some of them together and used
for all: more certain than in each alone, and the same for every micrograph, however the work is spread.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from cryoglean.engine.contradictions import find_contradictions
from cryoglean.engine.sources import Reader, spread_sources
from cryoglean.image.resample import average_area
from cryoglean.io.limits import read_file
from cryoglean.io.writing import complete_or_absent
from cryoglean.pickers import build_picker, choose_method, measure_size
from cryoglean.pickers.pixer.settings import NetworkConfig
from cryoglean.pickers.settings import MethodName, PickConfig
from cryoglean.pickers.size.measure import assumed_diameter
from cryoglean.pickers.template.settings import TemplateConfig
from cryoglean.types import Contrast, Micrograph, MicrographFile

MAX_SOURCES = 8
"""So many micrographs are measured."""
MAX_CHECKED = 3
"""What the user says is checked against so many."""
LARGEST_SIDE_PX = 2048
"""Larger micrographs are binned to this before they are measured, so that all fit into memory."""

_FORMER_NAME = "calibration.json"
"""What earlier versions called the file of a run's particle size."""


@dataclass(frozen=True, eq=False)
class _Source:
    """A micrograph that is measured: its own pixel size in Å, and what was kept of it."""

    file: MicrographFile
    pixel_size: float
    reduced: Micrograph


@dataclass(frozen=True)
class MeasuredSize:
    """What was measured in some micrographs of a run.

    Parameters
    ----------
    asked : dict
        What the user said of the particles; a measurement holds for the same words.
    diameter : float, optional
        Particle diameter, Å; None where nothing stood out.
    contrast : {'dark', 'bright'}, optional
        None where nothing stood out.
    pixel_size : float, optional
        Median Å per pixel of the sources; None where it is not known, and the diameter is in pixels.
    sources : tuple of str
        The micrographs it was measured in, by their absolute paths.
    method : str
        The method, chosen by the particles where the user named none.
    source : {'given', 'discs', 'networks'}, optional
        What the size rests on; None where nothing stood out, or where an earlier version measured.
    reason : str
        Why it is believed, or why nothing is, in words.
    contradictions : tuple of str
        What the user said and the micrographs contradict, in words.
    """

    asked: dict[str, Any]
    diameter: float | None = None
    contrast: Contrast | None = None
    pixel_size: float | None = None
    sources: tuple[str, ...] = ()
    method: str = TemplateConfig().name
    source: str | None = None
    reason: str = ""
    contradictions: tuple[str, ...] = ()

    @property
    def is_of_given_diameter(self) -> bool:
        """Whether the user said how large the particles are, so that only the contrast was measured."""
        return isinstance(self.asked["diameter"], float | int)

    def is_about(self, config: PickConfig) -> bool:
        """Return whether it was measured for what the user of a resolved configuration said."""
        given = self.asked["diameter"] if self.is_of_given_diameter else config.known_diameter
        contrast = config.contrast if self.asked["contrast"] == "auto" else self.asked["contrast"]
        now = (config.known_diameter, config.contrast, config.angpix)
        return (given, contrast, self.asked["angpix"]) == now

    @property
    def is_unusual(self) -> bool:
        """Whether the user named no method, and another than the usual one was chosen."""
        return self.asked["method"] == "auto" and self.method != MeasuredSize.method

    @property
    def diameter_px(self) -> float | None:
        """Particle diameter in pixels of the typical source."""
        return None if self.diameter is None else self.diameter / (self.pixel_size or 1.0)


def is_needed(config: PickConfig) -> bool:
    """Return whether a configuration leaves something to be measured."""
    return config.known_diameter is None or config.contrast == "auto"


def measure_run(
    micrographs: Sequence[MicrographFile | Path], config: PickConfig, read: Reader
) -> MeasuredSize:
    """Measure the particles in up to eight micrographs spread evenly over a run, and check the user's words.

    Where the user has said all that could be measured, three micrographs are enough to check it.

    Parameters
    ----------
    micrographs : sequence of MicrographFile
        All of the run, in any order.
    config : PickConfig
        What the user said.
    read : callable
        Reads a micrograph.

    Returns
    -------
    MeasuredSize
        The same for the same micrographs and configuration.
    """
    count = MAX_SOURCES if is_needed(config) else MAX_CHECKED
    found = [
        _Source(file, micrograph.pixel_size, _reduced(micrograph))
        for file, micrograph in spread_sources(micrographs, read, count=count)
    ]
    # Lengths in Å and in pixels of unknown size have nothing in common.
    sources = [source for source in found if source.reduced.calibrated] or found
    known = [source.pixel_size for source in sources if source.reduced.calibrated]
    verdict = measure_size(config, [source.reduced for source in sources])
    size = verdict.size
    checked = sources[:: max(1, len(sources) // MAX_CHECKED)][:MAX_CHECKED]
    by_networks = size is not None and size.source == "networks"
    return MeasuredSize(
        _asked(config),
        diameter=None if size is None else round(size.diameter, 1),
        contrast=None if size is None else size.contrast,
        pixel_size=float(np.median(known)) if known else None,
        sources=tuple(source.file.location for source in sources),
        method=choose_method(config, by_networks=by_networks).name,
        source=None if size is None else size.source,
        reason=verdict.reason,
        contradictions=find_contradictions(
            config, [(source.file, source.reduced) for source in checked], verdict.discs
        ),
    )


def resolve(config: PickConfig, measured: MeasuredSize | None) -> PickConfig:
    """Fill in what the user left open, so that the configuration alone decides what a micrograph gives."""
    by_networks = measured is not None and measured.method == NetworkConfig().name
    config = config.changed(method=choose_method(config, by_networks=by_networks))
    if config.min_score is None:
        config = config.changed(min_score=build_picker(config).recommended_score)
    if measured is not None and measured.diameter is not None:
        diameter = config.known_diameter or measured.diameter
        config = config.changed(diameter=diameter, contrast=measured.contrast)
    if isinstance(config.diameter, tuple):
        # Nothing stands out, but the user knows about how large the particles are.
        config = config.changed(diameter=round(assumed_diameter(config.diameter), 1))
    return config


def write_size(path: Path, measured: MeasuredSize) -> None:
    """Keep what was measured for the next start of the run.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    with complete_or_absent(path) as partial:
        partial.write_text(json.dumps(asdict(measured), indent=2) + "\n", encoding="utf-8")


def read_size(path: Path, config: PickConfig, micrographs: Sequence[MicrographFile]) -> MeasuredSize | None:
    """Read what an earlier start measured, if it still holds.

    Returns
    -------
    MeasuredSize or None
        None where there is none, the user now says something else of the particles, or none of the
        micrographs that it was measured in belongs to the run any more.
    """
    measured = kept_size(path)
    if measured is None or measured.asked != _asked(config):
        return None
    # Earlier versions kept paths as they were given.
    sources = {MicrographFile(Path(source)).location for source in measured.sources}
    return None if sources.isdisjoint(one.location for one in micrographs) else measured


def kept_size(path: Path) -> MeasuredSize | None:
    """Read what an earlier start measured, whether or not it still holds; None where there is nothing."""
    for place in (path, path.with_name(_FORMER_NAME)):
        with suppress(OSError, ValueError):
            return MeasuredSize(**_StoredSize.model_validate_json(read_file(place)).model_dump())
    return None


class _Asked(BaseModel):
    """What the user said, as it is written."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    method: MethodName
    weights: str
    diameter: float | tuple[float, float] | None
    contrast: str
    angpix: float | None


class _StoredSize(BaseModel):
    """A measured size as it is written; earlier versions wrote neither source nor reason."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    asked: _Asked
    diameter: float | None = Field(gt=0)
    contrast: Literal["dark", "bright"] | None
    pixel_size: float | None = Field(gt=0)
    sources: tuple[str, ...]
    method: MethodName
    source: Literal["given", "discs", "networks"] | None = None
    reason: str = ""
    contradictions: tuple[str, ...] = ()


def _asked(config: PickConfig) -> dict[str, Any]:
    method = config.method
    weights = method.weights if isinstance(method, NetworkConfig) else NetworkConfig().weights
    words = {name: getattr(config, name) for name in ("diameter", "contrast", "angpix")}
    return {"method": method.name, "weights": weights} | words


def _reduced(micrograph: Micrograph) -> Micrograph:
    step = max(micrograph.shape) / LARGEST_SIDE_PX
    if step <= 1:
        return micrograph
    small = average_area(micrograph.data, step)
    return replace(micrograph, data=small.data, pixel_size=micrograph.pixel_size * float(np.mean(small.step)))

"""Checks that need the pixels of a few micrographs: contrast, and whether given picks lie on particles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from cryoglean.doctor.findings import Finding, some
from cryoglean.engine.picks import read_picks_or_run
from cryoglean.errors import CoordinateError, MicrographError
from cryoglean.image.defects import sound_part
from cryoglean.io import read_header, read_micrograph
from cryoglean.io.formats.frames import onto
from cryoglean.io.formats.naming import pair_micrographs
from cryoglean.io.headers import believed_pixel_size
from cryoglean.pickers.size.by_discs import measure_by_discs
from cryoglean.select.orientation import orientation
from cryoglean.types import Micrograph, MicrographFile, Picks

T = TypeVar("T")

_LOOKED_AT = 4
"""Micrographs whose pixels are read; what is asked shows in each of them."""

_AGREEMENT = 0.05
"""Relative difference of two statements of one pixel size that calibration explains."""


def check_contrast(files: Sequence[MicrographFile], angpix: float | None) -> Iterator[Finding]:
    """Say what stands out in the micrographs, and with which contrast."""
    if not files:
        return
    micrographs, broken = _read(_spread(files), angpix)
    yield from broken
    found = measure_by_discs([sound_part(one).micrograph for one in micrographs]) if micrographs else None
    if found is None:
        text = "nothing stands out from the noise of those looked at; look yourself, and give --diameter"
        yield Finding("contrast", "warning", text)
        return
    pixel_size = float(np.median([m.pixel_size for m in micrographs]))
    size = f"{found.diameter / pixel_size:.0f} px"
    if all(micrograph.calibrated for micrograph in micrographs):
        size = f"{found.diameter:.0f} Å ({size})"
    if found.contrast == "dark":
        yield Finding("contrast", "ok", f"particles are dark, as usual, and measure about {size}")
    else:
        text = f"particles of about {size} are bright: inverted micrographs, or negative stain"
        yield Finding("contrast", "warning", f"{text}; picking copes, RELION's extraction wants no inversion")


def check_picks(
    picks: Path, micrographs: Sequence[MicrographFile], angpix: float | None
) -> Iterator[Finding]:
    """Say whether given picks belong to these micrographs, and which way up they are."""
    sets = {part.micrograph: part for part in read_picks_or_run(picks, fractions=True)}
    files = {one.location: one for one in micrographs}
    pairing = pair_micrographs(sets, files)
    if pairing.unmatched:
        text = f"no micrograph for the picks of {some(pairing.unmatched)}"
        yield Finding("picks", "warning", text, tuple(pairing.unmatched))
    for name in pairing.ambiguous:
        yield Finding("picks", "problem", pairing.why_not(name), (name, *pairing.ambiguous[name]))
    pairs = {name: files[location] for name, location in pairing.pairs.items()}
    if not pairs:
        yield Finding("picks", "problem", "no picks belong to any of these micrographs; check their names")
        return
    try:
        sets |= {name: onto(sets[name], read_header(file.path).shape) for name, file in pairs.items()}
    except CoordinateError as error:
        yield Finding("picks", "problem", str(error))
        return
    yield from _check_places(sets, pairs, angpix)
    yield from _check_orientation(sets, pairs, angpix)


def _check_places(
    sets: Mapping[str, Picks], pairs: Mapping[str, MicrographFile], angpix: float | None
) -> Iterator[Finding]:
    outside, scaled = [], []
    for name, file in pairs.items():
        header, part = read_header(file.path), sets[name]
        if len(part) and np.mean(np.any((part.xy < 0) | (part.xy > header.shape[::-1]), axis=1)) > 0.1:
            outside.append(name)
        known = believed_pixel_size(header, file, given=angpix).angstrom
        if part.pixel_size and known and abs(part.pixel_size / known - 1) > _AGREEMENT:
            scaled.append(f"{name} ({part.pixel_size:.4g} Å, not {known:.4g} Å)")
    if outside:
        text = f"picks outside the micrograph in {some(outside)}: of another binning; see convert --scale"
        yield Finding("picks", "problem", text, tuple(outside))
    if scaled:
        yield Finding("picks", "warning", f"another pixel size than the micrographs': {some(scaled)}")
    if not (outside or scaled):
        count = sum(len(sets[name]) for name in pairs)
        yield Finding("picks", "ok", f"{count} picks, which fit into their {len(pairs)} micrographs")


def _check_orientation(
    sets: Mapping[str, Picks], pairs: Mapping[str, MicrographFile], angpix: float | None
) -> Iterator[Finding]:
    names = _spread([name for name in pairs if len(sets[name])])
    # What cannot be read has been told by the check of the contrast.
    micrographs = {m.path: m for m in _read([pairs[name] for name in names], angpix)[0]}
    found = orientation(
        (micrographs[pairs[name].path], sets[name]) for name in names if pairs[name].path in micrographs
    )
    if found == "flipped":
        text = "the picks are upside down: mend them with `cryoglean convert --flip-y yes`"
        yield Finding("orientation", "problem", text)
    elif found == "undecided":
        text = "neither the picks nor their mirror images lie on anything that stands out; look at them"
        yield Finding("orientation", "warning", text)
    else:
        yield Finding("orientation", "ok", "the picks lie on particles, the right way up")


def _read(files: Sequence[MicrographFile], angpix: float | None) -> tuple[list[Micrograph], list[Finding]]:
    """Read micrographs, and say which cannot be read."""
    micrographs, broken = [], []
    for file in files:
        try:
            micrographs.append(read_micrograph(file, pixel_size=angpix))
        except MicrographError as error:
            broken.append(Finding("files", "problem", f"{file}: {error.cause}", (str(file),)))
    return micrographs, broken


def _spread(items: Sequence[T]) -> list[T]:
    places = np.linspace(0, len(items) - 1, min(_LOOKED_AT, len(items))).round().astype(int)
    return [items[i] for i in dict.fromkeys(places.tolist())]

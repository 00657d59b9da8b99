"""Which pictures in a folder show one field, so that it is picked once: programs leave versions side by side.

Motion correction leaves a micrograph with and without dose weighting (``x.mrc``, ``x_DW.mrc``, ``x_DWS.mrc``,
``x_noDW.mrc``), sums of half of the frames (``x_EVN.mrc``, ``x_ODD.mrc``) and its power spectrum
(``x_PS.mrc``); other programs leave denoised and filtered ones.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from cryoglean.io.formats.naming import natural_order, without_added_words
from cryoglean.io.micrographs import micrograph_name

_SPECTRUM = re.compile(r"[_.-](ps|ctf)$", re.IGNORECASE)
_HALF = re.compile(r"[_.-](evn|even|odd)$", re.IGNORECASE)
_WEIGHTED = re.compile(r"[_.-](dw|doseweighted|dose_weighted)$", re.IGNORECASE)
_UNWEIGHTED = re.compile(r"[_.-](nodw|non_doseweighted)$", re.IGNORECASE)
_PART = re.compile(r"[_.-]dws$", re.IGNORECASE)
_MAX_NAMED = 3


def one_of_each_field(paths: Sequence[Path], note: Callable[[str], None]) -> list[Path]:
    """Leave out power spectra, and all versions of a field but one.

    Of several the one with dose weighting is taken, or else the one without any word behind its name, and a
    half or denoised one only where there is no other.

    Parameters
    ----------
    paths : sequence of Path
        Files of micrographs.
    note : callable
        Is told what is left out, and why.

    Returns
    -------
    list of Path
        Those that stay, in the same order.
    """
    fields: dict[tuple[Path, str], list[Path]] = defaultdict(list)
    for path in paths:
        fields[path.parent, _field_of(micrograph_name(path))].append(path)
    left_out: dict[Path, Path] = {}
    for versions in fields.values():
        taken, *others = sorted(versions, key=_rank)
        left_out |= dict.fromkeys(others, taken)
    spectra = [path for path in left_out if _SPECTRUM.search(micrograph_name(path))]
    versions = [path for path in left_out if path not in spectra]
    if spectra:
        what = (
            "power spectra of micrographs beside them are"
            if len(spectra) > 1
            else "the power spectrum of a micrograph beside it is"
        )
        note(f"{what} left out: {_some(spectra)}")
    if versions:
        of = _some(list(dict.fromkeys(left_out[path] for path in versions)))
        note(f"one field in several versions is taken once, as {of}; left out: {_some(versions)}")
    return [path for path in paths if path not in left_out]


def _field_of(name: str) -> str:
    """Return a name without the words that tell one version of a field from another."""
    while True:
        shorter = without_added_words(name)
        for word in (_SPECTRUM, _HALF, _PART):
            shorter = word.sub("", shorter) or shorter
        if shorter == name:
            return name
        name = shorter


def _rank(path: Path) -> tuple[int, object]:
    """Put the version to take first."""
    name = micrograph_name(path)
    checks = (
        _SPECTRUM.search(name),
        _HALF.search(name),
        _PART.search(name),
        not (_WEIGHTED.search(name) or _UNWEIGHTED.search(name)) and name != _field_of(name),
        _UNWEIGHTED.search(name),
        not _WEIGHTED.search(name),
    )
    worst = next((len(checks) - i for i, check in enumerate(checks) if check), 0)
    return worst, natural_order(path)


def _some(paths: Sequence[Path]) -> str:
    rest = len(paths) - _MAX_NAMED
    return ", ".join(path.name for path in paths[:_MAX_NAMED]) + (f" and {rest} more" if rest > 0 else "")

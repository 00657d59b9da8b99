"""Which picks belong to which micrograph, where programs have changed the names.

Programs put numbers before a name and words behind it, and picks come from files called after either. Names
are compared as they are, then without what programs are known to add, then by one being the beginning, the
end or a part of the other. Nothing is guessed: where two micrographs would do, none is taken.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from cryoglean.io.micrographs import micrograph_name

# What programs put behind the name of a movie when they average, weight, denoise or pick it.
_ADDED = re.compile(
    r"[_.-](autopick|manualpick|picks|extract|info|boxes|coords|match|"
    r"dw|nodw|doseweighted|non_doseweighted|dose_weighted|ali|aligned|aligned_mic|patch|rigid|full|"
    r"sum|sumcorr|corrected|mcorr|fractions|frames|frames_sum|eer|avg|average|denoised|lowpass|ctf|"
    r"\d+apx|mrcs?|tiff?)$",
    re.IGNORECASE,
)
_UID = re.compile(r"^\d{15,24}_(?=.)")


@dataclass(frozen=True)
class NameMatch:
    """How names of picks and of micrographs go together.

    Parameters
    ----------
    pairs : mapping of str to str
        Micrograph for each name of picks that has one.
    unmatched : tuple of str
        Names of picks that no micrograph has.
    ambiguous : mapping of str to tuple of str
        Names of picks that several micrographs could have, with those.
    without_picks : tuple of str
        Micrographs that no picks belong to.
    """

    pairs: Mapping[str, str]
    unmatched: tuple[str, ...]
    ambiguous: Mapping[str, tuple[str, ...]]
    without_picks: tuple[str, ...]


def match_names(names: Sequence[str], micrographs: Sequence[str]) -> NameMatch:
    """Find the micrograph of each name.

    Parameters
    ----------
    names : sequence of str
        Names of picks, without folders and suffixes of image files.
    micrographs : sequence of str
        Names of micrographs, likewise.

    Returns
    -------
    NameMatch
        No micrograph is paired with two names.
    """
    pairs: dict[str, str] = {}
    ambiguous: dict[str, tuple[str, ...]] = {}
    for find in (_by(str), _by(plain_name), _by_part):
        open_names = [name for name in dict.fromkeys(names) if name not in pairs]
        taken = set(pairs.values())
        candidates = find(open_names, [name for name in dict.fromkeys(micrographs) if name not in taken])
        claims = defaultdict(list)
        for name, found in candidates.items():
            for micrograph in found:
                claims[micrograph].append(name)
        for name, found in candidates.items():
            if len(found) == 1 and len(claims[found[0]]) == 1:
                pairs[name] = found[0]
                ambiguous.pop(name, None)
            elif found:
                ambiguous.setdefault(name, tuple(found))
    used = set(pairs.values())
    lost = [name for name in dict.fromkeys(names) if name not in pairs and name not in ambiguous]
    return NameMatch(pairs, tuple(lost), ambiguous, tuple(name for name in micrographs if name not in used))


def distinct_names(paths: Sequence[str], bare_name: Callable[[str], str] = micrograph_name) -> dict[str, str]:
    """Name micrographs after their files, and apart.

    Where a micrograph of another folder has the name already, names of its own folders are put in front, as
    many as it takes, as a run of `cryoglean pick` does: ``mic1``, then ``grid2_mic1``.

    Parameters
    ----------
    paths : sequence of str
        Files of micrographs, also several times; suffixes of image files do not tell two apart.
    bare_name : callable
        Takes a path and returns the name without folders and suffixes.

    Returns
    -------
    dict of str to str
        Name of each path.
    """
    named: dict[str, str] = {}
    owner: dict[str, tuple[str, str]] = {}
    for path in dict.fromkeys(paths):
        file = PurePath(path)
        key = (str(file.parent), micrograph_name(path))
        name = bare_name(path)
        # The last resort is the name with what was taken from it.
        candidates = [name]
        for folder in reversed([part for part in file.parent.parts if part != file.anchor]):
            candidates.append(f"{folder}_{candidates[-1]}")
        candidates += [key[1], *(f"{name}_{count}" for count in range(2, len(owner) + 3))]
        named[path] = next(one for one in candidates if owner.setdefault(one, key) == key)
    return named


def plain_name(name: str) -> str:
    """Return a name without the number that cryoSPARC puts before it and the words put behind it."""
    name = _UID.sub("", name)
    while (shorter := _ADDED.sub("", name)) != name and shorter:
        name = shorter
    return name


def _by(key: Callable[[str], str]) -> Callable[[Iterable[str], Iterable[str]], dict[str, list[str]]]:
    def find(names: Iterable[str], micrographs: Iterable[str]) -> dict[str, list[str]]:
        known = defaultdict(list)
        for micrograph in micrographs:
            known[key(micrograph)].append(micrograph)
        return {name: known[key(name)] for name in names if key(name) in known}

    return find


def _by_part(names: Iterable[str], micrographs: Iterable[str]) -> dict[str, list[str]]:
    """Pair names of which one, without what was added, stands in the other between separators."""
    plain = [(micrograph, plain_name(micrograph)) for micrograph in micrographs]
    found = {}
    for name in names:
        short = plain_name(name)
        found[name] = [
            micrograph for micrograph, other in plain if _within(short, other) or _within(other, short)
        ]
    return {name: candidates for name, candidates in found.items() if candidates}


def _within(part: str, whole: str) -> bool:
    """Whether a name of some length stands in another and is not cut out of a word or number of it."""
    at = whole.find(part)
    if at < 0 or len(part) < 4:
        return False
    before, after = whole[:at][-1:], whole[at + len(part) :][:1]
    return not before.isalnum() and not after.isalnum()

"""Which picks belong to which micrograph, and what micrographs are called for short.

A micrograph is known by its path. Sources of picks name it by a whole path, by the end of one, or by nothing
but a name to which programs have put numbers and words. Paths are compared from their ends, then names
without what programs are known to add, then by one being a part of the other. Nothing is guessed: where two
micrographs would do, none is taken.
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
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
_NUMBER = re.compile(r"([0-9]+)")


@dataclass(frozen=True)
class Pairing:
    """How names of picks and micrographs go together.

    Parameters
    ----------
    pairs : mapping of str to str
        Micrograph for each name of picks that has one.
    unmatched : tuple of str
        Names of picks that no micrograph has.
    ambiguous : mapping of str to tuple of str
        Names of picks that several micrographs could have, with those; or that want one that other picks want
        as well.
    without_picks : tuple of str
        Micrographs that no picks belong to.
    elsewhere : tuple of str
        Names of those pairs whose folders differ, so that the names alone brought them together.
    """

    pairs: Mapping[str, str]
    unmatched: tuple[str, ...]
    ambiguous: Mapping[str, tuple[str, ...]]
    without_picks: tuple[str, ...]
    elsewhere: tuple[str, ...] = ()

    def why_not(self, name: str) -> str:
        """Say why picks have no micrograph."""
        several = self.ambiguous.get(name)
        if several is None:
            return f"the micrograph {name} is not among the micrographs"
        if len(several) == 1:
            return f"the micrograph {name} could be {several[0]}, but so could that of other picks"
        more = f" or {len(several) - 2} more" if len(several) > 2 else ""
        return f"the micrograph {name} could be {several[0]} or {several[1]}{more}"


def pair_micrographs(names: Iterable[str], micrographs: Iterable[str]) -> Pairing:
    """Find the micrograph of each name.

    Parameters
    ----------
    names : iterable of str
        What picks are said to be of: paths, whole or from some folder on, or names.
    micrographs : iterable of str
        Paths or names of micrographs.

    Returns
    -------
    Pairing
        No micrograph is paired with two names. Where paths agree in more folders than those of any other
        micrograph, that decides.
    """
    search = _Search(list(dict.fromkeys(names)), list(dict.fromkeys(micrographs)))
    search.by_paths()
    search.by_names(_same(plain_name))
    search.by_names(_by_part)
    return search.result()


def distinct_names(
    paths: Iterable[str],
    bare_name: Callable[[str], str] = micrograph_name,
    *,
    kept: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Call micrographs after their files for short, and apart.

    Names depend on which paths there are and not on their order. Of several files of one name the first in
    natural order has it alone; to the others the names of their own folders are put in front, as many as it
    takes, or their suffix behind where the folder is the same: ``mic1``, ``grid2_mic1``, ``mic1_tif``.

    Parameters
    ----------
    paths : iterable of str
        Files of micrographs, also several times.
    bare_name : callable
        Takes a path and returns the name without folders and suffixes.
    kept : mapping of str to str, optional
        Names that some paths have already, and keep.

    Returns
    -------
    dict of str to str
        Name of each path.
    """
    unique = dict.fromkeys(paths)
    named = dict.fromkeys(unique, "") | {path: name for path, name in (kept or {}).items() if path in unique}
    owners = {name: path for path, name in named.items() if name}
    sharing: dict[str, list[str]] = defaultdict(list)
    for path in (path for path, name in named.items() if not name):
        sharing[bare_name(path) or PurePath(path).name].append(path)
    crowded = []
    for name, own in sharing.items():
        first, *others = sorted(own, key=natural_order) if len(own) > 1 else own
        if owners.setdefault(name, first) == first:
            named[first] = name
        else:
            others = own
        crowded += [(name, path) for path in others]
    # Those that have their names alone keep them, whatever others are called.
    for name, path in sorted(crowded, key=lambda item: natural_order(item[1])):
        named[path] = next(one for one in _longer_names(name, path, owners) if one not in owners)
        owners[named[path]] = path
    return named


def natural_order(path: PurePath | str) -> list[tuple[int, int, str, str]]:
    """Return a sort key that puts numbers within names in the order of their values: 2 before 10."""
    return [_place_in_order(part) for part in _NUMBER.split(str(path))]


def _place_in_order(part: str) -> tuple[int, int, str, str]:
    """Return four values, so that a number and a word compare; numbers, of any length, go first."""
    if not _NUMBER.match(part):
        return 1, 0, part, ""
    digits = part.lstrip("0")
    return 0, len(digits), digits, part


def plain_name(name: str) -> str:
    """Return a name without the number that cryoSPARC puts before it and the words put behind it."""
    return without_added_words(_UID.sub("", name))


def without_added_words(name: str) -> str:
    """Return a name without the words that programs put behind it."""
    while (shorter := _ADDED.sub("", name)) != name and shorter:
        name = shorter
    return name


def _longer_names(name: str, path: str, owners: Mapping[str, str]) -> Iterable[str]:
    """Give names that tell a micrograph from others of its name, the shortest first."""
    file = PurePath(path)
    if not file.name.startswith(name):
        # A name from which something was taken may be told apart by that.
        yield micrograph_name(path)
    elif PurePath(owners[name]).parent == file.parent:
        yield f"{name}_{file.name.removeprefix(name).strip('.').replace('.', '_')}"
    longer = name
    for folder in reversed([part for part in file.parent.parts if part not in (file.anchor, "..")]):
        longer = f"{folder}_{longer}"
        yield longer
    yield from (f"{longer}_{count}" for count in range(2, len(owners) + 3))


class _Search:
    """Names and micrographs that are brought together step by step."""

    def __init__(self, names: list[str], micrographs: list[str]) -> None:
        self._names, self._micrographs = names, micrographs
        self._pairs: dict[str, str] = {}
        self._ambiguous: dict[str, tuple[str, ...]] = {}
        self._elsewhere: list[str] = []

    def by_paths(self) -> None:
        """Pair those whose files have one name, the more of their folders agree the sooner."""
        sharing: dict[str, list[str]] = defaultdict(list)
        for micrograph in self._micrographs:
            sharing[micrograph_name(micrograph)].append(micrograph)
        found = [
            (_agreement(name, micrograph), name, micrograph)
            for name in self._names
            for micrograph in sharing.get(micrograph_name(name), ())
        ]
        by_rank: dict[_Rank, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for rank, name, micrograph in found:
            by_rank[rank][name].append(micrograph)
        for rank in sorted(by_rank, reverse=True):
            paired = self._take(by_rank[rank])
            if not rank[0]:
                self._elsewhere += paired

    def by_names(self, find: Callable[[list[str], list[str]], Mapping[str, list[str]]]) -> None:
        """Pair what is left by their names without folders."""
        names: dict[str, list[str]] = defaultdict(list)
        micrographs: dict[str, list[str]] = defaultdict(list)
        for name in self._names:
            if self._is_open(name):
                names[micrograph_name(name)].append(name)
        taken = set(self._pairs.values())
        for micrograph in self._micrographs:
            if micrograph not in taken:
                micrographs[micrograph_name(micrograph)].append(micrograph)
        found = find(list(names), list(micrographs))
        self._take(
            {
                name: [one for other in others for one in micrographs[other]]
                for short, others in found.items()
                for name in names[short]
            }
        )

    def result(self) -> Pairing:
        """Return what was found."""
        used = set(self._pairs.values())
        lost = tuple(name for name in self._names if self._is_open(name))
        idle = tuple(micrograph for micrograph in self._micrographs if micrograph not in used)
        return Pairing(self._pairs, lost, self._ambiguous, idle, tuple(self._elsewhere))

    def _is_open(self, name: str) -> bool:
        return name not in self._pairs and name not in self._ambiguous

    def _take(self, candidates: Mapping[str, list[str]]) -> list[str]:
        """Pair names with the only candidate that each has and that no other claims; return those."""
        taken = set(self._pairs.values())
        free = {
            name: left
            for name, found in candidates.items()
            if self._is_open(name) and (left := [one for one in found if one not in taken])
        }
        claims = Counter(micrograph for found in free.values() for micrograph in found)
        paired = []
        for name, found in free.items():
            if len(found) == 1 and claims[found[0]] == 1:
                self._pairs[name] = found[0]
                paired.append(name)
            else:
                self._ambiguous[name] = tuple(found)
        return paired


_Rank = tuple[bool, int, bool]


def _agreement(name: str, micrograph: str) -> _Rank:
    """Tell how well two paths of one name agree.

    Returns
    -------
    bool
        Whether one is the end of the other, so that nothing speaks against it.
    int
        How many of their last folders are the same.
    bool
        Whether the suffixes are the same too, or are not told.
    """
    # cryoSPARC marks paths within its project by '>'.
    one, other = (PurePath(os.path.normpath(path.lstrip(">"))) for path in (name, micrograph))
    folders = [
        [part for part in path.parent.parts[::-1] if part not in (path.anchor, "..")] for path in (one, other)
    ]
    shorter = min(map(len, folders))
    same = next((i for i in range(shorter) if folders[0][i] != folders[1][i]), shorter)
    whole = same == shorter and not (one.anchor and other.anchor and len(folders[0]) != len(folders[1]))
    return whole, same, one.name == other.name


def _same(key: Callable[[str], str]) -> Callable[[list[str], list[str]], dict[str, list[str]]]:
    def find(names: list[str], micrographs: list[str]) -> dict[str, list[str]]:
        known = defaultdict(list)
        for micrograph in micrographs:
            known[key(micrograph)].append(micrograph)
        return {name: known[key(name)] for name in names if key(name) in known}

    return find


def _by_part(names: list[str], micrographs: list[str]) -> dict[str, list[str]]:
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

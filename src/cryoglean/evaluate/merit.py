"""Figures of merit of picks against the truth, of each micrograph and of all together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cryoglean.errors import UsageError
from cryoglean.evaluate.curves import Curve, precision_recall
from cryoglean.evaluate.matching import doubles, match, set_aside
from cryoglean.evaluate.paper import PaperCounts, paper_counting
from cryoglean.types import Matches, Picks

TOLERANCES = (0.25, 0.5)
"""Matching distances in particle diameters that are reported where none are asked for."""


@dataclass(frozen=True)
class Merit:
    """How good picks are at one matching distance.

    Parameters
    ----------
    tolerance : float
        Matching distance in particle diameters.
    particles, picks, hits : int
        Numbers of true particles, of picks, and of one-to-one pairs of them.
    doubles : int
        Picks within reach of a particle that another pick holds.
    average_precision : float or None
        Area under the precision-recall curve; None where the scores rank nothing.
    median_offset_px : float or None
        Centring error: median distance of the pairs in pixels; None without pairs.
    """

    tolerance: float
    particles: int
    picks: int
    hits: int
    doubles: int
    average_precision: float | None
    median_offset_px: float | None

    @property
    def missed(self) -> int:
        """True particles that no pick hits."""
        return self.particles - self.hits

    @property
    def false(self) -> int:
        """Picks that hit no particle of their own."""
        return self.picks - self.hits

    @property
    def precision(self) -> float:
        """Share of the picks that are hits; 0 without picks."""
        return self.hits / max(self.picks, 1)

    @property
    def recall(self) -> float:
        """Share of the particles that are hit; 0 without particles."""
        return self.hits / max(self.particles, 1)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 0 where there is neither pick nor particle."""
        return 2 * self.hits / max(self.picks + self.particles, 1)

    @property
    def accuracy(self) -> float:
        """Hits among all particles and false picks (there are no true negatives in picking)."""
        return self.hits / max(self.picks + self.particles - self.hits, 1)

    def as_dict(self) -> dict[str, Any]:
        """Every figure by name, ready for JSON."""
        return {
            "tolerance": self.tolerance,
            "particles": self.particles,
            "picks": self.picks,
            "hits": self.hits,
            "missed": self.missed,
            "false": self.false,
            "doubles": self.doubles,
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "accuracy": self.accuracy,
            "ap": self.average_precision,
            "median_offset_px": self.median_offset_px,
        }


@dataclass(frozen=True)
class KindRecall:
    """How many true particles of one kind are found, and how many of those are called by that kind.

    Parameters
    ----------
    kind : str
        Kind of the true particles, such as 'top' or 'side'.
    particles, hits, agreeing : int
        True particles, those that a pick hits, and those whose pick is of the same kind.
    """

    kind: str
    particles: int
    hits: int
    agreeing: int

    def as_dict(self) -> dict[str, Any]:
        """Every figure by name, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Picks of a set of micrographs against their truth.

    Parameters
    ----------
    diameter_px : float
        Particle diameter in pixels, which sets the matching distances.
    pooled : tuple of Merit
        All micrographs together, one for each matching distance.
    micrographs : mapping of str to tuple of Merit
        The same for each micrograph, by name.
    curves : tuple of Curve
        Precision and recall against the score, pooled, one for each matching distance.
    kinds : tuple of KindRecall
        Recall of each kind of true particle at the largest matching distance.
    paper : PaperCounts
        The counting of the AutoCryoPicker paper, pooled.
    unpicked : tuple of str
        Micrographs with truth and without picks of their own; they count as zero picks.
    unknown : tuple of str
        Micrographs with picks and without truth; they do not count.
    """

    diameter_px: float
    pooled: tuple[Merit, ...]
    micrographs: Mapping[str, tuple[Merit, ...]]
    curves: tuple[Curve, ...]
    kinds: tuple[KindRecall, ...]
    paper: PaperCounts
    unpicked: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def worst_f1(self) -> tuple[float, ...]:
        """F1 of the worst micrograph at each matching distance."""
        return tuple(
            min(merit.f1 for merit in level) for level in zip(*self.micrographs.values(), strict=True)
        )

    def as_dict(self) -> dict[str, Any]:
        """Every figure by name, ready for JSON; the curves are left to their own file."""
        pooled = [
            merit.as_dict() | {"worst_f1": worst}
            for merit, worst in zip(self.pooled, self.worst_f1, strict=True)
        ]
        return {
            "diameter_px": self.diameter_px,
            "micrographs": len(self.micrographs),
            "pooled": pooled,
            "per_micrograph": {
                name: [merit.as_dict() for merit in merits] for name, merits in self.micrographs.items()
            },
            "kinds": [kind.as_dict() for kind in self.kinds],
            "paper_counting": self.paper.as_dict(),
            "without_picks": list(self.unpicked),
            "without_truth": list(self.unknown),
        }


def evaluate(
    truth: Sequence[Picks],
    picks: Sequence[Picks],
    *,
    diameter_px: float,
    tolerances: Sequence[float] = TOLERANCES,
    ignored_kinds: Collection[str] = (),
) -> Evaluation:
    """Score picks against the truth, micrograph by micrograph and pooled.

    Parameters
    ----------
    truth, picks : sequence of Picks
        One a micrograph; they pair by `name`.
    diameter_px : float
        Particle diameter in pixels.
    tolerances : sequence of float
        Matching distances in diameters: a pick closer to a true centre that no other pick holds is a hit.
    ignored_kinds : collection of str
        Kinds of true particles that are ignored in scoring: they may be picked or not.

    Returns
    -------
    Evaluation
        Figures of merit. Micrographs of `truth` alone count as having no picks, those of `picks` alone do not
        count.

    Raises
    ------
    UsageError
        No truth, two entries for one micrograph, or a diameter or tolerance that is not positive.
    """
    if not truth:
        raise UsageError("no truth to evaluate against")
    if not diameter_px > 0 or not all(tolerance > 0 for tolerance in tolerances) or not tolerances:
        raise UsageError(
            f"diameter and matching distances must be positive, got {diameter_px} and {list(tolerances)}"
        )
    known, found = _by_name(truth), _by_name(picks)
    pairs = {name: (one, found.get(name, Picks(np.zeros((0, 2)), name=name))) for name, one in known.items()}

    def counted(tolerance: float) -> dict[str, tuple[Picks, Picks]]:
        reach_px = tolerance * diameter_px
        return {k: set_aside(t, p, kinds=ignored_kinds, reach_px=reach_px) for k, (t, p) in pairs.items()}

    levels = [_at_tolerance(counted(tolerance), tolerance, diameter_px) for tolerance in tolerances]
    return Evaluation(
        diameter_px=diameter_px,
        pooled=tuple(pooled for pooled, _, _ in levels),
        micrographs={name: tuple(single[name] for _, single, _ in levels) for name in pairs},
        curves=tuple(curve for _, _, curve in levels),
        kinds=_kind_recalls(counted(max(tolerances)).values(), max(tolerances) * diameter_px),
        paper=PaperCounts.pooled(
            paper_counting(t, p, diameter_px=diameter_px) for t, p in counted(0.5).values()
        ),
        unpicked=tuple(sorted(known.keys() - found.keys())),
        unknown=tuple(sorted(found.keys() - known.keys())),
    )


def _by_name(entries: Iterable[Picks]) -> dict[str, Picks]:
    named: dict[str, Picks] = {}
    for entry in entries:
        if entry.name in named:
            raise UsageError(
                f"two sets of coordinates for the micrograph {entry.name!r}; name one of the files"
            )
        named[entry.name] = entry
    return named


def _at_tolerance(
    pairs: Mapping[str, tuple[Picks, Picks]], tolerance: float, diameter_px: float
) -> tuple[Merit, dict[str, Merit], Curve]:
    reach_px = tolerance * diameter_px
    matches = {name: match(truth, picks, reach_px) for name, (truth, picks) in pairs.items()}
    single = {
        name: _merit([own], precision_recall([pairs[name]], reach_px), tolerance)
        for name, own in matches.items()
    }
    curve = precision_recall(pairs.values(), reach_px)
    return _merit(list(matches.values()), curve, tolerance), single, curve


def _merit(matches: Sequence[Matches], curve: Curve, tolerance: float) -> Merit:
    offsets: NDArray[np.float64] = np.concatenate([one.distance_px for one in matches])
    return Merit(
        tolerance=tolerance,
        particles=sum(len(one.truth) for one in matches),
        picks=sum(len(one.picks) for one in matches),
        hits=len(offsets),
        doubles=sum(len(doubles(one)) for one in matches),
        average_precision=curve.average_precision,
        median_offset_px=float(np.median(offsets)) if len(offsets) else None,
    )


def _kind_recalls(pairs: Iterable[tuple[Picks, Picks]], reach_px: float) -> tuple[KindRecall, ...]:
    particles, hits, agreeing = Counter[str](), Counter[str](), Counter[str]()
    for truth, picks in pairs:
        matches = match(truth, picks, reach_px)
        true_kind, own_kind = truth.kind[matches.pairs[:, 0]], picks.kind[matches.pairs[:, 1]]
        particles.update(truth.kind.tolist())
        hits.update(true_kind.tolist())
        agreeing.update(true_kind[true_kind == own_kind].tolist())
    return tuple(KindRecall(kind, particles[kind], hits[kind], agreeing[kind]) for kind in sorted(particles))

"""The counting behind the tables of the AutoCryoPicker paper, for comparison with them and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np

from cryoglean.evaluate.matching import close_pairs
from cryoglean.types import Picks


@dataclass(frozen=True)
class PaperCounts:
    """Picks counted as the programs behind the AutoCryoPicker paper count them.

    Every pick on a labelled particle is a hit, so two picks on one particle are two hits, and the missed
    particles are the difference of two totals, so doubles make up for particles never found.

    Parameters
    ----------
    hits, false, missed : int
        Picks on a particle, picks beside all particles, and ``|particles - hits|``.
    """

    hits: int
    false: int
    missed: int

    @property
    def precision(self) -> float:
        """Hits among the picks; the programs print this figure as 'specificity'."""
        return self.hits / max(self.hits + self.false, 1)

    @property
    def recall(self) -> float:
        """Hits among hits and missed particles."""
        return self.hits / max(self.hits + self.missed, 1)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.hits / max(2 * self.hits + self.false + self.missed, 1)

    @property
    def accuracy(self) -> float:
        """Hits among hits, false picks and missed particles."""
        return self.hits / max(self.hits + self.false + self.missed, 1)

    @classmethod
    def pooled(cls, counts: Iterable[PaperCounts]) -> Self:
        """Add up the counts of several micrographs."""
        every = list(counts)
        return cls(
            sum(one.hits for one in every), sum(one.false for one in every), sum(one.missed for one in every)
        )

    def as_dict(self) -> dict[str, float]:
        """Every figure by name, ready for JSON."""
        return {
            "hits": self.hits,
            "false": self.false,
            "missed": self.missed,
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "accuracy": self.accuracy,
        }


def paper_counting(truth: Picks, picks: Picks, *, diameter_px: float) -> PaperCounts:
    """Count picks of one micrograph as the AutoCryoPicker paper's programs do.

    Parameters
    ----------
    truth, picks : Picks
        Of the same micrograph.
    diameter_px : float
        Diameter of the labelled discs in pixels; a pick on a disc is a hit.

    Returns
    -------
    PaperCounts
        Not one-to-one: see there.

    Notes
    -----
    Al-Azzawi et al. (2019), BMC Bioinformatics 20, 326. The paper's equations 8 and 9 (precision and recall)
    differ from the usual definitions and from its own tables; the usual definitions, which give the tables,
    are used here.
    """
    edges, _ = close_pairs(truth, picks, diameter_px / 2)
    hits = len(np.unique(edges[:, 1]))
    return PaperCounts(hits=hits, false=len(picks) - hits, missed=abs(len(truth) - hits))

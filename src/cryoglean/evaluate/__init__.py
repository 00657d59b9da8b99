"""How good picks are: one-to-one matching, figures of merit, curves."""

from cryoglean.evaluate.curves import Curve, precision_recall
from cryoglean.evaluate.masks import MaskMerit, compare_masks, paint_discs, particle_overlaps
from cryoglean.evaluate.matching import doubles, match, set_aside
from cryoglean.evaluate.merit import TOLERANCES, Evaluation, KindRecall, Merit, evaluate
from cryoglean.evaluate.paper import PaperCounts, paper_counting

__all__ = [
    "TOLERANCES",
    "Curve",
    "Evaluation",
    "KindRecall",
    "MaskMerit",
    "Merit",
    "PaperCounts",
    "compare_masks",
    "doubles",
    "evaluate",
    "match",
    "paint_discs",
    "paper_counting",
    "particle_overlaps",
    "precision_recall",
    "set_aside",
]

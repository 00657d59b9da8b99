"""What networks look like, and the card of a folder of weights."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cryoglean.settings import Config


class ArchitectureConfig(Config):
    """The two networks: what they look like and at which scale they see."""

    preset: Literal["light", "pixer-2019"] = "light"
    """light runs on a CPU in a second; pixer-2019 is the paper's own pair (19.6 and 57 million weights)."""
    channels: tuple[int, int, int] = (24, 48, 96)
    """Channels of the segmentation at a half, a quarter and an eighth of the resolution (light only)."""
    classifier_channels: tuple[int, int, int] = (16, 32, 64)
    """The same of the classifier, which looks at every candidate and has to be quick (light only)."""
    branches: int = Field(4, ge=1, le=5)
    """Number of parallel atrous branches, with rates 2, 4, 6, 8 and 10."""
    particle_px: float = Field(32.0, ge=16, le=128)
    """Particle diameter at which both networks see, pixels."""
    crop_px: int = Field(48, ge=24, le=224, multiple_of=8)
    """Side of the crops that the classifier sees, pixels."""

    @property
    def rates(self) -> tuple[int, ...]:
        """Dilation of each atrous branch, in pixels at an eighth of the resolution."""
        return (2, 4, 6, 8, 10)[: self.branches]

    @property
    def reach_px(self) -> int:
        """How far from a pixel the segmentation network looks, pixels, rounded up to a multiple of 8."""
        return 8 * (max(self.rates) + 6)


class Calibration(Config):
    """How the networks' answers become the probability that a candidate is a particle.

    A logistic regression, fitted on candidates in simulated micrographs of families that were not trained on.
    """

    segmentation: float = 1.0
    """Coefficient of the log odds of the segmentation's score."""
    classification: float = 1.0
    """Coefficient of the log odds of the classifier's particle."""
    offset: float = 0.0
    """Constant term."""


class SizeModel(Config):
    """How plausible a size of the particles is, by what the networks see at it.

    Plausibility is a sum of terms, fitted as `benchmarks/network_diameter.py --fit` does, on simulated
    micrographs of families that the networks were not trained on; what is believed was chosen on empty
    micrographs and on contamination.
    """

    number: float = Field(ge=0)
    """Weight of the logarithm of the number of candidates per square on the diameter."""
    clarity: float = Field(ge=0)
    """Weight of their mean log odds."""
    crowd: float = Field(gt=0)
    """Number above which candidates are crowded, as particles lie beside one another."""
    crowding: float = Field(ge=0)
    """What the square of the logarithm of the excess over that weighs against a size."""
    width: float = Field(gt=0)
    """Usual width of masks, in diameters."""
    wide: float = Field(ge=0)
    """What the square of the logarithm of the excess over that weighs against a size."""
    narrow: float = Field(ge=0)
    """What the square of the logarithm of the deficit weighs against it."""
    scarce: float
    """Logarithm of the number at sizes at which next to nothing is seen."""
    excess: float = Field(gt=0)
    """The clearest diameter over the right one."""
    believed: float
    """Plausibility from which a size is believed where discs show something."""
    believed_alone: float
    """The same where discs show nothing."""
    believed_of_few: float
    """The same where discs show nothing and the networks little."""
    many: float = Field(ge=0)
    """Sum of log odds from which on the networks show more than little."""
    tolerance: float = Field(ge=0)
    """A size less plausible than the best by no more than this may as well be the right one."""
    tolerance_per_support: float = Field(ge=0)
    """So much more for each part of the area by which discs outweigh those of the opposite contrast."""
    dark_lead: float = Field(ge=0)
    """Where discs are dark, particles are bright only if that is more plausible by this."""


class OutlineModel(Config):
    """How particles are outlined, chosen on simulated micrographs of families that were held out."""

    sizes: tuple[float, float, float]
    """Sizes of the views against the networks' scale."""
    emphasis: float = Field(gt=0)
    """By how much the contrast of these views is raised, within what the networks were trained on."""
    neighbourhood: float = Field(gt=0)
    """Width of the Gaussian over which outlines are weighed, in particle diameters."""
    min_probability: float = Field(gt=0, lt=0.5)
    """No pixel less likely than this is taken for particle."""


class WeightsCard(Config):
    """What a folder of weights is, where it comes from and what it can do."""

    name: str
    """Its name."""
    version: Literal[2] = 2
    """Of the format of the folder and of the networks' answers."""
    architecture: ArchitectureConfig
    """The networks, and the scale at which they see."""
    calibration: Calibration
    """From answers to probabilities."""
    size: SizeModel | None = None
    """How the particles' size follows from what the networks see; if not given, as of the general weights."""
    outlines: OutlineModel | None = None
    """How particles are outlined; as with the general weights if not given."""
    max_contamination: float = Field(0.5, ge=0, le=1)
    """Candidates get no score where the mean probability of contamination under them exceeds this."""
    threshold: float = Field(ge=0, le=1)
    """Recommended smallest score: the highest with nearly the best F1 on held-out families."""
    expected_precision: float = Field(ge=0, le=1)
    """Precision at that threshold on held-out simulated families."""
    data: str
    """What the networks learnt from."""
    families: dict[str, int]
    """Number of structure families in training, validation and test."""
    training: dict[str, Any]
    """How they were trained: the settings of that time, which training may have renamed since."""
    command: str
    """The command that made them."""
    commit: str = ""
    """State of the program that made them."""
    cost: str = ""
    """Computing time, and on what."""
    validation: dict[str, float] = Field(default_factory=dict)
    """Figures on held-out simulated families."""
    origin: str = ""
    """Weights that these went on from; nothing where they began with random numbers."""
    held_back: dict[str, dict[str, float]] = Field(default_factory=dict)
    """Figures before and after on micrographs of the user's that were held back from training."""
    sha256: dict[str, str] = Field(default_factory=dict)
    """Fingerprints of the files."""

"""Configuration: frozen models that Python, command-line options, TOML files and docs all read.

Each field's description is the help text of the option of the same name, so there is one place to change it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator


class Config(BaseModel):
    """Base of all configurations: immutable, and an unknown name is an error rather than silently ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


# --- Simulation: what is drawn (ranges), and what one micrograph was made with (values) ---------------


class Range(Config):
    """What a parameter is drawn from; in TOML a number, a pair ``[low, high]`` or a table."""

    low: float
    """Smallest value."""
    high: float
    """Largest value."""
    log: bool = False
    """Draw the logarithm evenly rather than the value."""
    chance: float = Field(1.0, ge=0, le=1)
    """How often the effect is there at all; the value is 0 otherwise."""

    @model_validator(mode="before")
    @classmethod
    def _from_numbers(cls, given: Any) -> Any:
        if isinstance(given, int | float):
            return {"low": given, "high": given}
        if isinstance(given, list | tuple) and len(given) == 2:
            return {"low": given[0], "high": given[1]}
        return given

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        if not self.low <= self.high:
            raise ValueError(f"the low end {self.low} lies above the high end {self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"a logarithmic range starts above 0, not at {self.low}")
        return self


def _range(low: float, high: float, *, log: bool = False, chance: float = 1.0) -> Range:
    return Range(low=low, high=high, log=log, chance=chance)


class Optics(Config):
    """The microscope's settings for one micrograph."""

    voltage_kv: float = Field(300.0, gt=0, le=3000)
    """Acceleration voltage, kV."""
    cs_mm: float = Field(2.7, ge=0, le=10)
    """Spherical aberration, mm."""
    defocus: float = Field(15_000.0, ge=-100_000, le=200_000)
    """Mean of the two principal defocus values, Å; underfocus is positive."""
    astigmatism: float = Field(0.0, ge=0, le=20_000)
    """Difference of the two principal defocus values, Å."""
    astigmatism_angle: float = 0.0
    """Angle from the x axis to the direction of the larger defocus, degrees."""
    amplitude_contrast: float = Field(0.1, ge=0, lt=1)
    """Fraction of amplitude contrast."""
    phase_shift: float = Field(0.0, ge=-180, le=180)
    """Phase shift of a phase plate, degrees."""
    focal_spread: float = Field(30.0, ge=0, le=1000)
    """Standard deviation of the focus by energy spread and instabilities, Å."""
    convergence_mrad: float = Field(0.03, ge=0, le=10)
    """Half angle of the illumination, mrad."""
    bfactor: float = Field(60.0, ge=0, le=5000)
    """Fall-off of the signal with resolution, Å²."""

    @property
    def defocus_u(self) -> float:
        """Larger principal defocus, Å."""
        return self.defocus + self.astigmatism / 2

    @property
    def defocus_v(self) -> float:
        """Smaller principal defocus, Å."""
        return self.defocus - self.astigmatism / 2


class Exposure(Config):
    """The exposure and the detector for one micrograph."""

    dose: float = Field(40.0, gt=0, le=1000)
    """Electrons per Å² over the whole exposure."""
    dqe: float = Field(0.8, gt=0, le=1)
    """Detective quantum efficiency at zero frequency: the fraction of electrons that count."""
    mtf_nyquist: float = Field(0.4, gt=0, le=1)
    """Detector's transfer of the signal at its Nyquist frequency."""
    ntf_nyquist: float = Field(0.8, gt=0, le=1)
    """Detector's transfer of the noise at its Nyquist frequency."""
    mtf_shape: float = Field(2.0, ge=0.5, le=10)
    """Power of the frequency with which both fall: 2 for a Gaussian, more for a shoulder."""
    detector_pixel: float | None = Field(None, gt=0)
    """Pixel size of the detector, Å, where the image was re-sampled; that of the image where not given."""
    motion: float = Field(1.0, ge=0, le=200)
    """Uncorrected motion of the specimen during the exposure, Å."""
    motion_angle: float = 0.0
    """Direction of the motion, degrees from the x axis."""
    unevenness: float = Field(0.0, ge=0, lt=1)
    """Relative fall of the illumination from its brightest to its darkest place in the field."""
    hot_pixels: float = Field(0.0, ge=0, le=0.1)
    """Fraction of pixels that read far too much or nothing."""
    flattening: float = Field(0.0, ge=0)
    """Length beyond which variations were taken away by an earlier program, Å; 0 for none."""
    denoising: float = Field(0.0, ge=0, lt=1)
    """Share of the noise of counting and of the ice that a program took away afterwards."""


class Ice(Config):
    """The layer of vitreous ice for one micrograph."""

    thickness: float = Field(400.0, gt=0, le=20_000)
    """Thickness in the middle of the field, Å."""
    gradient: float = Field(0.0, ge=0, lt=2)
    """Relative change of thickness over 1 µm."""
    roughness: float = Field(0.0, ge=0, lt=1)
    """Relative rms of smooth irregular variations of thickness over 1 µm."""
    slope_angle: float = 0.0
    """Direction in which the ice becomes thicker, degrees from the x axis."""
    tilt: float = Field(0.0, ge=-70, le=70)
    """Tilt of the specimen about `tilt_axis`, degrees."""
    tilt_axis: float = 0.0
    """Direction of the tilt axis, degrees from the x axis."""


class Crowd(Config):
    """How the particles lie in one micrograph."""

    coverage: float = Field(0.2, ge=0, le=2)
    """Sum of the particles' discs over the area of the field; 0 makes an empty micrograph."""
    overlap: float = Field(0.1, ge=0, le=1)
    """How far two particles may overlap, as a fraction of their distance at contact."""
    clustering: float = Field(0.0, ge=0, le=1)
    """Fraction of particles that stick to another one."""
    preference: float = Field(0.0, ge=0, le=1)
    """Fraction of particles in the preferred views; the rest lies at random."""
    preference_spread: float = Field(15.0, ge=0, le=180)
    """Angular spread about a preferred view, degrees."""
    at_interface: float = Field(0.5, ge=0, le=1)
    """Fraction of particles at the two surfaces of the ice; the rest lies anywhere between."""


class Nuisances(Config):
    """What else is in one micrograph that is no particle."""

    carbon: float = Field(0.0, ge=0, le=2000)
    """Thickness of a carbon film whose edge crosses the field, Å; 0 for none."""
    carbon_share: float = Field(0.25, ge=0, le=1)
    """Share of the field that the carbon covers."""
    ice_crystals: int = Field(0, ge=0, le=1000)
    """Number of ice crystals and frost balls."""
    ice_crystal_size: float = Field(800.0, gt=0)
    """Typical diameter of an ice crystal, Å."""
    ethane_blobs: int = Field(0, ge=0, le=1000)
    """Number of soft blobs of frozen ethane."""
    gold_beads: int = Field(0, ge=0, le=1000)
    """Number of gold beads, 50 to 150 Å across."""
    broken: float = Field(0.0, ge=0, le=1)
    """Broken particles, as a fraction of the whole ones."""
    denatured: float = Field(0.0, ge=0, le=1)
    """Unfolded protein at the air-water interface: fraction of a dense monolayer."""
    micelles: float = Field(0.0, ge=0, le=2)
    """Free detergent micelles, as a fraction of the area."""
    aggregates: int = Field(0, ge=0, le=100)
    """Number of aggregates of many particles."""


class Conditions(Config):
    """Everything one simulated micrograph was made with; saved beside it."""

    size: tuple[int, int] = (4096, 4096)
    """Rows and columns of the micrograph."""
    pixel_size: float = Field(1.0, gt=0, le=100)
    """Å per pixel."""
    optics: Optics = Optics()
    exposure: Exposure = Exposure()
    ice: Ice = Ice()
    crowd: Crowd = Crowd()
    nuisances: Nuisances = Nuisances()

    @field_validator("size")
    @classmethod
    def _is_a_micrograph(cls, size: tuple[int, int]) -> tuple[int, int]:
        if min(size) < 16 or max(size) > 32_768:
            raise ValueError(f"a micrograph has 16 to 32768 rows and columns, got {size[0]} by {size[1]}")
        return size


class OpticsRanges(Config):
    """What the microscope's settings are drawn from."""

    voltage_kv: tuple[float, ...] = (300.0, 300.0, 200.0, 120.0)
    """Voltages to choose from, kV; one named twice is chosen twice as often."""
    cs_mm: Range = _range(2.0, 3.0)
    """Spherical aberration, mm."""
    astigmatism: Range = _range(10.0, 1000.0, log=True)
    """Astigmatism, Å."""
    amplitude_contrast: Range = _range(0.03, 0.14)
    """Amplitude contrast."""
    phase_shift: Range = _range(30.0, 120.0, chance=0.05)
    """Phase plate's shift, degrees; most micrographs have none."""
    focal_spread: Range = _range(15.0, 80.0)
    """Focal spread, Å."""
    convergence_mrad: Range = _range(0.005, 0.1, log=True)
    """Half angle of the illumination, mrad."""
    bfactor: Range = _range(20.0, 300.0, log=True)
    """Fall-off of the signal, Å²."""


class ExposureRanges(Config):
    """What exposure and detector are drawn from."""

    dqe: Range = _range(0.4, 0.95)
    """Detective quantum efficiency at zero frequency."""
    mtf_nyquist: Range = _range(0.04, 0.6, log=True)
    """Transfer of the signal at Nyquist; film and CCDs are at the low end."""
    ntf_nyquist: Range = _range(0.12, 1.0, log=True)
    """Transfer of the noise at Nyquist; film and CCDs are at the low end."""
    mtf_shape: Range = _range(1.0, 4.0)
    """Power of the frequency with which the transfers fall."""
    motion: Range = _range(0.2, 6.0, log=True)
    """Uncorrected motion, Å."""
    unevenness: Range = _range(0.01, 0.25, chance=0.5)
    """Fall of the illumination across the field."""
    hot_pixels: Range = _range(1e-6, 2e-4, log=True, chance=0.3)
    """Fraction of hot and dead pixels."""
    flattening: Range = _range(400.0, 4000.0, log=True, chance=0.3)
    """Length beyond which the background was flattened, Å."""


class IceRanges(Config):
    """What the ice is drawn from."""

    gradient: Range = _range(0.0, 0.5)
    """Relative change of thickness over 1 µm."""
    roughness: Range = _range(0.003, 0.1, log=True)
    """Relative rms of irregular variations of thickness over 1 µm."""
    tilt: Range = _range(-40.0, 40.0, chance=0.1)
    """Tilt, degrees."""


class CrowdRanges(Config):
    """How particles lie."""

    overlap: Range = _range(0.0, 0.35)
    """Overlap allowed between neighbours."""
    clustering: Range = _range(0.1, 0.9, chance=0.4)
    """Fraction of particles that stick to another."""
    preference: Range = _range(0.3, 1.0, chance=0.4)
    """Fraction of particles in preferred views."""
    preference_spread: Range = _range(5.0, 40.0)
    """Angular spread of a preferred view, degrees."""
    at_interface: Range = _range(0.0, 1.0)
    """Fraction of particles at the ice's surfaces."""
    empty: float = Field(0.03, ge=0, le=1)
    """Chance of a micrograph without any particle."""


class NuisanceRanges(Config):
    """What else may be in a micrograph; every chance is multiplied by `SimulationConfig.contamination`."""

    carbon: Range = _range(50.0, 250.0, chance=0.15)
    """Carbon film, Å."""
    carbon_share: Range = _range(0.05, 0.6)
    """Share of the field covered by carbon where there is any."""
    ice_crystals: Range = _range(1, 6, chance=0.3)
    """Ice crystals and frost balls."""
    ice_crystal_size: Range = _range(200.0, 2000.0, log=True)
    """Typical diameter of a crystal, Å."""
    ethane_blobs: Range = _range(1, 4, chance=0.12)
    """Blobs of frozen ethane."""
    gold_beads: Range = _range(1, 12, chance=0.08)
    """Gold beads."""
    broken: Range = _range(0.02, 0.4, chance=0.5)
    """Broken particles per whole one."""
    denatured: Range = _range(0.02, 0.6, chance=0.25)
    """Unfolded protein at the interface."""
    micelles: Range = _range(0.01, 0.3, chance=0.1)
    """Free micelles."""
    aggregates: Range = _range(1, 4, chance=0.15)
    """Aggregates."""


class TileConfig(Config):
    """Training tiles, simulated at the scale on which the network works."""

    size: int = Field(256, ge=32, le=4096)
    """Rows and columns of a tile."""
    particle_px: float = Field(32.0, ge=4, le=512)
    """Particle diameter on the tile, pixels."""
    scale: Range = _range(0.75, 1.3, log=True)
    """Factor on that diameter, by which a user's statement of the diameter may be wrong."""
    detector_pixel: Range = _range(0.15, 1.5, log=True)
    """Pixel size of the micrograph over that of the tile; above 1 the micrograph had to be magnified."""
    denoising: Range = _range(0.5, 0.95, chance=0.1)
    """Share of the noise that a program took away, as some users denoise what they pick on."""
    views: int = Field(128, ge=1, le=4096)
    """Directions from which each structure is projected in advance."""
    procedural: int = Field(140, ge=0, le=100_000)
    """Number of made-up complexes beside the structures from files."""
    shard: int = Field(256, ge=1, le=65_536)
    """Tiles in one file."""
    validation: float = Field(0.1, ge=0, lt=1)
    """Share of the families that goes to validation."""
    test: float = Field(0.1, ge=0, lt=1)
    """Share of the families that goes to the test."""


class SimulationConfig(Config):
    """What simulated micrographs are drawn from; the defaults cover what a microscopist meets."""

    size: tuple[int, int] = (4096, 4096)
    """Rows and columns of each micrograph."""
    pixel_size: tuple[float, float] = (0.7, 1.8)
    """Pixel size, Å: lowest and highest."""
    defocus: tuple[float, float] = (5000.0, 40000.0)
    """Mean defocus, Å: lowest and highest."""
    dose: tuple[float, float] = (10.0, 70.0)
    """Electrons per Å²: lowest and highest."""
    ice_thickness: tuple[float, float] = (200.0, 1500.0)
    """Thickness of the ice, Å: lowest and highest; never less than the particle."""
    coverage: tuple[float, float] = (0.03, 0.6)
    """Particles' area over the field's: lowest and highest."""
    contamination: float = Field(1.0, ge=0, le=10)
    """Factor on the chance of every nuisance; 0 makes clean micrographs."""
    optics: OpticsRanges = OpticsRanges()
    exposure: ExposureRanges = ExposureRanges()
    ice: IceRanges = IceRanges()
    crowd: CrowdRanges = CrowdRanges()
    nuisances: NuisanceRanges = NuisanceRanges()
    tiles: TileConfig = TileConfig()

    @field_validator("pixel_size", "dose", "ice_thickness", "coverage", "defocus")
    @classmethod
    def _is_ordered(cls, ends: tuple[float, float], info: ValidationInfo) -> tuple[float, float]:
        if ends[0] > ends[1]:
            raise ValueError(f"the low end {ends[0]} lies above the high end {ends[1]}")
        if info.field_name in ("pixel_size", "dose", "ice_thickness") and ends[0] <= 0:
            raise ValueError(f"wanted values above 0, the low end is {ends[0]}")
        if info.field_name == "coverage" and ends[0] < 0:
            raise ValueError(f"wanted values of 0 and above, the low end is {ends[0]}")
        return ends


# --- AutoCryoPicker's steps: preprocess, cluster, shapes, and the `paper` profile ---------------------


class PreprocessConfig(Config):
    """Constants of AutoCryoPicker's pre-processing, for particles that measure about 38 pixels."""

    stretch: Literal["limits", "mid-range"] = "limits"
    """Contrast stretch: between found limits as in the authors' programs, or mid-range (equation 2)."""
    saturate: float = Field(0.01, ge=0, lt=0.5)
    """Fraction of the pixels that saturates at each end of a contrast stretch."""
    levels: int = Field(64, ge=2, le=256)
    """Output levels of the histogram equalisation."""
    restoration: Literal["local", "fourier"] = "local"
    """Wiener filter: local and adaptive as in the authors' programs, or in Fourier space (equation 3)."""
    wiener_window: int = Field(5, ge=3)
    """Window of the local Wiener filter, pixels."""
    tiles: int = Field(8, ge=1, le=12)
    """Tiles along each axis of the adaptive histogram equalisation."""
    rayleigh_alpha: float = Field(0.4, gt=0)
    """Rayleigh parameter of the adaptive histogram equalisation."""
    clips: tuple[Annotated[float, Field(ge=0, le=1)], ...] = (0.02, 0.99)
    """Contrast limit of each pass of the adaptive equalisation; (0.02,) is the paper's single pass."""
    guided_window: int = Field(5, ge=3)
    """Window of the guided filter, pixels."""
    guided_epsilon: float = Field(0.01, gt=0)
    """Variance below which the guided filter takes a window for flat; the image lies in [0, 1]."""
    guided_passes: int = Field(4, ge=0)
    """Passes of the guided filter; 1 in the paper's text."""
    morphology: Literal["open", "close"] = "open"
    """Opening by a 3×3 cross as in the authors' programs, or closing by a 5×5 square (equation 7)."""


class ClusterConfig(Config):
    """How the grey values of a pre-processed micrograph are clustered."""

    method: Literal["intensity", "k-means", "fuzzy"] = "intensity"
    """Intensity-based clustering, k-means, or fuzzy c-means."""
    classes: int = Field(4, ge=2, le=16)
    """Number of clusters; the darkest is taken for particles."""
    levels: int = Field(256, ge=16, le=4096)
    """Grey levels of the histogram that is clustered."""


class CleaningConfig(Config):
    """How masks of particles are cleaned."""

    least_area: float = Field(0.22, ge=0)
    """Smallest component kept, as a share of the area of a disc of the particle's diameter."""
    most_irregular: float | None = Field(None, gt=1)
    """Keep components with perimeter²/(4π area) below this; off, as touching particles are one."""


class HoughConfig(Config):
    """How circles are found in a cleaned mask."""

    smallest_radius: float = Field(0.75, gt=0)
    """Smallest radius, in particle radii."""
    largest_radius: float = Field(1.25, gt=0)
    """Largest radius, in particle radii."""
    blur: float = Field(0.065, gt=0)
    """Blur of the votes, in particle diameters."""
    least_prominence: float = Field(0.05, gt=0)
    """Smallest prominence of a candidate; a perfect disc has 0.5 to 0.9."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.smallest_radius > self.largest_radius:
            raise ValueError(
                f"smallest_radius {self.smallest_radius} exceeds largest_radius {self.largest_radius}"
            )
        return self


class SideViewConfig(Config):
    """How side views, which are near-squares, are found in a cleaned mask."""

    openings: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = (0.15, 0.3)
    """Diameters of the discs that open the mask, one after the other, in particle diameters."""
    least_area: float = Field(0.55, gt=0)
    """Smallest area, in squares on the particle diameter."""
    most_area: float = Field(1.5, gt=0)
    """Largest area, in squares on the particle diameter."""
    least_ratio: float = Field(0.7, gt=0, le=1)
    """Smallest ratio of the shorter to the longer side; overlapping side views have less."""
    least_overlap: float = Field(0.9, gt=0, le=1)
    """Smallest overlap, common over joint area, with the rectangle of the same area."""
    longest: float = Field(1.25, ge=1)
    """Largest Feret diameter, in medians of the micrograph's side views."""
    certain_circle: float = Field(0.3, gt=0)
    """Prominence from which a circle is a top view and is taken out before side views are looked for."""


class PaperConfig(Config):
    """The `paper` profile: AutoCryoPicker's steps, with lengths relative to the particle."""

    diameter: float | None = Field(None, gt=0)
    """Particle diameter, Å; found in the micrograph where it is not given."""
    contrast: Literal["auto", "dark", "bright"] = "auto"
    """Whether particles are darker than the ice, as usual, or brighter; found where it is not given."""
    working_px: float = Field(38.0, ge=12, le=96)
    """Micrographs are resampled so that the particle measures this many pixels."""
    side_views: bool = True
    """Look for rectangular side views beside the round top views."""
    min_score: float = Field(0.15, ge=0, le=1)
    """Score from which a candidate counts as a particle unless `select` is told otherwise."""
    preprocess: PreprocessConfig = PreprocessConfig()
    """Pre-processing."""
    cluster: ClusterConfig = ClusterConfig()
    """Clustering."""
    cleaning: CleaningConfig = CleaningConfig()
    """Cleaning of the mask."""
    hough: HoughConfig = HoughConfig()
    """Top views."""
    sides: SideViewConfig = SideViewConfig()
    """Side views."""


# --- Selection ------------------------------------------------------------------------------------


class SelectConfig(Config):
    """Which candidates become picks."""

    min_score: float | None = None
    """Smallest score to keep; the picker's recommended threshold where it is not given."""
    separation: float = Field(0.5, ge=0)
    """Smallest distance between two picks, in particle diameters; of two closer ones the better stays."""
    border: float = Field(0.0, ge=0)
    """Smallest distance from the edge of the micrograph, in particle diameters; 0.5 keeps whole ones only."""
    max_picks: int | None = Field(None, ge=1)
    """Keep at most this many picks of a micrograph, the best ones."""


# Movies -------------------------------------------------------------------------------------


class MovieConfig(Config):
    """How movies are read; names and conventions are RELION's."""

    angpix: float | None = Field(None, gt=0)
    """Pixel size of the detector, Å; taken from the file where it is not given."""
    gain: Path | None = None
    """Gain reference, MRC or TIFF, by which frames are multiplied (for EER: by its inverse if it is MRC)."""
    gain_rotation: int = Field(0, ge=0, le=3)
    """Rotate the gain reference by this number of quarter turns, clockwise with the first row on top."""
    gain_flip: int = Field(0, ge=0, le=2)
    """Then flip the gain reference: 1 upside down, 2 left to right."""
    eer_grouping: int = Field(32, ge=1)
    """Raw frames of an EER movie that are summed into one; aim at 0.5 to 1.25 electrons per Å²."""
    eer_upsampling: int = Field(1, ge=1, le=3)
    """Grid on which an EER movie is rendered: 1 the detector's own, 2 and 3 two and four times finer."""
    flip_y: Literal["auto", "yes", "no"] = "auto"
    """Turn frames upside down; auto does it to TIFF movies, as RELION, IMOD and MotionCor2 do."""
    first_frame: int = Field(1, ge=1)
    """First frame to use, counted from 1."""
    last_frame: int | None = Field(None, ge=1)
    """Last frame to use, counted from 1; all where it is not given."""


class AlignmentConfig(Config):
    """How the frames of a movie are aligned."""

    bfactor: float = Field(500.0, ge=0)
    """Fall-off of the weight with resolution, exp(-B s²/4), Å²; large values trust coarse features only."""
    max_shift: float = Field(100.0, gt=0)
    """Largest movement that is believed, Å."""
    iterations: int = Field(10, ge=0)
    """Rounds against the running average, fewer where shifts settle; 0 adds up frames as they are."""


class AverageConfig(MovieConfig, AlignmentConfig):
    """How a movie becomes a micrograph."""


# --- The default picker ---------------------------------------------------------------------------


class UnsupervisedConfig(Config):
    """The default picker: what is not given is found in the micrographs."""

    diameter: float | None = Field(None, gt=0)
    """Particle diameter, Å; found in the micrographs where it is not given."""
    contrast: Literal["auto", "dark", "bright"] = "auto"
    """Whether particles are darker than the ice, as usual, or brighter; found where it is not given."""
    working_px: float = Field(24.0, ge=12, le=96)
    """Micrographs are resampled so that the particle measures this many pixels."""
    rounds: int = Field(2, ge=0, le=10)
    """How often the template is learnt anew from the micrograph's own best picks."""
    side_views: bool = True
    """Look for rectangular side views beside the round top views."""
    contamination: bool = True
    """Give no score to candidates on ice crystals, carbon edges and aggregates."""


class PickConfig(UnsupervisedConfig, SelectConfig):
    """Everything that decides which picks a run gives; how the work is spread is not part of it."""

    method: Literal["auto", "unsupervised", "network", "paper"] = "auto"
    """How particles are found: auto takes what sees them best; paper is AutoCryoPicker as published."""
    weights: str = "general"
    """Weights of the network method: a name that `cryoglean models` lists, or a folder."""
    angpix: float | None = Field(None, gt=0)
    """Pixel size, Å; taken from the files where it is not given."""


# Runs over many micrographs ---------------------------------------------------------------------------------


class EngineConfig(Config):
    """How the work of a run is spread; nothing here changes a result."""

    workers: int | None = Field(None, ge=1)
    """Processor cores to use; as many as this process was given where it is not said."""
    memory: float | None = Field(None, gt=0)
    """Memory that all workers together may use, GiB; most of what was given where it is not said."""
    content: bool = False
    """Tell a changed micrograph by its content, not by its date; every file is read to the end for that."""
    dask: str | None = None
    """Address of a Dask scheduler to work with, such as tcp://host:8786, or 'local' to start one here."""
    slurm: int | None = Field(None, ge=1)
    """Work with this many SLURM jobs, each with the cores and memory that are said."""
    slurm_cores: int = Field(1, ge=1)
    """Cores of a SLURM job."""
    slurm_memory: str = "4GB"
    """Memory of a SLURM job."""
    slurm_time: str = "02:00:00"
    """Time limit of a SLURM job; a new one follows where work is left."""
    slurm_options: str = ""
    """Further options of sbatch, such as '--partition=long --account=mine'."""
    shard: str | None = Field(None, pattern=r"^[1-9]\d*/[1-9]\d*$")
    """Do only part i of n, as i/n: for job arrays; `cryoglean select` joins the parts."""

    @field_validator("shard")
    @classmethod
    def _is_a_part(cls, shard: str | None) -> str | None:
        number, shards = map(int, (shard or "1/1").split("/"))
        if number > shards:
            raise ValueError("the part comes first, counted from 1, then their number")
        return shard

    @field_validator("slurm")
    @classmethod
    def _is_one_cluster(cls, slurm: int | None, info: ValidationInfo) -> int | None:
        if slurm is not None and info.data.get("dask") is not None:
            raise ValueError("choose one of --dask and --slurm")
        return slurm


class WatchConfig(Config):
    """How a folder is watched while micrographs arrive."""

    settle: float = Field(10.0, ge=0)
    """Seconds for which a file must not change before it counts as complete."""
    every: float = Field(2.0, gt=0)
    """Seconds between two looks at the folder."""
    patience: float = Field(120.0, ge=0)
    """Seconds to wait for the eight micrographs in which the particles are measured, before fewer must do."""
    idle: float | None = Field(None, gt=0)
    """End when nothing has come for so many minutes; otherwise at a signal, or when OUT/STOP is made."""


# --- The network picker: its networks, their training, and picking with them ---------------------


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


class AugmentationConfig(Config):
    """How training tiles are varied while training."""

    scale: float = Field(0.2, ge=0, lt=1)
    """Largest relative change of size."""
    contrast: float = Field(0.35, ge=0, lt=1)
    """Largest relative change of contrast after normalisation."""
    noise: float = Field(0.6, ge=0)
    """Largest standard deviation of added noise, in units of the image's own; half of the tiles get some."""
    blur: float = Field(0.8, ge=0)
    """Largest width of an added blur, pixels; a quarter of the tiles get some."""
    gradient: float = Field(2.0, ge=0)
    """Largest rise of an added gradient over a tile, in standard deviations; half of the tiles get one."""
    sign_flip: float = Field(0.03, ge=0, le=0.5)
    """Chance that a tile is inverted."""
    border: float = Field(0.35, ge=0, le=1)
    """Chance that a tile ends as micrographs do, with nothing beyond a border that cuts particles."""


class FineTuningConfig(Config):
    """How trained networks go on with a few micrographs of a user's own."""

    minutes: float = Field(10.0, gt=0)
    """No more than so many minutes altogether; fewer where the steps are done before."""
    rate: float = Field(1e-3, gt=0)
    """Highest learning rate."""
    averaging: float = Field(0.98, ge=0, lt=1)
    """Decay of the moving average of weights, which is what is kept."""
    validate_every: int = Field(50, ge=1)
    """Steps between two looks at the micrographs held back."""
    steps: int = Field(400, ge=1)
    """Steps of the segmentation network."""
    classifier_steps: int = Field(150, ge=1)
    """Steps of the classification network."""
    share: float = Field(0.5, gt=0, le=1)
    """Share of the tiles in a batch that are the user's; the others are simulated."""
    held_back: float = Field(0.2, gt=0, lt=1)
    """Share of the micrographs on which progress is measured, and which nothing is learnt from."""
    weak: float = Field(0.3, ge=0, le=1)
    """Weight of picks that nobody looked at."""
    unlabelled: float = Field(0.0, ge=0, le=1)
    """Weight of what was not picked where picks are incomplete; 0 leaves background to the other tiles."""
    refuted: float = Field(3.0, ge=0)
    """Weight of picks that the user deleted."""
    general: float = Field(0.5, ge=0)
    """What the average precision on simulated tiles counts beside that on the user's micrographs."""
    tiles: int = Field(480, ge=16)
    """Simulated tiles that are made where no shards are given."""
    augmentation: AugmentationConfig = AugmentationConfig(
        scale=0.15, contrast=0.35, noise=0.6, blur=0.8, gradient=2.0, sign_flip=0.0, border=0.2
    )
    """Variation of the user's tiles, which shows one particle at a known size."""


class TrainConfig(Config):
    """How the networks are trained."""

    seed: int = Field(0, ge=0)
    """The same seed, shards and machine give the same weights."""
    epochs: float = Field(6.0, gt=0)
    """Passes over the training tiles of the segmentation network."""
    batch: int = Field(12, ge=1)
    """Tiles in one step."""
    rate: float = Field(2e-3, gt=0)
    """Highest learning rate; it rises over the first steps and falls as a cosine."""
    weight_decay: float = Field(1e-2, ge=0)
    """Weight decay of AdamW."""
    mask_weight: float = Field(1.0, gt=0)
    """What the loss of the particles' masks counts beside those of centres and contamination."""
    averaging: float = Field(0.998, ge=0, lt=1)
    """Decay of the moving average of weights, which is what is kept."""
    classifier_tiles: int = Field(6000, ge=1)
    """Training tiles in which candidates are sought for the classification network, some 50 in each."""
    classifier_epochs: float = Field(4.0, gt=0)
    """Passes over the candidates of the classification network."""
    classifier_batch: int = Field(128, ge=1)
    """Candidates in one step."""
    validate_every: int = Field(500, ge=1)
    """Steps between two looks at the validation tiles, each with a checkpoint and an example map."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to train."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the networks' arithmetic; auto takes bfloat16 on GPUs, and on CPUs that multiply it in hardware."""
    threads: int = Field(2, ge=1)
    """Processor cores to use."""
    architecture: ArchitectureConfig = ArchitectureConfig()
    """The networks."""
    augmentation: AugmentationConfig = AugmentationConfig()
    """Variation of the tiles."""
    fine_tuning: FineTuningConfig = FineTuningConfig()
    """What differs where trained networks go on with a user's micrographs."""


# Labels from reconstructions --------------------------------------------------------------------------------


class CropConfig(Config):
    """Crops for the classifier of candidates, and tiles for the segmentation network."""

    particle_px: float = Field(32.0, ge=8, le=256)
    """Particle diameter in crops and tiles, pixels: the scale on which the network works."""
    crop: int = Field(48, ge=16, le=512)
    """Rows and columns of a crop."""
    tile: int = Field(256, ge=32, le=4096)
    """Rows and columns of a tile."""
    background: float = Field(1.0, ge=0)
    """Crops of background for each crop of a particle."""
    interference: float = Field(1.0, ge=0)
    """Crops of contamination for each crop of a particle, where there is enough contamination."""
    distance: float = Field(1.0, ge=0)
    """Smallest distance of negatives from particles, and of background from contamination, in diameters."""


class LabelConfig(Config):
    """How masks are made from a refined map, and label images from masks."""

    threshold: Literal["otsu", "triangle", "fraction"] = "otsu"
    """What binarises a projection: Otsu's threshold of its root, the triangle method, or a fraction of its
    maximum."""
    fraction: float = Field(0.25, gt=0, lt=1)
    """Fraction of a projection's maximum above which it is particle, for `threshold` fraction."""
    smoothing: float = Field(0.025, ge=0, le=0.25)
    """Gaussian that smooths projections before they are binarised, in particle diameters."""
    ring: float = Field(0.06, ge=0, le=1)
    """Width of the ring along outlines that is marked to be ignored, in particle diameters; 0 for none."""
    diameter: float | None = Field(None, gt=0)
    """Particle diameter, Å; that of the map where it is not given."""
    angpix: float | None = Field(None, gt=0)
    """Pixel size of the micrographs, Å; the particle file's, or else their headers', if not given."""
    map_angpix: float | None = Field(None, gt=0)
    """Voxel size of the map, Å; taken from its header where it is not given."""
    cutting: CropConfig = CropConfig()
    """Crops and tiles."""


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
    threshold: float = Field(ge=0, le=1)
    """Recommended smallest score: the highest with nearly the best F1 on held-out families."""
    expected_precision: float = Field(ge=0, le=1)
    """Precision at that threshold on held-out simulated families."""
    data: str
    """What the networks learnt from."""
    families: dict[str, int]
    """Number of structure families in training, validation and test."""
    training: TrainConfig
    """How they learnt."""
    command: str
    """The command that made them."""
    commit: str = ""
    """State of the program that made them."""
    cost: str = ""
    """Computing time, and on what."""
    validation: dict[str, float] = {}
    """Figures on held-out simulated families."""
    origin: str = ""
    """Weights that these went on from; nothing where they began with random numbers."""
    held_back: dict[str, dict[str, float]] = {}
    """Figures before and after on micrographs of the user's that were held back from training."""
    sha256: dict[str, str] = {}
    """Fingerprints of the files."""


class NetworkConfig(Config):
    """The network picker: what is not given is found in the micrographs."""

    diameter: float | None = Field(None, gt=0)
    """Particle diameter, Å; found in the micrographs where it is not given."""
    contrast: Literal["auto", "dark", "bright"] = "auto"
    """Whether particles are darker than the ice, as usual, or brighter; found where it is not given."""
    weights: str = "general"
    """Weights of the networks: a name that `cryoglean models` lists, or a folder."""
    contamination: bool = True
    """Give no score to candidates on ice crystals, carbon edges and aggregates."""


# Particle images ----------------------------------------------------------------------------


class ExtractConfig(Config):
    """How particle images are cut from micrographs; the steps are RELION's."""

    box: int | None = Field(None, ge=8, le=8192)
    """Box in pixels of the micrograph, even; half again the diameter where it is not given."""
    box_angstrom: float | None = Field(None, gt=0)
    """Box in Å, rounded to an even number of pixels."""
    diameter: float | None = Field(None, gt=0)
    """Particle diameter, Å, for the box; that of the picks where it is not given."""
    scale: int | None = Field(None, ge=8, le=8192)
    """Rescale the images to this many pixels, even; as cut where it is not given."""
    normalise: bool = True
    """Give the background mean 0 and standard deviation 1."""
    ramp: bool = True
    """Take a plane fitted to the background away in doing so."""
    background_radius: float | None = Field(None, gt=0)
    """Radius beyond which an image is background, pixels after rescaling; 3/8 of the image if not given."""
    invert: bool = True
    """Invert the contrast: particles are dark in micrographs, and RELION wants them bright."""
    border: Literal["fill", "drop"] = "fill"
    """Boxes that cross the border are filled by repeating its pixels, as RELION does, or dropped."""
    float16: bool = False
    """Write half the bytes (MRC mode 12), which RELION 4 and later read."""
    angpix: float | None = Field(None, gt=0)
    """Pixel size of the micrographs, Å; that of the picks or else of the headers, if not given."""
    kv: float = Field(300.0, gt=0)
    """Voltage for the optics group, kV, where the picks do not say it."""
    cs: float = Field(2.7, ge=0)
    """Spherical aberration for the optics group, mm, where the picks do not say it."""
    amplitude_contrast: float = Field(0.1, ge=0, lt=1)
    """Amplitude contrast for the optics group where the picks do not say it."""

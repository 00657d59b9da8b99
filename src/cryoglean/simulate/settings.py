"""What is simulated: ranges that are drawn from, and the values one micrograph was made with."""

from __future__ import annotations

from pydantic import Field, ValidationInfo, field_validator

from cryoglean.dataset.settings import PARTICLE_PX, TEST, VALIDATION
from cryoglean.settings import Config, Range, range_of


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


class Contaminants(Config):
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


class Processing(Config):
    """What programs did to one micrograph after the camera; nothing by default."""

    gain_error: float = Field(0.0, ge=0, lt=1)
    """Relative rms by which the gain reference was wrong, of rows, columns and pixels."""
    coloured_noise: float = Field(0.0, ge=0, le=20)
    """Standard deviation of further noise, in units of the image's."""
    noise_power: float = Field(0.0, ge=-4, le=4)
    """Power of the frequency with which its amplitude goes: -1 is pink noise, 0 white, 1 blue."""
    wiener: float = Field(0.0, ge=0, le=2)
    """How far a denoiser weakens what is noise at each frequency, 1 by as much as it is; 0 for none."""
    nonlocal_means: float = Field(0.0, ge=0, le=10)
    """How unlike places may be that non-local means averages, in spreads of the image; 0 for none."""
    lowpass: float = Field(0.0, ge=0)
    """Length below which a low-pass filter took variations away, Å; 0 for none."""
    lowpass_steepness: float = Field(4.0, ge=0.5, le=50)
    """Order of that Butterworth filter."""
    equalising: float = Field(0.0, ge=0)
    """Length over which mean and contrast were made the same, Å; 0 for none."""
    grey_levels: int = Field(0, ge=0, le=65_536)
    """Number of grey levels that were left; 0 for all."""
    jpeg_quality: int = Field(0, ge=0, le=100)
    """Quality of the JPEG as which it was saved; 0 for none."""


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
    contaminants: Contaminants = Contaminants()
    processing: Processing = Processing()

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
    cs_mm: Range = range_of(2.0, 3.0)
    """Spherical aberration, mm."""
    astigmatism: Range = range_of(10.0, 1000.0, log=True)
    """Astigmatism, Å."""
    amplitude_contrast: Range = range_of(0.03, 0.14)
    """Amplitude contrast."""
    phase_shift: Range = range_of(30.0, 120.0, chance=0.05)
    """Phase plate's shift, degrees; most micrographs have none."""
    focal_spread: Range = range_of(15.0, 80.0)
    """Focal spread, Å."""
    convergence_mrad: Range = range_of(0.005, 0.1, log=True)
    """Half angle of the illumination, mrad."""
    bfactor: Range = range_of(20.0, 300.0, log=True)
    """Fall-off of the signal, Å²."""


class ExposureRanges(Config):
    """What exposure and detector are drawn from."""

    dqe: Range = range_of(0.4, 0.95)
    """Detective quantum efficiency at zero frequency."""
    mtf_nyquist: Range = range_of(0.04, 0.6, log=True)
    """Transfer of the signal at Nyquist; film and CCDs are at the low end."""
    ntf_nyquist: Range = range_of(0.12, 1.0, log=True)
    """Transfer of the noise at Nyquist; film and CCDs are at the low end."""
    mtf_shape: Range = range_of(1.0, 4.0)
    """Power of the frequency with which the transfers fall."""
    motion: Range = range_of(0.2, 6.0, log=True)
    """Uncorrected motion, Å."""
    unevenness: Range = range_of(0.01, 0.25, chance=0.5)
    """Fall of the illumination across the field."""
    hot_pixels: Range = range_of(1e-6, 2e-4, log=True, chance=0.3)
    """Fraction of hot and dead pixels."""
    flattening: Range = range_of(400.0, 4000.0, log=True, chance=0.3)
    """Length beyond which the background was flattened, Å."""


class IceRanges(Config):
    """What the ice is drawn from."""

    gradient: Range = range_of(0.0, 0.5)
    """Relative change of thickness over 1 µm."""
    roughness: Range = range_of(0.003, 0.1, log=True)
    """Relative rms of irregular variations of thickness over 1 µm."""
    tilt: Range = range_of(-40.0, 40.0, chance=0.1)
    """Tilt, degrees."""


class CrowdRanges(Config):
    """How particles lie."""

    overlap: Range = range_of(0.0, 0.35)
    """Overlap allowed between neighbours."""
    clustering: Range = range_of(0.1, 0.9, chance=0.4)
    """Fraction of particles that stick to another."""
    preference: Range = range_of(0.3, 1.0, chance=0.4)
    """Fraction of particles in preferred views."""
    preference_spread: Range = range_of(5.0, 40.0)
    """Angular spread of a preferred view, degrees."""
    at_interface: Range = range_of(0.0, 1.0)
    """Fraction of particles at the ice's surfaces."""
    empty: float = Field(0.03, ge=0, le=1)
    """Chance of a micrograph without any particle."""


class ContaminantRanges(Config):
    """What else may be in a micrograph; every chance is multiplied by `SimulationConfig.contamination`."""

    carbon: Range = range_of(50.0, 250.0, chance=0.15)
    """Carbon film, Å."""
    carbon_share: Range = range_of(0.05, 0.6)
    """Share of the field covered by carbon where there is any."""
    ice_crystals: Range = range_of(1, 6, chance=0.3)
    """Ice crystals and frost balls."""
    ice_crystal_size: Range = range_of(200.0, 2000.0, log=True)
    """Typical diameter of a crystal, Å."""
    ethane_blobs: Range = range_of(1, 4, chance=0.12)
    """Blobs of frozen ethane."""
    gold_beads: Range = range_of(1, 12, chance=0.08)
    """Gold beads."""
    broken: Range = range_of(0.02, 0.4, chance=0.5)
    """Broken particles per whole one."""
    denatured: Range = range_of(0.02, 0.6, chance=0.25)
    """Unfolded protein at the interface."""
    micelles: Range = range_of(0.01, 0.3, chance=0.1)
    """Free micelles."""
    aggregates: Range = range_of(1, 4, chance=0.15)
    """Aggregates."""


class ProcessingRanges(Config):
    """What programs may have done to a micrograph; every chance is multiplied by `processed`."""

    gain_error: Range = range_of(0.002, 0.03, log=True, chance=0.1)
    """Relative error of the gain reference."""
    coloured_noise: Range = range_of(0.3, 2.0, chance=0.2)
    """Noise added, in standard deviations of the image."""
    noise_power: Range = range_of(-1.5, 1.0)
    """Power of the frequency with which the amplitude of that noise goes."""
    wiener: Range = range_of(0.6, 1.0, chance=0.2)
    """Strength of a denoiser that weakens each frequency by the noise in it."""
    nonlocal_means: Range = range_of(0.5, 1.5, chance=0.1)
    """Strength of denoising by non-local means."""
    lowpass: Range = range_of(8.0, 60.0, log=True, chance=0.25)
    """Low-pass filter, Å."""
    lowpass_steepness: Range = range_of(1.0, 12.0, log=True)
    """Order of that filter."""
    equalising: Range = range_of(150.0, 1500.0, log=True, chance=0.1)
    """Length over which the contrast was made the same, Å."""
    grey_levels: Range = range_of(6, 200, log=True, chance=0.15)
    """Grey levels left."""
    jpeg_quality: Range = range_of(30, 95, chance=0.1)
    """Quality of a JPEG."""


class TileConfig(Config):
    """Training tiles, simulated at the scale on which the network works."""

    size: int = Field(256, ge=32, le=4096)
    """Rows and columns of a tile."""
    particle_px: float = Field(PARTICLE_PX, ge=4, le=512)
    """Particle diameter on the tile, pixels."""
    scale: Range = range_of(0.75, 1.3, log=True)
    """Factor on that diameter, by which a user's statement of the diameter may be wrong."""
    detector_pixel: Range = range_of(0.15, 1.5, log=True)
    """Pixel size of the micrograph over that of the tile; above 1 the micrograph had to be magnified."""
    denoising: Range = range_of(0.5, 0.95, chance=0.1)
    """Share of the noise that a program took away, as some users denoise what they pick on."""
    processed: float = Field(1.0, ge=0, le=4)
    """Factor on the chances of `processing` for tiles; networks should know what programs do."""
    views: int = Field(128, ge=1, le=4096)
    """Directions from which each structure is projected in advance."""
    procedural: int = Field(140, ge=0, le=100_000)
    """Number of procedural complexes beside the structures from files."""
    shard: int = Field(256, ge=1, le=65_536)
    """Tiles in one file."""
    validation: float = Field(VALIDATION, ge=0, lt=1)
    """Share of the families that goes to validation."""
    test: float = Field(TEST, ge=0, lt=1)
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
    """Factor on the chance of every contaminant; 0 makes clean micrographs."""
    optics: OpticsRanges = OpticsRanges()
    exposure: ExposureRanges = ExposureRanges()
    ice: IceRanges = IceRanges()
    crowd: CrowdRanges = CrowdRanges()
    contaminants: ContaminantRanges = ContaminantRanges()
    processed: float = Field(0.0, ge=0, le=4)
    """Factor on the chances of `processing`; 0 leaves micrographs as the camera gives them."""
    processing: ProcessingRanges = ProcessingRanges()
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

"""One micrograph, from structure to counts, with everything that is true about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from cryoglean.dataset.contamination import KINDS
from cryoglean.errors import UsageError
from cryoglean.simulate import detector, optics
from cryoglean.simulate.canvas import Canvas, add, mark, overlap
from cryoglean.simulate.contamination import deposits
from cryoglean.simulate.ice import (
    WATER,
    amorphous_noise,
    depth_of_plane,
    inelastic_path,
    thickness_map,
)
from cryoglean.simulate.masks import particle_mask, paste_label
from cryoglean.simulate.placement import Layer, place_particles
from cryoglean.simulate.processing import process
from cryoglean.simulate.projection import Projector, euler_angles, projector
from cryoglean.simulate.sampling import sample_conditions
from cryoglean.simulate.settings import Conditions, SimulationConfig
from cryoglean.simulate.structures import Structure
from cryoglean.types import FloatImage, Mask, Micrograph, Picks

_SLAB_PHASE = np.pi / 4
"""Largest error of the phase at Nyquist, by which particles share one defocus."""

_MAX_SLABS = 8


@dataclass(frozen=True, eq=False)
class Simulated:
    """A simulated micrograph and what is true about it.

    Parameters
    ----------
    micrograph : Micrograph
        Electron counts, or what programs made of them.
    truth : Picks
        Every particle whose centre lies in the field. `extra` holds, under RELION's names, the Euler angles
        (degrees) and each particle's own defocus (Å), and `depth` (Å below the middle of the ice), `visible`
        (fraction of its mask inside the field), `cut` (whether the border cuts it) and `contamination` (the
        bits at its centre).
    fringe : Picks
        Particles whose centre lies outside the field and whose mask reaches into it, with the same columns.
    labels : array of int32, shape (ny, nx)
        0 for background, i + 1 for particle i of `truth`; those of `fringe` follow.
    contamination : array of uint8, shape (ny, nx)
        One bit a kind, in the order of `dataset.contamination.KINDS`; see `contaminated`.
    clean : array of float32, shape (ny, nx)
        Mean counts if there were the particles alone, without ice noise and contaminants.
    diameter : float
        The particle's largest dimension, Å.
    conditions : Conditions
        What it was made with.
    """

    micrograph: Micrograph
    truth: Picks
    fringe: Picks
    labels: NDArray[np.int32]
    contamination: NDArray[np.uint8]
    clean: FloatImage
    diameter: float
    conditions: Conditions

    def contaminated(self, kind: str) -> NDArray[np.bool_]:
        """Mask of one kind of contaminant, see `dataset.contamination.KINDS`."""
        mask: NDArray[np.bool_] = (self.contamination >> KINDS.index(kind)) & 1 > 0
        return mask

    @property
    def snr(self) -> float:
        """Signal-to-noise ratio: Σ clean² / Σ (noisy - clean)², each about its mean."""
        return signal_to_noise(self.micrograph.data, self.clean)

    @property
    def snr_db(self) -> float:
        """The same in decibels, 10 log10, as PIXER states it; minus infinity for an empty field."""
        return float(10 * np.log10(self.snr)) if self.snr > 0 else -np.inf


def signal_to_noise(noisy: FloatImage, clean: FloatImage) -> float:
    """Σ clean² / Σ (noisy - clean)², images about their means (Zhang et al., BMC Bioinf. 2019, 20, 41).

    0 without a signal, also where there is no noise either.
    """
    signal = clean - clean.mean(dtype=np.float64)
    noise = noisy - noisy.mean(dtype=np.float64) - signal
    power, rest = (float(np.sum(part**2, dtype=np.float64)) for part in (signal, noise))
    if power == 0:
        return 0.0
    return power / rest if rest else np.inf


def simulate_micrograph(
    structure: Structure,
    config: SimulationConfig | Conditions | None = None,
    *,
    seed: int | Sequence[int],
    name: str = "simulated",
) -> Simulated:
    """Simulate one micrograph of a structure.

    Parameters
    ----------
    structure : Structure
        The particle; see `structures.load_structure` and `procedural.procedural_structure`.
    config : SimulationConfig or Conditions, optional
        Ranges to draw from, or the very conditions; the default ranges where not given.
    seed : int, or sequence of them
        The same seed gives the same bytes.
    name : str
        The micrograph's name.

    Returns
    -------
    Simulated
        The micrograph and its truth.

    Raises
    ------
    UsageError
        The particle does not fit into the field.
    """
    rng = np.random.default_rng(seed)
    config = SimulationConfig() if config is None else config
    conditions = config if isinstance(config, Conditions) else sample_conditions(config, rng)
    _require_room(conditions, structure.diameter)
    with fft.set_workers(-1):
        view = projector(structure, conditions.pixel_size)
        return simulate_view(view, conditions, rng=rng, name=name)


def simulate_view(
    view: Projector, conditions: Conditions, *, rng: np.random.Generator, name: str = "simulated"
) -> Simulated:
    """Simulate one micrograph of the particle that a projector shows.

    Parameters
    ----------
    view : Projector
        Its pixel size is that of `conditions`.
    conditions : Conditions
        What to make it with.
    rng : Generator
        Its children draw everything, each effect from its own.
    name : str
        The micrograph's name.

    Raises
    ------
    UsageError
        The particle does not fit into the field.
    """
    setup = _Setup.of(view, conditions)
    streams = dict(zip(_STREAMS, rng.spawn(len(_STREAMS)), strict=True))
    particles = _place(setup, streams["placement"])
    signal, labels, sizes = _image_particles(setup, particles)
    thickness = thickness_map(
        setup.canvas.shape, setup.conditions.ice, pixel_size=conditions.pixel_size, rng=streams["thickness"]
    )
    rest = _lay_down_rest(setup, thickness, streams)
    passing = _passing(setup, thickness)
    counts, clean = _expose(setup, signal, rest, passing=passing, streams=streams)
    counts = process(
        counts, conditions.processing, pixel_size=conditions.pixel_size, rng=streams["processing"]
    )
    inside = _is_inside(setup, particles)
    rows = np.concatenate([np.flatnonzero(inside), np.flatnonzero(~inside & (sizes[:, 1] > 0))])
    picks = _describe(setup, particles, sizes, contamination=rest.contamination, name=name)[rows]
    return Simulated(
        micrograph=Micrograph(counts, name=name, pixel_size=conditions.pixel_size),
        truth=picks[: inside.sum()],
        fringe=picks[inside.sum() :],
        labels=_renumbered(labels, rows),
        contamination=rest.contamination[setup.canvas.field],
        clean=clean,
        diameter=view.extent.diameter,
        conditions=setup.conditions,
    )


_STREAMS = ("placement", "thickness", "noise", "contaminants", "beam", "counting", "processing")


@dataclass(frozen=True, eq=False)
class _Setup:
    """What every step looks at."""

    view: Projector
    conditions: Conditions
    canvas: Canvas
    frequencies: optics.Frequencies

    @classmethod
    def of(cls, view: Projector, conditions: Conditions) -> _Setup:
        conditions = _with_room(conditions, view.extent.diameter)
        canvas = Canvas.around(conditions, view.extent.diameter)
        return cls(view, conditions, canvas, optics.Frequencies.of(canvas.shape, canvas.pixel_size))

    @property
    def nyquist(self) -> float:
        """Nyquist frequency of the detector, 1/Å, which may have other pixels than the canvas."""
        return 0.5 / (self.conditions.exposure.detector_pixel or self.canvas.pixel_size)


@dataclass(frozen=True, eq=False)
class _Particles:
    """Centres in pixels of the canvas (n, 2), depths in Å (n,), and rotations (n, 3, 3)."""

    xy: NDArray[np.float64]
    depth: NDArray[np.float64]
    rotation: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.xy)


@dataclass(frozen=True, eq=False)
class _Rest:
    """What is on the canvas beside particles: potential (V·Å), optical depth, and kinds as bits."""

    potential: FloatImage
    depth: FloatImage
    contamination: NDArray[np.uint8]


def _require_room(conditions: Conditions, diameter: float) -> None:
    across = min(conditions.size) * conditions.pixel_size
    if diameter > across:
        raise UsageError(
            f"the particle is {diameter:.0f} Å across and the field {across:.0f} Å; "
            "choose a larger size or pixel size"
        )


def _with_room(conditions: Conditions, diameter: float) -> Conditions:
    """Let the ice be thick enough to hold the particle."""
    _require_room(conditions, diameter)
    ice = conditions.ice
    thick = ice.changed(thickness=max(ice.thickness, diameter))
    return conditions.changed(ice=thick)


def _place(setup: _Setup, rng: np.random.Generator) -> _Particles:
    ice, canvas = setup.conditions.ice, setup.canvas
    height, width = canvas.extent
    layer = Layer(width, height, ice.thickness)
    placement = place_particles(layer, setup.view.extent.contact, crowd=setup.conditions.crowd, rng=rng)
    planar = placement.xyz[:, :2]
    depth = placement.xyz[:, 2] + depth_of_plane(ice, planar, np.array([width, height]) / 2)
    return _Particles(planar / canvas.pixel_size, depth, placement.rotation)


def _image_particles(
    setup: _Setup, particles: _Particles
) -> tuple[NDArray[np.complex64], NDArray[np.int32], NDArray[np.int64]]:
    """Contrast of the particles as its Fourier transform, their labels, and their masks' pixels.

    Particles of about the same depth share a slab and its defocus. The optics are linear, so slabs add up.
    The last array, (n, 2), counts all pixels of each mask and those in the field.
    """
    canvas, view = setup.canvas, setup.view
    labels = np.zeros(canvas.shape, np.int32)
    sizes = np.zeros((len(particles), 2), np.int64)
    total = np.zeros((canvas.shape[0], canvas.shape[1] // 2 + 1), np.complex64)
    for depth, members in _slabs(setup, particles.depth):
        plane = np.zeros(canvas.shape, np.float32)
        for i in members:
            nearest = np.round(particles.xy[i])
            x, y = (int(v) - view.grid.box // 2 for v in nearest)
            dx, dy = particles.xy[i] - nearest
            projection = view.project(particles.rotation[i], (dx, dy))
            add(plane, projection, (y, x))
            mask = particle_mask(projection, view.extent.diameter / 40 / canvas.pixel_size)
            paste_label(labels, mask, (y, x), index=int(i), centres=particles.xy)
            sizes[i] = mask.sum(), _count_inside(mask, (y, x), canvas)
        total += _contrast(setup, plane, depth)
    k2 = setup.frequencies.squared
    total *= optics.damage_envelope(k2, setup.conditions.exposure)
    return total, labels[canvas.field], sizes


def _slabs(setup: _Setup, depth: NDArray[np.float64]) -> Iterator[tuple[float, NDArray[np.int64]]]:
    """Depths, and which particles lie about there."""
    length = optics.wavelength(setup.conditions.optics.voltage_kv)
    step = 2 * _SLAB_PHASE / (np.pi * length) * (2 * setup.canvas.pixel_size) ** 2
    count = int(np.clip(np.ceil(np.ptp(depth) / step), 1, _MAX_SLABS)) if len(depth) else 0
    edges = np.linspace(depth.min(), depth.max(), count + 1) if count else np.zeros(1)
    slab = np.clip(np.searchsorted(edges, depth, side="right") - 1, 0, max(count - 1, 0))
    for number in range(count):
        members = np.flatnonzero(slab == number)
        if len(members):
            yield float(depth[members].mean()), members


def _count_inside(mask: NDArray[np.bool_], corner: tuple[int, int], canvas: Canvas) -> int:
    shifted = (corner[0] - canvas.margin, corner[1] - canvas.margin)
    window = overlap(canvas.size, shifted, (mask.shape[0], mask.shape[1]))
    return int(mask[window[1]].sum()) if window else 0


def _contrast(setup: _Setup, potential: FloatImage, depth: float) -> NDArray[np.complex64]:
    """Fourier transform of the contrast of a potential (V·Å) at a depth (Å), before the envelopes."""
    settings = setup.conditions.optics
    transform = fft.rfft2(potential)
    transform *= optics.ctf(setup.frequencies, settings, depth=depth)
    transform *= np.float32(-2 * optics.interaction_parameter(settings.voltage_kv))
    return np.asarray(transform, np.complex64)


def _lay_down_rest(setup: _Setup, thickness: FloatImage, streams: dict[str, np.random.Generator]) -> _Rest:
    """Structural noise of the ice, and the contaminants."""
    canvas, conditions = setup.canvas, setup.conditions
    noise = amorphous_noise(
        canvas.shape, canvas.pixel_size, WATER, rng=streams["noise"], dose=conditions.exposure.dose
    )
    potential = noise * np.sqrt(thickness) * np.float32(1 - conditions.exposure.denoising)
    depth = np.zeros(canvas.shape, np.float32)
    contamination = np.zeros(canvas.shape, np.uint8)
    for deposit in deposits(canvas, conditions, view=setup.view, rng=streams["contaminants"]):
        add(potential, deposit.potential, deposit.corner)
        add(depth, deposit.depth, deposit.corner)
        mark(contamination, deposit.mask, deposit.corner, bit=KINDS.index(deposit.kind))
    return _Rest(potential, depth, contamination)


def _passing(setup: _Setup, thickness: FloatImage) -> FloatImage:
    """Fraction of the electrons that pass the ice without loss of energy, in the field."""
    path = inelastic_path(setup.conditions.optics.voltage_kv)
    return np.asarray(np.exp(-thickness[setup.canvas.field] / np.float32(path)), np.float32)


def _expose(
    setup: _Setup,
    signal: NDArray[np.complex64],
    rest: _Rest,
    *,
    passing: FloatImage,
    streams: dict[str, np.random.Generator],
) -> tuple[FloatImage, FloatImage]:
    """Count electrons in the field, and tell the mean counts if there were the particles alone."""
    canvas, exposure = setup.canvas, setup.conditions.exposure
    field = canvas.field
    envelope = _envelope(setup)
    everything = signal + _contrast(setup, rest.potential, 0.0)
    electrons = exposure.dose * exposure.dqe * canvas.pixel_size**2
    # To first order the intensity is 1 + contrast; the exponential keeps it positive where an object is not
    # weak.
    rate = np.exp(fft.irfft2(everything * envelope, canvas.shape)[field])
    rate *= passing * np.exp(-rest.depth[field]) * np.float32(electrons)
    rate *= detector.illumination(canvas.size, exposure.unevenness, streams["beam"])
    counts = detector.count_electrons(rate, streams["counting"])
    counts = detector.denoise(counts, rate, exposure.denoising)
    counts = detector.blur_noise(counts, exposure, pixel_size=canvas.pixel_size)
    if exposure.flattening:
        counts = detector.flatten(counts, exposure.flattening / canvas.pixel_size)
    counts = detector.spoil_pixels(counts, exposure.hot_pixels, streams["beam"])
    envelope *= detector.transfer(
        setup.frequencies.squared, exposure.ntf_nyquist, setup.nyquist, shape=exposure.mtf_shape
    )
    clean = np.exp(fft.irfft2(signal * envelope, canvas.shape)[field])
    clean *= np.float32(electrons * np.mean(passing, dtype=np.float64))
    return counts, clean.astype(np.float32)


def _envelope(setup: _Setup) -> FloatImage:
    """Everything that takes contrast away between the specimen and the counting of electrons."""
    settings, exposure = setup.conditions.optics, setup.conditions.exposure
    k2 = setup.frequencies.squared
    envelope = optics.temporal_envelope(k2, settings) * optics.spatial_envelope(k2, settings)
    envelope *= optics.bfactor_envelope(k2, settings.bfactor)
    envelope *= optics.motion_envelope(setup.frequencies, exposure)
    envelope *= detector.signal_to_noise_transfer(k2, exposure, setup.nyquist)
    return np.asarray(envelope, np.float32)


def _is_inside(setup: _Setup, particles: _Particles) -> Mask:
    """Whether each particle's centre lies in the field."""
    xy = particles.xy - setup.canvas.margin
    inside: Mask = np.all((xy > -0.5) & (xy < np.array(setup.canvas.size[::-1]) - 0.5), axis=1)
    return inside


def _describe(
    setup: _Setup,
    particles: _Particles,
    sizes: NDArray[np.int64],
    *,
    contamination: NDArray[np.uint8],
    name: str,
) -> Picks:
    """Describe the particles completely, in coordinates of the field."""
    settings = setup.conditions.optics
    euler = euler_angles(particles.rotation)
    columns: dict[str, NDArray[Any]] = {
        "rlnAngleRot": euler[:, 0],
        "rlnAngleTilt": euler[:, 1],
        "rlnAnglePsi": euler[:, 2],
        "rlnDefocusU": settings.defocus_u + particles.depth,
        "rlnDefocusV": settings.defocus_v + particles.depth,
        "rlnDefocusAngle": np.full(len(particles), settings.astigmatism_angle),
        "depth": particles.depth,
        "visible": sizes[:, 1] / np.maximum(sizes[:, 0], 1),
        "cut": sizes[:, 1] < sizes[:, 0],
        "contamination": _at(contamination, particles.xy),
    }
    return Picks(
        particles.xy - setup.canvas.margin,
        diameter=np.full(len(particles), setup.view.extent.diameter),
        name=name,
        shape=setup.conditions.size,
        pixel_size=setup.canvas.pixel_size,
        extra=columns,
    )


def _at(image: NDArray[np.uint8], xy: NDArray[np.float64]) -> NDArray[np.uint8]:
    x, y = np.clip(np.round(xy).astype(np.int64), 0, np.array(image.shape[::-1]) - 1).T
    values: NDArray[np.uint8] = image[y, x]
    return values


def _renumbered(labels: NDArray[np.int32], rows: NDArray[np.int64]) -> NDArray[np.int32]:
    """Labels by the order of the picks instead of the order of placement."""
    number = np.zeros(int(labels.max(initial=0)) + 1 + int(rows.max(initial=0)) + 1, np.int32)
    number[rows + 1] = np.arange(1, len(rows) + 1)
    return number[labels]

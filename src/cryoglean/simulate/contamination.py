"""What a picker must leave alone: carbon, ice crystals, ethane, gold, broken and unfolded protein, detergent.

Each kind is one function that gives deposits: patches of projected potential (which the microscope images as
it does the particles), of optical depth (electrons that are lost altogether) and of the mask to remember.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cryoglean.dataset.contamination import KINDS
from cryoglean.simulate.canvas import Canvas
from cryoglean.simulate.ice import CARBON, amorphous_noise, inelastic_path, smooth_field
from cryoglean.simulate.masks import particle_mask
from cryoglean.simulate.procedural import micelle
from cryoglean.simulate.projection import AtomProjector, Grid, Projector, random_rotations
from cryoglean.simulate.scattering import RESIDUE, WATER_POTENTIAL, potential_in_water
from cryoglean.simulate.settings import Conditions

_CARBON_POTENTIAL = 9.1
"""Mean inner potential of amorphous carbon, V (Wanner et al., Ultramicroscopy 2006, 106, 341)."""

_GOLD_POTENTIAL = 26.0
"""Mean inner potential of gold, V: between measured 22 and calculated 30."""

_GOLD_PATH = 170.0
"""Path in gold after which a share 1/e is left within the aperture, Å."""

_DENSE_CHAINS = 4.0
"""Mean projected potential above which unfolded protein is marked, V·Å; a dense monolayer has 10."""

_ETHANE_POTENTIAL = 4.0
"""Mean inner potential of solid ethane, V, from isolated atoms at 0.6 g/cm³."""


@dataclass(frozen=True, eq=False)
class Deposit:
    """Something laid onto the canvas.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    corner : tuple of int
        Row and column of the patches' first pixel.
    potential : array of float32, shape (h, w)
        Projected potential, V·Å.
    depth : array of float32, shape (h, w)
        Optical depth: minus the logarithm of the fraction of electrons that pass.
    mask : array of bool, shape (h, w)
        Where it counts as contamination.
    """

    kind: str
    corner: tuple[int, int]
    potential: NDArray[np.float32]
    depth: NDArray[np.float32]
    mask: NDArray[np.bool_]


def deposits(
    canvas: Canvas, conditions: Conditions, *, view: Projector, rng: np.random.Generator
) -> Iterator[Deposit]:
    """All contaminants of one micrograph, each kind from its own random stream, so one can be left out alone.

    Parameters
    ----------
    canvas : Canvas
        Where they go.
    conditions : Conditions
        How many and how large.
    view : Projector
        The particle, which breaks and aggregates.
    rng : Generator
        Its children draw everything.
    """
    streams = dict(zip(KINDS, rng.spawn(len(KINDS)), strict=True))
    yield from _carbon(canvas, conditions, streams["carbon"])
    yield from _ice_crystals(canvas, conditions, streams["ice"])
    yield from _ethane_blobs(canvas, conditions, streams["ethane"])
    yield from _gold_beads(canvas, conditions, streams["gold"])
    yield from _denatured(canvas, conditions, streams["denatured"])
    yield from _micelles(canvas, conditions, streams["micelle"])
    yield from _broken(canvas, conditions, view=view, rng=streams["broken"])
    yield from _aggregates(canvas, conditions, view=view, rng=streams["aggregate"])


def _carbon(canvas: Canvas, conditions: Conditions, rng: np.random.Generator) -> Iterator[Deposit]:
    """Film with a round hole, of which the field shows the edge; its texture is amorphous carbon's."""
    film = conditions.contaminants
    if film.carbon == 0:
        return
    height, width = canvas.extent
    hole = rng.uniform(4000, 12000)
    angle = rng.uniform(0, 2 * np.pi)
    x = np.arange(canvas.shape[1], dtype=np.float32) * canvas.pixel_size - width / 2 + hole * np.cos(angle)
    y = np.arange(canvas.shape[0], dtype=np.float32) * canvas.pixel_size - height / 2 + hole * np.sin(angle)
    outward = np.hypot(x[None, :], y[:, None]) + rng.uniform(10, 60) * smooth_field(canvas.shape, rng)
    outward -= np.quantile(outward[::16, ::16], 1 - film.carbon_share)
    edge = rng.uniform(10, 60)
    rim = rng.uniform(0, 0.3) * np.exp(-((outward / (4 * edge) - 1) ** 2))
    share = 1 / (1 + np.exp(-np.clip(outward / edge, -30, 30)))
    thickness = np.asarray(film.carbon * (1 + rim) * share, np.float32)
    texture = amorphous_noise(canvas.shape, canvas.pixel_size, CARBON, rng=rng)
    potential = np.asarray(_CARBON_POTENTIAL * thickness + np.sqrt(thickness) * texture, np.float32)
    yield Deposit("carbon", (0, 0), potential, np.zeros_like(potential), outward > -edge)


def _ice_crystals(canvas: Canvas, conditions: Conditions, rng: np.random.Generator) -> Iterator[Deposit]:
    """Crystals and frost balls on the ice: domes with a sharp edge, some striped by diffraction."""
    path = inelastic_path(conditions.optics.voltage_kv)
    for _ in range(conditions.contaminants.ice_crystals):
        radius = conditions.contaminants.ice_crystal_size / 2 * np.exp(rng.normal(0, 0.4))
        dome, spot = _dome(canvas, radius, rng, roundness=rng.uniform(0.03, 0.16), steepness=0.45)
        thickness = dome * np.float32(radius * rng.uniform(0.3, 1.4))
        stripes = 1 + _stripes(spot, radius, rng) * rng.uniform(0, 0.6) * (rng.random() < 0.6)
        potential = (WATER_POTENTIAL * thickness).astype(np.float32)
        yield Deposit(
            "ice", spot.corner, potential, (thickness / path * stripes).astype(np.float32), dome > 0
        )


def _ethane_blobs(canvas: Canvas, conditions: Conditions, rng: np.random.Generator) -> Iterator[Deposit]:
    """Soft, grainy blobs of ethane that was not blotted away."""
    path = inelastic_path(conditions.optics.voltage_kv)
    for _ in range(conditions.contaminants.ethane_blobs):
        radius = rng.uniform(400, 2000)
        dome, spot = _dome(canvas, radius, rng, roundness=rng.uniform(0.1, 0.35), steepness=1.4)
        grain = 1 + 0.06 * smooth_field((dome.shape[0], dome.shape[1]), rng, exponent=1.4)
        thickness = dome * grain * np.float32(rng.uniform(300, 1500))
        potential = (_ETHANE_POTENTIAL * thickness).astype(np.float32)
        yield Deposit("ethane", spot.corner, potential, (thickness / path).astype(np.float32), dome > 0.15)


def _gold_beads(canvas: Canvas, conditions: Conditions, rng: np.random.Generator) -> Iterator[Deposit]:
    """Colloidal gold of one batch: spheres of about the same size."""
    size = rng.uniform(25, 75)
    for _ in range(conditions.contaminants.gold_beads):
        radius = size * np.exp(rng.normal(0, 0.08))
        spot = _Spot.at_random(canvas, radius, rng)
        chord = 2 * np.sqrt(np.maximum(radius**2 - spot.y**2 - spot.x**2, 0), dtype=np.float32)
        yield Deposit("gold", spot.corner, _GOLD_POTENTIAL * chord, chord / _GOLD_PATH, chord > 0)


def _denatured(canvas: Canvas, conditions: Conditions, rng: np.random.Generator) -> Iterator[Deposit]:
    """Unfolded chains in patches at the air-water interface: random walks of residues."""
    density = conditions.contaminants.denatured
    if density == 0:
        return
    patches = smooth_field(canvas.shape, rng)
    dense = patches > np.quantile(patches[::8, ::8], rng.uniform(0.2, 0.7))
    height, width = canvas.extent
    length, area = 150, 45.0  # residues a chain, Å² a residue in a dense monolayer
    chains = int(density * height * width / (length * area))
    steps = 3.8 * rng.standard_normal((chains, length, 2)) / np.sqrt(2)
    starts = rng.random((chains, 1, 2)) * [width, height]
    xy = (np.cumsum(steps, axis=1) + starts).reshape(-1, 2) / canvas.pixel_size
    x, y = np.round(xy).astype(np.int64).T
    inside = (x >= 0) & (y >= 0) & (x < canvas.shape[1]) & (y < canvas.shape[0])
    flat = y[inside] * canvas.shape[1] + x[inside]
    counts = np.bincount(flat, minlength=canvas.shape[0] * canvas.shape[1]).reshape(canvas.shape)
    residue = np.float32(potential_in_water(RESIDUE, np.zeros(()))) / np.float32(canvas.pixel_size**2)
    patchy = counts.astype(np.float32) * cv2.blur(dense.astype(np.float32), (9, 9))
    potential = residue * cv2.GaussianBlur(patchy, (0, 0), 2.5 / canvas.pixel_size)
    # Sparse chains cannot be told from noise: only where they are dense does one have to keep away.
    average = cv2.GaussianBlur(potential, (0, 0), 30 / canvas.pixel_size)
    mask = average > _DENSE_CHAINS
    yield Deposit("denatured", (0, 0), potential, np.zeros(canvas.shape, np.float32), mask)


def _micelles(canvas: Canvas, conditions: Conditions, rng: np.random.Generator) -> Iterator[Deposit]:
    """Free detergent micelles."""
    share = conditions.contaminants.micelles
    if share == 0:
        return
    grid = Grid(2 * int(np.ceil(45 / canvas.pixel_size)) + 2, canvas.pixel_size)
    views = [AtomProjector(micelle(np.zeros((0, 3)), rng).centred(), grid) for _ in range(3)]
    images = [view.project(turn) for view in views for turn in random_rotations(5, rng)]
    height, width = canvas.extent
    for _ in range(rng.poisson(share * height * width / (np.pi * 35**2))):
        image = images[rng.integers(len(images))]
        corner = _random_corner(canvas, image.shape[0], rng)
        yield _weak("micelle", corner, potential=image, mask=particle_mask(image, 3 / canvas.pixel_size))


def _broken(
    canvas: Canvas, conditions: Conditions, *, view: Projector, rng: np.random.Generator
) -> Iterator[Deposit]:
    """Fragments: what a soft straight cut leaves of a particle's projection."""
    crowd, box = conditions.crowd, view.grid.box
    height, width = canvas.extent
    area = np.pi / 4 * view.extent.diameter**2
    count = rng.poisson(conditions.contaminants.broken * crowd.coverage * height * width / area)
    axis = (np.arange(box) - box // 2) * canvas.pixel_size
    for turn in random_rotations(count, rng):
        angle, place = rng.uniform(0, 2 * np.pi), rng.uniform(-0.3, 0.1) * view.extent.diameter
        side = np.cos(angle) * axis[None, :] + np.sin(angle) * axis[:, None] - place
        fragment = view.project(turn) / (1 + np.exp(np.clip(side / 4, -40, 40))).astype(np.float32)
        corner = _random_corner(canvas, box, rng)
        mask = particle_mask(fragment, view.extent.diameter / 40 / canvas.pixel_size)
        yield _weak("broken", corner, potential=fragment, mask=mask)


def _aggregates(
    canvas: Canvas, conditions: Conditions, *, view: Projector, rng: np.random.Generator
) -> Iterator[Deposit]:
    """Clumps of particles that run into one another."""
    box = view.grid.box
    for _ in range(conditions.contaminants.aggregates):
        walk = rng.standard_normal((int(rng.integers(6, 30)), 2))
        walk *= 0.45 * view.extent.diameter / canvas.pixel_size
        walk = np.cumsum(walk, axis=0) * 0.7
        places = np.round(walk - walk.min(axis=0)).astype(int)
        image = np.zeros(tuple(places.max(axis=0) + box), np.float32)
        for (y, x), turn in zip(places, random_rotations(len(places), rng), strict=True):
            image[y : y + box, x : x + box] += view.project(turn)
        middle = np.array(_random_corner(canvas, 0, rng)) - np.array(image.shape) // 2
        mask = particle_mask(image, view.extent.diameter / 20 / canvas.pixel_size)
        yield _weak("aggregate", (int(middle[0]), int(middle[1])), potential=image, mask=mask)


def _weak(
    kind: str, corner: tuple[int, int], *, potential: NDArray[np.float32], mask: NDArray[np.bool_]
) -> Deposit:
    return Deposit(kind, corner, potential, np.zeros_like(potential), mask)


def _random_corner(canvas: Canvas, box: int, rng: np.random.Generator) -> tuple[int, int]:
    y, x = (int(rng.integers(0, n)) - box // 2 for n in canvas.shape)
    return y, x


@dataclass(frozen=True, eq=False)
class _Spot:
    """The part of the canvas about a place: its first pixel, and offsets from the place, Å."""

    corner: tuple[int, int]
    y: NDArray[np.floating]
    x: NDArray[np.floating]

    @classmethod
    def at_random(cls, canvas: Canvas, reach: float, rng: np.random.Generator) -> _Spot:
        """Choose a place on the canvas or not far outside, and what lies within `reach` (Å) of it."""
        corner, offsets = [], []
        for length in canvas.shape:
            half = reach / canvas.pixel_size + 2
            middle = rng.uniform(-0.8 * half, length + 0.8 * half)
            pixels = np.arange(int(max(middle - half, 0)), int(min(middle + half, length)))
            corner.append(int(max(middle - half, 0)))
            offsets.append(((pixels - middle) * canvas.pixel_size).astype(np.float32))
        return cls((corner[0], corner[1]), offsets[0][:, None], offsets[1][None, :])


def _dome(
    canvas: Canvas, radius: float, rng: np.random.Generator, *, roundness: float, steepness: float
) -> tuple[NDArray[np.float32], _Spot]:
    """Height in [0, 1] of a blob with a wavy outline, (1 - (r / outline)²)^steepness; and where it lies."""
    spot = _Spot.at_random(canvas, radius * (1 + 3 * roundness), rng)
    waves = np.arange(2, 7)
    heights = roundness * rng.normal(0, 1, len(waves)) / waves
    phases = rng.uniform(0, 2 * np.pi, len(waves))
    turn = np.linspace(-np.pi, np.pi, 721)
    outline = radius * np.maximum(1 + heights @ np.cos(waves[:, None] * turn + phases[:, None]), 0.3)
    reach = np.interp(np.arctan2(spot.y, spot.x), turn, outline).astype(np.float32)
    inside = np.maximum(1 - (spot.y**2 + spot.x**2) / reach**2, 0)
    return np.asarray(inside ** np.float32(steepness)), spot


def _stripes(spot: _Spot, radius: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Bend contours of a crystal: a few broad parallel stripes, in [-1, 1]."""
    angle, count, phase = rng.uniform(0, np.pi), rng.uniform(1, 5), rng.uniform(0, 2 * np.pi)
    y, x = spot.y / radius, spot.x / radius
    across = np.cos(angle) * x + np.sin(angle) * y + 0.2 * x * y
    return np.asarray(np.cos(np.pi * count * across + phase) ** 3, np.float32)

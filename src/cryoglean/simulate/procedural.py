"""Procedural protein complexes that need no file: compact domains of residues under every symmetry.

Residues fill domains at the density of protein, with crevices; domains stick together into a subunit; a point
group or a helix turns the subunit into a complex. Shapes: a compact or an extended chain of domains, an
oligomer, a hollow shell, a barrel of stacked rings, a helical rod, a membrane protein in its detergent
micelle or in a nanodisc, and a small protein of two to five domains.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from cryoglean.simulate.scattering import HEXOSE, METHYLENE, RESIDUE, species
from cryoglean.simulate.structures import AtomicModel, Structure

ProceduralKind = Literal[
    "globular", "elongated", "oligomer", "shell", "barrel", "rod", "membrane", "nanodisc", "small"
]
KINDS: tuple[ProceduralKind, ...] = get_args(ProceduralKind)

_CONTACT = 0.86
"""Distance of two domains that touch, over the sum of their radii: interfaces interlock a little."""

Points = NDArray[np.float64]


@dataclass(frozen=True)
class _Domains:
    """Spheres of residues: centres (k, 3) and radii (k,), Å."""

    centre: Points
    radius: Points

    def moved(self, rotation: Points, shift: Points) -> _Domains:
        return _Domains(self.centre @ rotation.T + shift, self.radius)

    def clashes(self, other: _Domains) -> bool:
        distance = np.linalg.norm(self.centre[:, None] - other.centre[None], axis=-1)
        return bool((distance < _CONTACT * (self.radius[:, None] + other.radius[None])).any())


def procedural_structure(kind: ProceduralKind, seed: int) -> Structure:
    """Make up one complex; the same kind and seed give the same complex.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    seed : int
        Every size, symmetry and shape is drawn from it.
    """
    makers: dict[ProceduralKind, Callable[[np.random.Generator], AtomicModel]] = {
        "globular": _globular,
        "elongated": _elongated,
        "oligomer": _oligomer,
        "shell": _shell,
        "barrel": _barrel,
        "rod": _rod,
        "membrane": _membrane,
        "nanodisc": _nanodisc,
        "small": _small,
    }
    model = makers[kind](np.random.default_rng([seed, KINDS.index(kind)]))
    return Structure(f"{kind}-{seed}", model.centred())


def apoferritin_like() -> Structure:
    """Make a hollow octahedral shell of 24 subunits, 120 Å across, as large as apoferritin."""
    rng = np.random.default_rng(24)
    return Structure("apoferritin-like", hollow_shell("O", (39.0, 61.0), rng).centred())


def hemocyanin_like() -> Structure:
    """Make a hollow cylinder of six tiers with a collar at either end, 350 Å across and 370 Å tall.

    It has the size, mass (8 MDa) and five-fold symmetry of keyhole limpet hemocyanin.
    """
    rng = np.random.default_rng(10)
    unit = _Domains(np.zeros((1, 3)), np.array([26.0]))
    tiers = [(141.0, 20, height) for height in (-155.0, -93.0, -31.0, 31.0, 93.0, 155.0)]
    collars = [(86.0, 10, -135.0), (86.0, 10, 135.0)]
    rings = []
    for radius, fold, height in tiers + collars:
        placed = unit.moved(np.eye(3), np.array([radius, 0.0, height]))
        ring = _copies(_fill(placed, rng), _point_group(f"C{fold}"))
        rings.append(ring @ Rotation.from_euler("z", height / 40).as_matrix().T)
    return Structure("hemocyanin-like", _residues(np.concatenate(rings)).centred())


def hollow_shell(group: str, radii: tuple[float, float], rng: np.random.Generator) -> AtomicModel:
    """Fill a spherical shell with residues; its bumps and crevices follow a point group.

    Parameters
    ----------
    group : str
        Point group as scipy names it: "O", "I", "T", "C7", "D5".
    radii : tuple of float
        Inner and outer radius, Å.
    rng : Generator
        Draws the texture and the places of residues.
    """
    inner, outer = radii
    operators = _point_group(group)
    sites = _lattice(outer, species(RESIDUE).volume, rng)
    radius = np.linalg.norm(sites, axis=1)
    sites = sites[(radius > 0.8 * inner) & _is_in_asymmetric_unit(sites, operators, rng)]
    radius = np.linalg.norm(sites, axis=1)
    swell = 0.04 * outer * _waves((0.25 * outer, 0.6 * outer), rng)(sites)
    inside = (radius > inner + swell) & (radius < outer + swell - 0.04 * outer)
    return _residues(_copies(sites[inside & ~_is_crevice(sites, rng)], operators))


def _globular(rng: np.random.Generator) -> AtomicModel:
    return _residues(_fill(_chain(int(rng.integers(3, 16)), rng, extended=False), rng))


def _elongated(rng: np.random.Generator) -> AtomicModel:
    return _residues(_fill(_chain(int(rng.integers(4, 10)), rng, extended=True), rng))


def _oligomer(rng: np.random.Generator) -> AtomicModel:
    cyclic = [f"C{n}" for n in (2, 3, 4, 5, 6, 7, 8)]
    dihedral = [f"D{n}" for n in (2, 3, 4, 5, 6, 7)]
    family = (cyclic, dihedral, ["T", "O", "I"])[rng.choice(3, p=[0.4, 0.4, 0.2])]
    group = str(rng.choice(family))
    domains = _chain(1 if group in "TOI" else int(rng.integers(1, 6)), rng, extended=bool(rng.random() < 0.3))
    return _assembled(domains, _point_group(group), rng)


def _shell(rng: np.random.Generator) -> AtomicModel:
    outer = float(np.exp(rng.uniform(np.log(45), np.log(180))))
    inner = outer - min(float(rng.uniform(18, 45)), 0.75 * outer)
    return hollow_shell(str(rng.choice(["T", "O", "O", "I", "I", "D5"])), (inner, outer), rng)


def _barrel(rng: np.random.Generator) -> AtomicModel:
    """Stacked rings of subunits, as in chaperonins, proteasomes and hemocyanins."""
    fold, rings = int(rng.integers(5, 13)), int(rng.integers(1, 5))
    subunit = _chain(int(rng.integers(1, 4)), rng, extended=True)
    upright = _domains_along_z(subunit)
    operators = _point_group(f"C{fold}")
    distance = _contact_distance(upright, operators, np.array([1.0, 0.0, 0.0]))
    ring = _copies(_fill(upright.moved(np.eye(3), np.array([distance, 0, 0])), rng), operators)
    height = float(np.ptp(upright.centre[:, 2]) + 2 * _CONTACT * upright.radius.mean())
    twist = rng.uniform(0, 2 * np.pi / fold)
    stacked = []
    for level in range(rings):
        flip = np.diag([1.0, -1.0, -1.0]) if level % 2 else np.eye(3)
        turned = Rotation.from_euler("z", level * twist).as_matrix() @ flip
        stacked.append(ring @ turned.T + np.array([0, 0, level * height]))
    return _residues(np.concatenate(stacked))


def _rod(rng: np.random.Generator) -> AtomicModel:
    """Repeat a subunit by a twist and a rise: a piece of a helix."""
    subunit = _chain(int(rng.integers(1, 3)), rng, extended=False)
    per_turn = float(rng.uniform(2.2, 13))
    ring = _point_group(f"C{max(2, round(per_turn))}")
    distance = _contact_distance(subunit, ring, np.array([1.0, 0.0, 0.0]))
    rise = 2 * _CONTACT * float(subunit.radius.mean()) * len(subunit.radius) ** 0.5 / per_turn
    count = int(np.ceil(rng.uniform(120, 320) / rise))
    steps = np.arange(count)
    turns = Rotation.from_rotvec(np.outer(steps * 2 * np.pi / per_turn, [0, 0, 1])).as_matrix()
    points = _fill(subunit.moved(np.eye(3), np.array([distance, 0, 0])), rng)
    rises = np.stack([np.zeros(count), np.zeros(count), rise * steps], axis=1)
    turned = np.einsum("kij,nj->kni", turns, points) + rises[:, None]
    return _residues(turned.reshape(-1, 3))


def _small(rng: np.random.Generator) -> AtomicModel:
    """Make a protein of 30 to 160 kDa, of one chain or of two."""
    domains = _chain(int(rng.integers(2, 6)), rng, extended=bool(rng.random() < 0.4))
    if rng.random() < 0.4 and len(domains.radius) < 4:
        return _assembled(domains, _point_group("C2"), rng)
    return _residues(_fill(domains, rng))


def _membrane(rng: np.random.Generator) -> AtomicModel:
    """Make a cyclic transmembrane protein with domains outside the membrane, and its micelle."""
    protein = _transmembrane(rng)
    return _residues(protein).joined(micelle(protein, rng))


def _nanodisc(rng: np.random.Generator) -> AtomicModel:
    """Make a cyclic transmembrane protein in a disc of lipids that two belts of protein hold together."""
    protein = _transmembrane(rng)
    return _residues(protein).joined(nanodisc(protein, rng))


def _transmembrane(rng: np.random.Generator) -> Points:
    """Residues of a cyclic protein whose membrane lies at |z| < 15 Å, with domains outside it."""
    fold = int(rng.choice([1, 1, 2, 3, 4, 5, 6]))
    subunit = _domains_along_z(_chain(int(rng.integers(2, 5)), rng, extended=True))
    operators = _point_group(f"C{fold}")
    distance = _contact_distance(subunit, operators, np.array([1.0, 0.0, 0.0])) if fold > 1 else 0.0
    placed = subunit.moved(np.eye(3), np.array([distance, 0, -subunit.centre[0, 2]]))
    return _copies(_fill(placed, rng), operators)


def nanodisc(protein: Points, rng: np.random.Generator) -> AtomicModel:
    """Bilayer about a protein, 22 to 40 Å wider on each side, with head groups and a belt of protein.

    Parameters
    ----------
    protein : array, shape (n, 3)
        Points of the protein, Å; its membrane lies at |z| < 15 Å.
    rng : Generator
        Draws the width of the disc and the places of molecules.

    Notes
    -----
    Tails fill 30 Å and heads 7 Å to either side; the belt is 10 Å wide, as two helices of the scaffold are
    (Bayburt, Grinkova & Sligar, Nano Lett. 2002, 2, 853).
    """
    rim = _reach_in_membrane(protein) + rng.uniform(12, 30)
    points, codes = [], []
    for code, low, high, inner, outer in (
        (METHYLENE, 0.0, 15.0, 0.0, rim),
        (HEXOSE, 15.0, 22.0, 0.0, rim),
        (RESIDUE, 0.0, 12.0, rim, rim + 10),
    ):
        sites = _lattice(rim + 25, species(code).volume, rng)
        height, radius = np.abs(sites[:, 2]), np.hypot(sites[:, 0], sites[:, 1])
        sites = sites[(height >= low) & (height < high) & (radius >= inner) & (radius < outer)]
        sites = sites[cKDTree(protein).query(sites, distance_upper_bound=5.5)[0] > 5]
        points.append(sites)
        codes.append(np.full(len(sites), code, np.uint8))
    return AtomicModel(np.concatenate(points).astype(np.float32), np.concatenate(codes))


def _reach_in_membrane(protein: Points) -> float:
    """How far a protein reaches from the axis within its membrane, Å; 0 where it has no part there."""
    belt = np.abs(protein[:, 2]) < 15
    return float(np.percentile(np.hypot(*protein[belt, :2].T), 90)) if belt.any() else 0.0


def micelle(protein: Points, rng: np.random.Generator) -> AtomicModel:
    """Detergent about the slab |z| < 15 Å of a protein: tails within, sugar heads outside.

    Parameters
    ----------
    protein : array, shape (n, 3)
        Points of the protein, Å; empty for a free micelle.
    rng : Generator
        Draws the thickness of the belt and the places of molecules.
    """
    reach = _reach_in_membrane(protein)
    tails = np.array([reach + rng.uniform(16, 22), reach + rng.uniform(16, 22), rng.uniform(14, 18)])
    heads = tails + 6.5
    extent = float(heads.max())
    points, codes = [], []
    for code in (METHYLENE, HEXOSE):
        sites = _lattice(extent, species(code).volume, rng)
        in_tails = (((sites / tails) ** 2).sum(axis=1)) < 1
        wanted = in_tails if code == METHYLENE else ~in_tails & (((sites / heads) ** 2).sum(axis=1) < 1)
        sites = sites[wanted]
        if len(protein):
            sites = sites[cKDTree(protein).query(sites, distance_upper_bound=5.5)[0] > 5]
        if code == HEXOSE:  # water fills the room between the heads
            sites = sites[rng.random(len(sites)) < 0.5]
        points.append(sites)
        codes.append(np.full(len(sites), code, np.uint8))
    return AtomicModel(np.concatenate(points).astype(np.float32), np.concatenate(codes))


def _chain(count: int, rng: np.random.Generator, *, extended: bool) -> _Domains:
    """Stick domains together one after another, either close to their middle or away from it."""
    residues = rng.uniform(70, 320, count)
    radius = np.cbrt(3 * species(RESIDUE).volume * residues / (4 * np.pi))
    chain = _Domains(np.zeros((1, 3)), radius[:1])
    for r in radius[1:]:
        candidates = [_attached(chain, r, rng) for _ in range(12)]
        free = [c for c in candidates if not chain.clashes(_Domains(c[None], np.array([r * 0.999])))]
        reach = [float(np.linalg.norm(c - chain.centre.mean(axis=0))) for c in free or candidates]
        chosen = (free or candidates)[int(np.argmax(reach) if extended else np.argmin(reach))]
        chain = _Domains(np.vstack([chain.centre, chosen]), np.append(chain.radius, r))
    return _Domains(chain.centre - chain.centre.mean(axis=0), chain.radius)


def _attached(chain: _Domains, radius: float, rng: np.random.Generator) -> Points:
    host = int(rng.integers(len(chain.radius)))
    direction = rng.standard_normal(3)
    reach = _CONTACT * (chain.radius[host] + radius) * 1.001
    place: Points = chain.centre[host] + reach * direction / np.linalg.norm(direction)
    return place


def _domains_along_z(domains: _Domains) -> _Domains:
    axes = np.linalg.svd(domains.centre - domains.centre.mean(axis=0), full_matrices=True)[2]
    turned = domains.centre @ axes[::-1].T
    return _Domains(turned - turned.mean(axis=0), domains.radius)


def _assembled(domains: _Domains, operators: Points, rng: np.random.Generator) -> AtomicModel:
    """Put a subunit as near to the symmetry's centre as its copies let it, so that all hold together.

    Near an axis the copies would have to be far out, and elsewhere some may touch in pairs alone: of some
    turns and directions the one is taken that makes the fewest pieces, and then the most compact.
    """
    candidates = []
    for _ in range(24):
        turned = domains.moved(Rotation.random(rng=rng).as_matrix(), np.zeros(3))
        direction = rng.standard_normal(3)
        direction /= np.linalg.norm(direction)
        distance = _contact_distance(turned, operators, direction)
        placed = turned.moved(np.eye(3), distance * direction)
        candidates.append((_pieces(placed, operators), distance, placed))
    best = min(candidates, key=lambda candidate: candidate[:2])[2]
    return _residues(_copies(_fill(best, rng), operators))


def _pieces(domains: _Domains, operators: Points) -> int:
    """Count the bodies that all copies make, where domains hang together across a gap of a fifth."""
    centre = _copies(domains.centre, operators)
    radius = np.tile(domains.radius, len(operators))
    distance = np.linalg.norm(centre[:, None] - centre[None], axis=-1)
    touching = distance < 1.2 * _CONTACT * (radius[:, None] + radius[None])
    return int(connected_components(csr_array(touching), directed=False)[0])


def _contact_distance(domains: _Domains, operators: Points, direction: Points) -> float:
    """Smallest distance from the centre, Å, at which a subunit does not run into its symmetric copies."""
    others = [m for m in operators if not np.allclose(m, np.eye(3))]
    for distance in np.arange(0.0, 400.0, 2.0):
        placed = domains.moved(np.eye(3), distance * direction)
        if not any(placed.clashes(placed.moved(m, np.zeros(3))) for m in others):
            return float(distance)
    return 400.0


def _fill(domains: _Domains, rng: np.random.Generator) -> Points:
    """Residues of all domains; each is a somewhat ellipsoidal ball with crevices."""
    parts = []
    for centre, radius in zip(domains.centre, domains.radius, strict=True):
        stretch = np.exp(rng.normal(0, 0.12, 3))
        stretch /= np.cbrt(stretch.prod())
        # Crevices take about a seventh; a slightly larger ball keeps the number of residues.
        sites = _lattice(radius * 1.05, species(RESIDUE).volume, rng) * stretch
        sites = sites[~_is_crevice(sites, rng)] @ Rotation.random(rng=rng).as_matrix().T
        parts.append(sites + centre)
    return np.concatenate(parts)


def _lattice(radius: float, volume: float, rng: np.random.Generator) -> Points:
    """Sites of a jittered face-centred cubic lattice in a ball, one for each `volume` (Å³)."""
    edge = np.cbrt(4 * volume)
    count = int(np.ceil(radius / edge)) + 1
    corner = np.arange(-count, count + 1) * edge
    cells = np.stack(np.meshgrid(corner, corner, corner, indexing="ij"), axis=-1).reshape(-1, 3)
    faces = np.array([[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]) * edge
    sites = (cells[:, None] + faces).reshape(-1, 3)
    sites = sites[(sites**2).sum(axis=1) < radius**2]
    jittered: Points = sites + rng.normal(0, 0.12 * edge, sites.shape)
    return jittered


def _is_crevice(xyz: Points, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Choose about a seventh of the points, in connected pockets some 10 Å wide."""
    carved: NDArray[np.bool_] = _waves((16.0, 30.0), rng)(xyz) > 1.05
    return carved


def _waves(lengths: tuple[float, float], rng: np.random.Generator) -> Callable[[Points], Points]:
    """Make a smooth random function of place, mean 0 and variance 1, from 16 waves of these lengths (Å)."""
    directions = rng.standard_normal((16, 3))
    directions *= (2 * np.pi / rng.uniform(*lengths, 16) / np.linalg.norm(directions, axis=1))[:, None]
    phases = rng.uniform(0, 2 * np.pi, 16)
    return lambda xyz: np.cos(xyz @ directions.T + phases).sum(axis=1) / np.sqrt(8)


def _is_in_asymmetric_unit(xyz: Points, operators: Points, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Choose one of each set of symmetric points: the one nearest to a vector in no special place."""
    images = operators @ rng.standard_normal(3)
    identity = int(np.argmax(np.trace(operators, axis1=1, axis2=2)))
    chosen: NDArray[np.bool_] = np.argmax(xyz @ images.T, axis=1) == identity
    return chosen


def _point_group(name: str) -> Points:
    """Rotation matrices of "C7", "D3", "T", "O" or "I"."""
    matrices: Points = Rotation.create_group(name).as_matrix()  # type: ignore[arg-type]  # "Cn" for any n
    return matrices


def _copies(points: Points, operators: Points) -> Points:
    copies: Points = np.einsum("kij,nj->kni", operators, points).reshape(-1, 3)
    return copies


def _residues(points: Points) -> AtomicModel:
    return AtomicModel(points.astype(np.float32), np.full(len(points), RESIDUE, np.uint8))

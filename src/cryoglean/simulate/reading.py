"""Structures from files: PDB, mmCIF and mmJSON with biological assemblies, compact packs, density maps.

Water and hydrogens are dropped: hydrogens ride on their carbons and nitrogens (see `scattering`), and water
is what a particle displaces.
"""

from __future__ import annotations

import csv
import gzip
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import gemmi
import mrcfile
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cryoglean.errors import CryogleanError, StructureError
from cryoglean.io.arrays import Layout, read_arrays
from cryoglean.io.headers import is_credible_pixel_size
from cryoglean.io.limits import open_file, read_file
from cryoglean.simulate.scattering import NUCLEOTIDE, PROTEIN_POTENTIAL, RESIDUE
from cryoglean.simulate.structures import AtomicModel, DensityMap, Structure

_MODELS = {
    ".pdb": gemmi.CoorFormat.Pdb,
    ".ent": gemmi.CoorFormat.Pdb,
    ".cif": gemmi.CoorFormat.Mmcif,
    ".mmcif": gemmi.CoorFormat.Mmcif,
    ".json": gemmi.CoorFormat.Mmjson,
}
_MAPS = (".mrc", ".map", ".ccp4")
_PACKS = (".npz",)
_KNOWN = (*_MODELS, *_MAPS, *_PACKS)
_PACK_UNIT = 0.05
"""Å per unit of a pack's coordinates."""
_PACK: Layout = {"el": ("iu", "n"), "dxyz": ("iu", "3 n"), "ops": ("fiu", "k 3 4")}
_MAX_MODEL_BYTES = 2 * 2**30
"""Of an atomic model without compression; the largest in the Protein Data Bank take a quarter of that."""
_MAX_ATOMS = 50_000_000
"""Of a whole assembly; the largest viruses have 10 million."""
_MAX_SIDE = 1024
"""Voxels along an edge of a density map."""
_DIAMETERS = (2.0, 20_000.0)
"""Å; the thickest ice holds no larger particle."""


@dataclass(frozen=True)
class StructureFile:
    """A structure that has not been read yet.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        What it is called in tables.
    family : str
        Related structures share it.
    completeness : str
        "full"; or "CA-only", "backbone", where one point or one main chain stands for whole residues.
    """

    path: Path
    name: str
    family: str
    completeness: str = "full"


def find_structures(folder: Path) -> list[StructureFile]:
    """List the structures of a folder, sorted by name.

    Parameters
    ----------
    folder : Path
        Files that `load_structure` reads. Where it holds an ``INDEX.tsv`` with columns ``id``, ``family`` and
        ``model``, families and completeness come from there; otherwise each file is its own family.

    Raises
    ------
    StructureError
        There is none.
    """
    try:
        files = sorted(p for p in folder.iterdir() if _suffix(p) in _KNOWN)
    except OSError as error:
        raise StructureError(folder, f"cannot list the folder: {error.strerror}") from None
    if not files:
        raise StructureError(folder, "holds no structure", f"wanted {', '.join(_KNOWN)}")
    index = _index(folder / "INDEX.tsv")
    return [_described(path, index.get(_stem(path).lower(), {})) for path in files]


def load_structure(source: Path | StructureFile, *, assembly: str = "1") -> Structure:
    """Read a structure and centre it.

    Parameters
    ----------
    source : Path or StructureFile
        A PDB, mmCIF or mmJSON file, plain or gzipped; a compact pack (npz); or a density map (MRC).
    assembly : str
        Which biological assembly of an atomic model to build; a file that lists none is taken as it is.

    Raises
    ------
    StructureError
        The file is missing, of another kind, damaged or empty, or has no such assembly.
    """
    if isinstance(source, Path):
        source = _described(source, _index(source.parent / "INDEX.tsv").get(_stem(source).lower(), {}))
    path, suffix = source.path, _suffix(source.path)
    if not path.exists():
        raise StructureError(path, "there is no such file")
    body: AtomicModel | DensityMap
    with _reading(path):
        if suffix in _PACKS:
            body = _centred(path, _read_pack(source))
        elif suffix in _MODELS:
            body = _centred(path, _read_model(path, assembly))
        elif suffix in _MAPS:
            body = _read_map(path)
        else:
            raise _unknown(path, suffix)
        structure = Structure(source.name, body, source.family)
        _require_credible(path, structure.diameter)
        return structure


def _unknown(path: Path, suffix: str) -> StructureError:
    if suffix == ".bcif":
        return StructureError(path, "BinaryCIF cannot be read", "convert it to mmCIF (.cif)")
    wanted = ", ".join(_KNOWN)
    return StructureError(path, f"no known kind of structure: {suffix!r}", f"wanted {wanted}")


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn whatever a damaged structure leads to inside into a `StructureError` naming it."""
    try:
        yield
    except CryogleanError:
        raise
    except OSError as error:
        raise StructureError(path, f"cannot be read: {error.strerror or error}") from None
    except Exception as error:  # noqa: BLE001 - libraries raise what they like on damaged files
        reason = " ".join(str(error).split())[:300]
        raise StructureError(path, f"cannot be read: {type(error).__name__}: {reason}") from None


def _centred(path: Path, model: AtomicModel) -> AtomicModel:
    if not np.isfinite(model.xyz).all():
        raise StructureError(path, "has atoms whose coordinates are no numbers")
    return model.centred()


def _require_credible(path: Path, diameter: float) -> None:
    """Refuse what is no particle by its size, of which projections would fill the memory."""
    low, high = _DIAMETERS
    if not low <= diameter <= high:
        cause = f"measures {diameter:,.4g} Å across; a particle has {low:g} to {high:,.0f} Å"
        raise StructureError(path, cause, "look for atoms far from all others, or set the voxel size")


def _suffix(path: Path) -> str:
    return Path(path.name.lower().removesuffix(".gz")).suffix


def _stem(path: Path) -> str:
    name = path.name[: -len(".gz")] if path.name.lower().endswith(".gz") else path.name
    return Path(name).stem


def _described(path: Path, row: dict[str, str]) -> StructureFile:
    name = row.get("id", _stem(path))
    return StructureFile(path, name, row.get("family") or name, row.get("model") or "full")


def _index(path: Path) -> dict[str, dict[str, str]]:
    if not path.exists():
        return {}
    with _reading(path):
        rows = csv.DictReader(io.StringIO(read_file(path).decode("utf-8-sig"), newline=""), delimiter="\t")
        return {row["id"].lower(): row for row in rows if row.get("id")}


def _read_pack(source: StructureFile) -> AtomicModel:
    """Read a pack: atomic numbers, differences of coordinates, and the assembly's operators."""
    try:
        pack = read_arrays(source.path, _PACK)
    except ValueError as error:
        raise StructureError(source.path, f"no pack of a structure: {error}") from None
    operators = pack["ops"]
    if pack["el"].size * len(operators) > _MAX_ATOMS:
        raise StructureError(
            source.path, f"has {pack['el'].size * len(operators):,} atoms, more than are read"
        )
    xyz = np.cumsum(pack["dxyz"], axis=1, dtype=np.int64).T * np.float32(_PACK_UNIT)
    xyz, code = _whole_residues(xyz, pack["el"], source.completeness)
    turned = np.einsum("kij,nj->kni", operators[:, :, :3], xyz) + operators[:, None, :, 3]
    if not turned.size:
        raise StructureError(source.path, "holds no atoms")
    return AtomicModel(
        turned.reshape(-1, 3).astype(np.float32), np.tile(code.astype(np.uint8), len(operators))
    )


def _whole_residues(
    xyz: NDArray[np.float32], code: NDArray[np.uint8], completeness: str
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Let a C-alpha, or a main chain's nitrogen, stand for its whole residue."""
    if completeness == "CA-only":
        return xyz, np.full(len(xyz), RESIDUE, np.uint8)
    if completeness == "backbone":
        nitrogen = code == 7
        return xyz[nitrogen], np.full(int(nitrogen.sum()), RESIDUE, np.uint8)
    return xyz, code


def _read_model(path: Path, assembly: str) -> AtomicModel:
    structure = gemmi.read_structure_string(_unpacked(path), format=_MODELS[_suffix(path)])
    structure.setup_entities()
    if len(structure) == 0 or structure[0].count_atom_sites() == 0:
        raise StructureError(path, "holds no atoms")
    if len(structure.assemblies):
        known = [a.name for a in structure.assemblies]
        if assembly not in known:
            raise StructureError(path, f"has no assembly {assembly!r}", f"it has {', '.join(known)}")
        chosen = structure.assemblies[known.index(assembly)]
        copies = sum(len(part.operators) for part in chosen.generators)
        if copies * structure[0].count_atom_sites() > _MAX_ATOMS:
            raise StructureError(
                path, f"its assembly {assembly!r} has {copies:,} copies, more than are built"
            )
        structure.transform_to_assembly(assembly, gemmi.HowToNameCopiedChain.Dup)
    structure.remove_alternative_conformations()
    structure.remove_hydrogens()
    structure.remove_waters()
    if structure[0].count_atom_sites() == 0:
        raise StructureError(path, "holds nothing but water and hydrogens")
    points = [point for chain in structure[0] for residue in chain for point in _points(residue)]
    xyz = np.array([point[:3] for point in points], np.float32)
    return AtomicModel(xyz, np.array([point[3] for point in points], np.uint8))


def _unpacked(path: Path) -> bytes:
    """Read a file of text, plain or gzipped, within bounds."""
    with open_file(path) as file:
        is_packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        content = (gzip.GzipFile(fileobj=file) if is_packed else file).read(_MAX_MODEL_BYTES + 1)
    if len(content) > _MAX_MODEL_BYTES:
        raise StructureError(path, f"is larger than {_MAX_MODEL_BYTES / 2**30:.0f} GiB, as no model is")
    return content


def _points(residue: gemmi.Residue) -> list[tuple[float, float, float, int]]:
    """Place a residue's atoms; the only atom of an amino acid or nucleotide stands for all of it."""
    alone = len(residue) == 1 and residue[0].name in ("CA", "P")
    stand_in = {"CA": RESIDUE, "P": NUCLEOTIDE}.get(residue[0].name) if alone else None
    if residue[0].element.name == "Ca":  # a calcium ion is named CA too
        stand_in = None
    return [(a.pos.x, a.pos.y, a.pos.z, stand_in or a.element.atomic_number) for a in residue]


def _read_map(path: Path) -> DensityMap:
    """Read a map in a cube, with what is about the particle taken away, and scaled to protein's potential."""
    try:
        open_file(path).close()
        with warnings.catch_warnings(action="ignore"):
            opened = mrcfile.open(path, permissive=True, header_only=True)
    except (OSError, ValueError) as error:
        raise StructureError(path, f"cannot be read as a map: {error}") from None
    with opened as file:
        sides = [int(file.header[name]) for name in ("nx", "ny", "nz")]
    if not all(0 < side <= _MAX_SIDE for side in sides):
        size = "×".join(map(str, sides))
        raise StructureError(path, f"says that it has {size} voxels", f"bin it to {_MAX_SIDE} a side")
    # What is odd about the file is told below, or does no harm.
    with warnings.catch_warnings(action="ignore"), mrcfile.open(path, permissive=True) as file:
        data = None if file.data is None else np.asarray(file.data, np.float32)
        sizes = [float(file.voxel_size[axis]) for axis in "xyz"]
        order = [int(file.header[name]) for name in ("mapc", "mapr", "maps")]
    if data is None or data.ndim != 3 or not np.isfinite(data).all() or np.ptp(data) == 0:
        shape = "nothing" if data is None else f"shape {data.shape}"
        raise StructureError(path, f"no density map: got {shape}", "wanted finite values in three dimensions")
    if not all(map(is_credible_pixel_size, sizes)) or max(sizes) > 1.01 * min(sizes):
        raise StructureError(path, f"the voxels measure {sizes} Å", "wanted cubes; set the voxel size")
    if sorted(order) == [1, 2, 3]:
        # Sections, rows and columns run along the axes maps, mapr and mapc; wanted are z, y and x.
        data = np.transpose(data, [order[::-1].index(axis) for axis in (3, 2, 1)])
    with np.errstate(all="ignore"):
        potential = _potential(_cube(data))
    if not np.isfinite(potential).all():
        raise StructureError(path, "no density map: nothing in it stands out")
    return DensityMap(potential, sizes[0])


def _cube(data: NDArray[np.float32]) -> NDArray[np.float32]:
    """Pad to an even cube, keeping the middle voxel n // 2 of each axis the middle."""
    n = max(data.shape) + max(data.shape) % 2
    before = [n // 2 - length // 2 for length in data.shape]
    return np.pad(data, [(b, n - length - b) for b, length in zip(before, data.shape, strict=True)])


def _potential(data: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale a map of unknown units to volts: water at zero, the particle's inside at protein's potential."""
    smooth = ndimage.gaussian_filter(data, 1.5)
    floor = np.median(smooth)
    levels = np.clip((smooth - floor) / (smooth.max() - floor) * 255, 0, 255).astype(np.uint8)
    threshold = cv2.threshold(levels.reshape(1, -1), 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[0]
    inside = levels > threshold
    soft = ndimage.gaussian_filter(ndimage.binary_dilation(inside, iterations=3).astype(np.float32), 1.5)
    volts = (data - floor) * soft
    return np.asarray(volts * (PROTEIN_POTENTIAL / float(volts[inside].mean())), np.float32)

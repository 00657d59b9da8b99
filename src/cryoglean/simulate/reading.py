"""Structures from files: PDB, mmCIF and mmJSON with biological assemblies, compact packs, density maps.

Water and hydrogens are dropped: hydrogens ride on their carbons and nitrogens (see `scattering`), and water
is what a particle displaces.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import cv2
import gemmi
import mrcfile
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cryoglean.errors import StructureError
from cryoglean.simulate.scattering import NUCLEOTIDE, PROTEIN_POTENTIAL, RESIDUE
from cryoglean.simulate.structures import AtomicModel, DensityMap, Structure

_MODELS = (".pdb", ".ent", ".cif", ".mmcif", ".json")
_MAPS = (".mrc", ".map", ".ccp4")
_PACKS = (".npz",)
_PACK_UNIT = 0.05
"""Å per unit of a pack's coordinates."""


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
        files = sorted(p for p in folder.iterdir() if _suffix(p) in _MODELS + _MAPS + _PACKS)
    except OSError as error:
        raise StructureError(folder, f"cannot list the folder: {error.strerror}") from None
    if not files:
        raise StructureError(folder, "holds no structure", f"wanted {', '.join(_MODELS + _MAPS + _PACKS)}")
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
    if not path.is_file():
        raise StructureError(path, "there is no such file")
    if suffix in _PACKS:
        return Structure(source.name, _read_pack(source).centred(), source.family)
    if suffix in _MODELS:
        return Structure(source.name, _read_model(path, assembly).centred(), source.family)
    if suffix in _MAPS:
        return Structure(source.name, _read_map(path), source.family)
    if suffix == ".bcif":
        raise StructureError(path, "BinaryCIF cannot be read", "convert it to mmCIF (.cif)")
    wanted = ", ".join(_MODELS + _MAPS + _PACKS)
    raise StructureError(path, f"no known kind of structure: {suffix!r}", f"wanted {wanted}")


def _suffix(path: Path) -> str:
    return Path(path.name.lower().removesuffix(".gz")).suffix


def _stem(path: Path) -> str:
    name = path.name[: -len(".gz")] if path.name.lower().endswith(".gz") else path.name
    return Path(name).stem


def _described(path: Path, row: dict[str, str]) -> StructureFile:
    name = row.get("id", _stem(path))
    return StructureFile(path, name, row.get("family") or name, row.get("model") or "full")


def _index(path: Path) -> dict[str, dict[str, str]]:
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {row["id"].lower(): row for row in csv.DictReader(file, delimiter="\t") if row.get("id")}


def _read_pack(source: StructureFile) -> AtomicModel:
    """Read a pack: atomic numbers, differences of coordinates, and the assembly's operators."""
    try:
        with np.load(source.path, allow_pickle=False) as pack:
            code, steps, operators = pack["el"], pack["dxyz"], pack["ops"]
            xyz = np.cumsum(steps, axis=1, dtype=np.int64).T * np.float32(_PACK_UNIT)
            xyz, code = _whole_residues(xyz, code, source.completeness)
            turned = np.einsum("kij,nj->kni", operators[:, :, :3], xyz) + operators[:, None, :, 3]
    except (OSError, KeyError, ValueError, EOFError, BadZipFile) as error:
        raise StructureError(source.path, f"no pack of a structure: {error}") from None
    if not len(xyz):
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
    try:
        structure = gemmi.read_structure(str(path))
    except (RuntimeError, ValueError, OSError) as error:
        raise StructureError(path, f"cannot be read as an atomic model: {error}") from None
    structure.setup_entities()
    if len(structure) == 0 or structure[0].count_atom_sites() == 0:
        raise StructureError(path, "holds no atoms")
    if len(structure.assemblies):
        known = [a.name for a in structure.assemblies]
        if assembly not in known:
            raise StructureError(path, f"has no assembly {assembly!r}", f"it has {', '.join(known)}")
        structure.transform_to_assembly(assembly, gemmi.HowToNameCopiedChain.Dup)
    structure.remove_alternative_conformations()
    structure.remove_hydrogens()
    structure.remove_waters()
    if structure[0].count_atom_sites() == 0:
        raise StructureError(path, "holds nothing but water and hydrogens")
    points = [point for chain in structure[0] for residue in chain for point in _points(residue)]
    xyz = np.array([point[:3] for point in points], np.float32)
    return AtomicModel(xyz, np.array([point[3] for point in points], np.uint8))


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
        with mrcfile.open(path, permissive=True) as file:
            data = None if file.data is None else np.asarray(file.data, np.float32)
            sizes = [float(file.voxel_size[axis]) for axis in "xyz"]
            order = [int(file.header[name]) for name in ("mapc", "mapr", "maps")]
    except (OSError, ValueError) as error:
        raise StructureError(path, f"cannot be read as a map: {error}") from None
    if data is None or data.ndim != 3 or not np.isfinite(data).all() or np.ptp(data) == 0:
        shape = "nothing" if data is None else f"shape {data.shape}"
        raise StructureError(path, f"no density map: got {shape}", "wanted finite values in three dimensions")
    if sizes[0] <= 0 or max(sizes) > 1.01 * min(sizes):
        raise StructureError(path, f"the voxels measure {sizes} Å", "wanted cubes; set the voxel size")
    if sorted(order) == [1, 2, 3]:
        # Sections, rows and columns run along the axes maps, mapr and mapc; wanted are z, y and x.
        data = np.transpose(data, [order[::-1].index(axis) for axis in (3, 2, 1)])
    return DensityMap(_potential(_cube(data)), sizes[0])


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

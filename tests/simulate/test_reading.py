import gzip
import io
import os
import struct

import gemmi
import mrcfile
import numpy as np
import pytest
from scipy import ndimage

from cryoglean.errors import StructureError
from cryoglean.io import arrays
from cryoglean.simulate import find_structures, load_structure
from cryoglean.simulate.output import write_map
from cryoglean.simulate.projection import Grid, potential_map
from cryoglean.simulate.scattering import NUCLEOTIDE, PROTEIN_POTENTIAL, RESIDUE
from cryoglean.simulate.structures import DensityMap

ALL = ("N", "CA", "C", "O", "CB", "HA")


def alanine(number: int, x: float, names: tuple[str, ...]) -> gemmi.Residue:
    residue = gemmi.Residue()
    residue.name, residue.seqid = "ALA", gemmi.SeqId(str(number))
    for i, name in enumerate(names):
        atom = gemmi.Atom()
        atom.name, atom.element = name, gemmi.Element(name[0])
        atom.pos = gemmi.Position(x + i, 2 * i, 0.5 * number)
        residue.add_atom(atom)
    return residue


def dimer(names: tuple[str, ...] = ALL) -> gemmi.Structure:
    """A chain of ten residues, water, and an assembly that adds a copy turned by 180 degrees about z."""
    structure, model, chain = gemmi.Structure(), gemmi.Model(1), gemmi.Chain("A")
    for number in range(1, 11):
        chain.add_residue(alanine(number, 20 + 3 * number, names))
    water = gemmi.Residue()
    water.name, water.seqid = "HOH", gemmi.SeqId("101")
    atom = gemmi.Atom()
    atom.name, atom.element, atom.pos = "O", gemmi.Element("O"), gemmi.Position(500, 0, 0)
    water.add_atom(atom)
    chain.add_residue(water)
    model.add_chain(chain)
    structure.add_model(model)
    structure.setup_entities()
    assembly, generator = gemmi.Assembly("1"), gemmi.Assembly.Gen()
    generator.chains = ["A"]
    for matrix in (np.diag([1.0, 1, 1]), np.diag([-1.0, -1, 1])):
        operator = gemmi.Assembly.Operator()
        operator.transform = gemmi.Transform(gemmi.Mat33(matrix.tolist()), gemmi.Vec3(0, 0, 0))
        generator.operators.append(operator)
    assembly.generators.append(generator)
    structure.assemblies.append(assembly)
    return structure


@pytest.fixture(params=["dimer.pdb", "dimer.cif", "dimer.cif.gz"])
def path(request, tmp_path):
    path = tmp_path / request.param
    structure = dimer()
    if path.suffix == ".pdb":
        structure.write_pdb(str(path))
    else:
        text = structure.make_mmcif_document().as_string()
        path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def test_a_model_becomes_its_assembly_without_water_and_hydrogens(path):
    structure = load_structure(path)
    assert structure.name == structure.family == "dimer"
    assert len(structure.body) == 2 * 10 * 5
    assert set(structure.body.code.tolist()) == {6, 7, 8}
    centre = np.average(structure.body.xyz, axis=0, weights=structure.body.weight)
    np.testing.assert_allclose(centre, 0, atol=1e-4)
    # The copy lies opposite: every atom has its partner turned by 180 degrees.
    xy = structure.body.xyz[:, :2]
    np.testing.assert_allclose(xy[:50], -xy[50:], atol=1e-3)


def test_an_unknown_assembly_is_refused(path):
    with pytest.raises(StructureError, match=r"no assembly '7' \(it has 1\)"):
        load_structure(path, assembly="7")


def test_lone_alpha_carbons_stand_for_their_residues(tmp_path):
    dimer(("CA",)).write_pdb(str(tmp_path / "trace.pdb"))
    body = load_structure(tmp_path / "trace.pdb").body
    assert body.code.tolist() == [RESIDUE] * 20


def test_lone_phosphorus_stands_for_its_nucleotide(tmp_path):
    structure = dimer(("P",))
    for residue in structure[0][0]:
        residue.name = "A" if residue.name == "ALA" else residue.name
    structure.write_pdb(str(tmp_path / "trace.pdb"))
    assert NUCLEOTIDE in load_structure(tmp_path / "trace.pdb").body.code


def write_pack(path, xyz, elements, operators):
    steps = np.diff(np.round(xyz / 0.05).astype(np.int32), axis=0, prepend=0).T
    np.savez_compressed(path, el=elements, dxyz=steps, ops=np.asarray(operators, np.float32))


@pytest.fixture
def packs(tmp_path, rng):
    identity = np.eye(3, 4)
    opposite = np.diag([-1.0, -1, 1])
    operators = [identity, np.column_stack([opposite, [0, 0, 10.0]])]
    xyz = rng.uniform(5, 40, (30, 3))
    for name in ("1abc", "2def"):
        write_pack(tmp_path / f"{name}.npz", xyz, np.full(30, 6, np.uint8), operators)
    (tmp_path / "INDEX.tsv").write_text("id\tfamily\tmodel\n1ABC\tfam\tfull\n2DEF\tfam\tCA-only\n")
    return tmp_path, xyz


def test_packs_are_rebuilt_with_names_families_and_completeness(packs):
    folder, xyz = packs
    full, trace = find_structures(folder)
    assert (full.name, full.family, trace.completeness) == ("1ABC", "fam", "CA-only")
    body = load_structure(full).body
    assert len(body) == 60
    both = np.concatenate([xyz, xyz * [-1, -1, 1] + [0, 0, 10]])
    np.testing.assert_allclose(body.xyz, both - both.mean(axis=0), atol=0.06)
    assert set(load_structure(trace).body.code.tolist()) == {RESIDUE}
    assert load_structure(folder / "1abc.npz").family == "fam"


def test_a_map_is_scaled_to_protein_and_its_size_measured(complex_, tmp_path):
    made = potential_map(complex_.body, Grid(80, 2.5))
    write_map(DensityMap(made.data * 7 + 3, 2.5), tmp_path / "map.mrc")
    read = load_structure(tmp_path / "map.mrc")
    assert read.body.voxel_size == pytest.approx(2.5)
    assert read.diameter == pytest.approx(complex_.diameter, rel=0.12)
    smooth = ndimage.gaussian_filter(read.body.data, 2)
    assert np.median(smooth[smooth > PROTEIN_POTENTIAL / 2]) == pytest.approx(PROTEIN_POTENTIAL, rel=0.25)
    assert np.corrcoef(read.body.data.ravel(), made.data.ravel())[0, 1] > 0.97
    assert abs(np.median(read.body.data)) < 0.05


def test_a_map_with_other_axes_is_turned_to_the_usual_ones(complex_, tmp_path):
    made = potential_map(complex_.body, Grid(64, 3.0))
    with mrcfile.new(tmp_path / "usual.mrc") as usual, mrcfile.new(tmp_path / "turned.mrc") as turned:
        usual.set_data(made.data)
        turned.set_data(np.ascontiguousarray(made.data.transpose(2, 0, 1)))
        turned.header.mapc, turned.header.mapr, turned.header.maps = 2, 3, 1
        usual.voxel_size = turned.voxel_size = 3.0
    expected = load_structure(tmp_path / "usual.mrc").body.data
    np.testing.assert_allclose(load_structure(tmp_path / "turned.mrc").body.data, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.pdb", None, "there is no such file"),
        ("empty.pdb", b"", "holds no atoms"),
        ("half.cif", b"data_x\nloop_\n_atom_site.id\n_atom_site.Cartn_x\n1", "cannot be read"),
        ("notes.txt", b"hello", "no known kind of structure: '.txt'"),
        ("model.bcif", b"\x83", "BinaryCIF cannot be read"),
        ("pack.npz", b"PK\x03\x04 truncated", "no pack of a structure"),
        ("map.mrc", b"\0" * 400, "cannot be read as a map"),
    ],
)
def test_what_is_no_structure_says_why(tmp_path, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StructureError, match=message) as caught:
        load_structure(path)
    assert str(path) in str(caught.value)


def test_a_flat_image_is_no_map(tmp_path):
    with mrcfile.new(tmp_path / "image.mrc") as file:
        file.set_data(np.ones((8, 8), np.float32))
    with pytest.raises(StructureError, match="no density map"):
        load_structure(tmp_path / "image.mrc")


def test_a_folder_without_structures_says_what_was_wanted(tmp_path):
    with pytest.raises(StructureError, match=r"wanted \.pdb"):
        find_structures(tmp_path)


def test_the_shared_packs_have_the_masses_of_their_index(shared):
    import csv

    folder = shared / "structures"
    with (folder / "INDEX.tsv").open() as file:
        rows = {row["id"].lower(): row for row in csv.DictReader(file, delimiter="\t")}
    chosen = [f for f in find_structures(folder) if f.path.stem in ("1aon", "7k00", "1aq3", "4btg", "5dn6")]
    assert len(chosen) == 5
    for source in chosen:
        structure = load_structure(source)
        row = rows[source.path.stem]
        # Protein takes 1.21 Å³ a dalton.
        assert structure.body.volume / 1.21 / 1e3 == pytest.approx(float(row["kDa_assembly"]), rel=0.16)
        assert structure.diameter == pytest.approx(float(row["max_dim_A"]), rel=0.12)


def line(number, x, y="0.0"):
    return f"ATOM  {number:5d}  CA  ALA A{number:4d}    {x:>8}{y:>8}     0.0  1.00 10.00           C\n"


def map_header(*sides, voxel=3.0):
    raw = bytearray(1024)
    struct.pack_into("<4i", raw, 0, *sides, 2)
    struct.pack_into("<3i3f", raw, 28, *sides, *(voxel * side for side in sides))
    struct.pack_into("<3i", raw, 64, 1, 2, 3)
    raw[208:216] = b"MAP \x44\x44\0\0"
    return bytes(raw)


def pack_of(**columns):
    file = io.BytesIO()
    np.savez_compressed(file, **columns)
    return file.getvalue()


WHOLE = np.eye(3, 4)[None]
ATOMS = {"el": np.full(9, 6), "dxyz": np.ones((3, 9), int), "ops": WHOLE}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("nan.pdb", (line(1, "nan") + line(2, "inf")).encode(), "coordinates are no numbers"),
        ("far.pdb", (line(1, "0.0") + line(2, "9999999")).encode(), "measures 9.95e.06 Å across"),
        ("bad.json", b"{}", "cannot be read"),
        ("large.mrc", map_header(2**30, 2**30, 2**30), "1073741824×1073741824×1073741824 voxels"),
        ("long.mrc", map_header(1, 1, 5000) + bytes(20_000), "1×1×5000 voxels"),
        ("cut.mrc", map_header(64, 64, 64), "no density map"),
        (
            "tiny.mrc",
            map_header(2, 2, 2, voxel=1e-6) + np.arange(8, dtype="<f4").tobytes(),
            "the voxels measure",
        ),
        ("shape.npz", pack_of(**ATOMS | {"ops": np.zeros((1, 1))}), "the array ops holds"),
        ("lost.npz", pack_of(el=np.zeros(3)), "dxyz"),
        ("nan.npz", pack_of(**ATOMS | {"ops": WHOLE * np.nan}), "no numbers"),
        ("object.npz", pack_of(**ATOMS | {"el": np.array([None] * 9)}), "no pack of a structure"),
        ("many.npz", pack_of(**ATOMS | {"ops": np.repeat(WHOLE, 6_000_000, 0)}), "54,000,000 atoms"),
    ],
)
def test_what_is_damaged_or_means_harm_is_told(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(StructureError, match=message) as caught:
        load_structure(path)
    assert str(path) in str(caught.value)


def test_a_pack_that_unpacks_to_more_than_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(arrays, "MAX_UNPACKED_BYTES", 1000)
    many = {"el": np.full(9000, 6), "dxyz": np.ones((3, 9000), int)}
    (tmp_path / "a.npz").write_bytes(pack_of(**ATOMS | many))
    with pytest.raises(StructureError, match="unpack to"):
        load_structure(tmp_path / "a.npz")


def test_a_pipe_is_no_structure(tmp_path):
    for name in ("a.pdb", "a.cif", "a.mrc", "a.npz"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(StructureError, match="a named pipe"):
            load_structure(tmp_path / name)


def test_a_list_of_structures_that_is_damaged_is_told(tmp_path):
    (tmp_path / "a.pdb").write_text(line(1, "1.0"))
    (tmp_path / "INDEX.tsv").write_bytes(b"id\tfamily\n\xff\xfe\n")
    with pytest.raises(StructureError, match=r"INDEX.tsv: cannot be read"):
        find_structures(tmp_path)

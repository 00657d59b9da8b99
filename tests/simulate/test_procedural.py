import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from cryoglean.simulate import KINDS, apoferritin_like, procedural_structure
from cryoglean.simulate.procedural import hemocyanin_like, hollow_shell, micelle
from cryoglean.simulate.scattering import HEXOSE, METHYLENE, RESIDUE


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_makes_the_same_complex(kind):
    first, again, other = (procedural_structure(kind, seed) for seed in (5, 5, 6))
    assert first.name == f"{kind}-5"
    np.testing.assert_array_equal(first.body.xyz, again.body.xyz)
    assert len(first.body) != len(other.body)


@pytest.mark.parametrize("kind", KINDS)
def test_complexes_are_of_protein_size_and_density_and_in_one_piece(kind):
    for seed in range(3):
        body = procedural_structure(kind, seed).body
        assert 20 < body.volume / 1.21e3 < 20_000  # kDa
        assert 40 < body.extent.diameter < 700
        protein = body.xyz[body.code == RESIDUE]
        tree = cKDTree(protein)
        neighbours = tree.query(protein, k=2)[0][:, 1]
        assert np.median(neighbours) == pytest.approx(4.8, abs=1.2)
        # Balls of 10 Å about residues, lipids and detergent join up to one body.
        tree = cKDTree(body.xyz)
        reached, front = np.zeros(len(body), bool), [0]
        while front:
            reached[front] = True
            touched = {j for near in tree.query_ball_point(body.xyz[front], 10) for j in near}
            front = [j for j in touched if not reached[j]]
        assert reached.mean() > 0.9


@pytest.mark.parametrize(("group", "order"), [("C7", 7), ("D5", 10), ("T", 12), ("O", 24), ("I", 60)])
def test_shells_have_their_symmetry(group, order, rng):
    shell = hollow_shell(group, (40.0, 60.0), rng)
    assert len(shell) % order == 0
    tree = cKDTree(shell.xyz)
    for turn in Rotation.create_group(group).as_matrix():
        assert tree.query(shell.xyz @ turn.T)[0].max() < 1e-3


def test_the_apoferritin_like_shell_is_as_large_hollow_and_heavy_as_apoferritin():
    structure = apoferritin_like()
    radii = np.linalg.norm(structure.body.xyz, axis=1)
    assert structure.diameter == pytest.approx(122, abs=6)
    assert np.percentile(radii, 1) == pytest.approx(40, abs=4)
    assert structure.body.volume / 1.21e3 == pytest.approx(440, rel=0.15)  # kDa


def test_the_hemocyanin_like_cylinder_is_as_large_and_heavy_as_hemocyanin():
    structure = hemocyanin_like()
    across = 2 * np.percentile(np.hypot(*structure.body.xyz[:, :2].T), 99.5)
    tall = np.ptp(np.percentile(structure.body.xyz[:, 2], [0.5, 99.5]))
    assert (across, tall) == (pytest.approx(345, abs=20), pytest.approx(360, abs=20))
    assert structure.body.volume / 1.21e3 == pytest.approx(8000, rel=0.15)


def test_membrane_proteins_wear_a_belt_of_detergent():
    body = procedural_structure("membrane", 4).body
    heights = {code: body.xyz[body.code == code, 2].std() for code in (RESIDUE, METHYLENE)}
    assert heights[METHYLENE] < heights[RESIDUE]
    distance = cKDTree(body.xyz[body.code == RESIDUE]).query(body.xyz[body.code == METHYLENE])[0]
    assert distance.min() > 5


def test_a_free_micelle_has_its_heads_outside(rng):
    free = micelle(np.zeros((0, 3)), rng)
    radii = np.linalg.norm(free.xyz, axis=1)
    assert np.median(radii[free.code == HEXOSE]) > np.percentile(radii[free.code == METHYLENE], 90)
    assert 40 < free.extent.diameter < 65

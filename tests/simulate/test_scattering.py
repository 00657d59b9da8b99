import gemmi
import numpy as np
import pytest

from cryoglean.simulate.scattering import (
    HEXOSE,
    METHYLENE,
    NUCLEOTIDE,
    POTENTIAL_PER_SCATTERING,
    PROTEIN_POTENTIAL,
    RESIDUE,
    WATER_POTENTIAL,
    potential_in_water,
    scattering_factor,
    species,
)


@pytest.mark.parametrize(("number", "known"), [(1, 0.529), (6, 2.509), (8, 1.983), (16, 5.160)])
def test_scattering_factors_are_those_of_the_tables_at_zero(number, known):
    assert scattering_factor(number, np.zeros(1))[0] == pytest.approx(known, abs=1e-3)


@pytest.mark.parametrize("element", ["C", "N", "O", "P", "S"])
def test_scattering_agrees_with_that_of_x_rays(element):
    # Mott and Bethe: f = 0.02393 (Z - f_x) / s², with s = sin(θ)/λ.
    s2, atom = 0.25, gemmi.Element(element)
    expected = 0.02393 * (atom.atomic_number - atom.it92.calculate_sf(s2)) / s2
    assert scattering_factor(atom.atomic_number, np.array([4 * s2]))[0] == pytest.approx(expected, rel=0.02)


def test_water_has_the_mean_inner_potential_that_is_used_for_it():
    per_molecule = sum(n * scattering_factor(z, np.zeros(1))[0] for z, n in ((8, 1), (1, 2)))
    molecules = 0.93 / 18.015 * 0.602214  # per Å³
    assert POTENTIAL_PER_SCATTERING * per_molecule * molecules == pytest.approx(WATER_POTENTIAL, rel=0.01)


def test_protein_stands_out_of_water_by_three_volts_and_nucleic_acid_by_more():
    def contrast(code):
        return potential_in_water(code, np.zeros(()))[()] / species(code).volume

    assert contrast(RESIDUE) == pytest.approx(PROTEIN_POTENTIAL, rel=0.02)
    assert contrast(NUCLEOTIDE) > 1.2 * contrast(RESIDUE)
    assert contrast(METHYLENE) < 0.7 * contrast(RESIDUE) < contrast(HEXOSE)


def test_atoms_of_a_residue_scatter_as_the_mean_residue_does():
    # The mean residue, atom by atom: hydrogens ride on the carbons and nitrogens.
    atoms = {6: 4.94, 7: 1.35, 8: 1.48, 16: 0.045}
    total = sum(n * potential_in_water(z, np.zeros(()))[()] for z, n in atoms.items())
    assert total == pytest.approx(potential_in_water(RESIDUE, np.zeros(()))[()], rel=0.02)


def test_without_displaced_water_the_potential_is_that_in_vacuum():
    k2 = np.array([0.0, 0.01])
    taken = potential_in_water(6, k2, displaces=False) - potential_in_water(6, k2)
    assert taken[0] == pytest.approx(WATER_POTENTIAL * species(6).volume)
    assert 0 < taken[1] < taken[0]

"""Label images of micrographs."""

import numpy as np
import pytest

from cryoglean.labels import (
    CLASSES,
    RefinedParticles,
    Reprojector,
    load_reprojector,
    paint_labels,
    read_refined,
)
from cryoglean.labels.painting import Field, classes_of
from cryoglean.labels.settings import LabelConfig
from cryoglean.simulate.structures import DensityMap
from tests.labels.refined import MICROGRAPH_PIXEL, DataSet

BACKGROUND, PARTICLE, CONTAMINATION, IGNORED = range(4)


@pytest.fixture(scope="module")
def ball() -> Reprojector:
    distance = np.linalg.norm(np.indices((32,) * 3) - 16, axis=0)
    return Reprojector(DensityMap(np.clip(10.5 - distance, 0, 1).astype(np.float32), 2.0), LabelConfig())


def _particles(*xy: tuple[float, float]) -> RefinedParticles:
    n = len(xy)
    return RefinedParticles(
        "m", np.array(xy, float).reshape(-1, 2), np.zeros((n, 2)), np.tile(np.eye(3), (n, 1, 1))
    )


def test_labels_of_a_refinement_are_the_simulators_own_masks(data_set: DataSet, particles) -> None:
    """The round trip: simulate, refine perfectly, project the map again."""
    config = LabelConfig()
    reprojector = load_reprojector(data_set.map, config)
    overlaps = []
    for part, simulated in zip(read_refined(particles), data_set.simulated, strict=True):
        field = Field(simulated.labels.shape, MICROGRAPH_PIXEL)
        image = paint_labels(part, reprojector, field=field, config=config)
        for number in range(1, len(image) + 1):
            ours, theirs = image.instances == number, simulated.labels == number
            overlaps.append(np.sum(ours & theirs) / np.sum(ours | theirs))
    assert len(overlaps) > 30
    assert np.mean(overlaps) >= 0.95
    # Particles whose centre is outside claim pixels of those that the border cuts.
    assert np.min(overlaps) >= 0.75


def test_of_two_claims_the_nearer_centre_wins(ball: Reprojector) -> None:
    image = paint_labels(
        _particles((30, 30), (38, 30)), ball, field=Field((60, 70), 2.0), config=LabelConfig()
    )
    row = image.instances[30]
    assert set(row[21:34]) == {1}
    assert set(row[35:47]) == {2}
    assert image.visible == pytest.approx([image.visible[0]] * 2, abs=0.08)
    assert 0.6 < image.visible[0] < 0.95


def test_what_the_border_cuts_is_not_visible(ball: Reprojector) -> None:
    image = paint_labels(
        _particles((0, 30), (40, 30), (-60, 30)), ball, field=Field((60, 70), 2.0), config=LabelConfig()
    )
    assert image.visible == pytest.approx([0.5, 1.0, 0.0], abs=0.07)
    assert len(image) == 3


def test_the_ring_lies_along_the_outline(ball: Reprojector) -> None:
    config = LabelConfig(ring=0.2)
    image = paint_labels(_particles((30, 30)), ball, field=Field((60, 60), 2.0), config=config)
    distance = np.linalg.norm(np.indices((60, 60)) - 30, axis=0)
    outline = np.sqrt(image.area[0] / np.pi)
    half = 0.2 * image.diameter / 2.0 / 2
    assert (image.classes[distance < outline - half - 1] == PARTICLE).all()
    assert (image.classes[np.abs(distance - outline) < half - 1] == IGNORED).all()
    assert (image.classes[distance > outline + half + 1] == BACKGROUND).all()


def test_without_a_ring_nothing_is_ignored(ball: Reprojector) -> None:
    config = LabelConfig(ring=0)
    image = paint_labels(_particles((30, 30)), ball, field=Field((60, 60), 2.0), config=config)
    np.testing.assert_array_equal(image.classes == PARTICLE, image.instances == 1)
    assert image.share("ignored") == 0


def test_particles_win_over_contamination() -> None:
    particle, dirt = np.zeros((2, 20, 20), bool)
    particle[5:15, 5:15] = True
    dirt[:, 10:] = True
    classes = classes_of(particle, dirt, ring_px=0)
    assert classes[7, 12] == PARTICLE
    assert classes[2, 12] == CONTAMINATION
    assert classes[2, 2] == BACKGROUND
    assert CLASSES[CONTAMINATION] == "contamination"


def test_a_micrograph_without_particles_is_background(ball: Reprojector) -> None:
    image = paint_labels(_particles(), ball, field=Field((20, 20), 2.0), config=LabelConfig())
    assert image.share("background") == 1

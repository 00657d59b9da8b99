import numpy as np

from cryoglean.simulate.masks import particle_mask, paste_label

Y, X = np.mgrid[-32:32, -32:32]
R = np.hypot(Y, X)


def iou(a, b):
    return (a & b).sum() / (a | b).sum()


def test_a_balls_mask_is_nearly_its_disc():
    ball = 2 * np.sqrt(np.maximum(20.0**2 - R**2, 0)).astype(np.float32)
    assert iou(particle_mask(ball, 1.0), R < 20) > 0.8


def test_a_shells_cavity_counts_as_particle():
    shell = np.sqrt(np.maximum(20.0**2 - R**2, 0)) - np.sqrt(np.maximum(16.0**2 - R**2, 0))
    assert particle_mask(shell.astype(np.float32), 1.0)[32, 32]
    ring = ((R > 12) & (R < 20)).astype(np.float32)
    assert iou(particle_mask(ring, 1.0), R < 20) > 0.9


def test_a_thin_domain_beside_a_thick_one_is_particle():
    thick, thin = R < 10, (np.abs(Y) < 5) & (X >= 10) & (X < 26)
    projection = np.where(thick, 8.0, 0) + np.where(thin, 2.5, 0)
    assert iou(particle_mask(projection.astype(np.float32), 1.0), thick | thin) > 0.85


def test_nothing_has_no_mask():
    assert not particle_mask(np.zeros((16, 16), np.float32), 1.0).any()


def test_a_contested_pixel_goes_to_the_nearer_centre():
    labels = np.zeros((40, 60), np.int32)
    disc = R[22:43, 22:43] <= 10
    centres = np.array([[20.0, 20.0], [32.0, 20.0]])
    for order in ((0, 1), (1, 0)):
        labels[:] = 0
        for i in order:
            x, y = centres[i].astype(int)
            paste_label(labels, disc, (y - 10, x - 10), index=i, centres=centres)
        assert (labels[20, 20], labels[20, 32]) == (1, 2)
        assert (labels[20, 25], labels[20, 27]) == (1, 2)


def test_a_mask_beyond_the_border_is_cut():
    labels = np.zeros((10, 10), np.int32)
    paste_label(labels, np.ones((6, 6), bool), (-3, 7), index=0, centres=np.array([[9.0, 0.0]]))
    assert labels.sum() == 9
    paste_label(labels, np.ones((6, 6), bool), (50, 7), index=0, centres=np.array([[9.0, 0.0]]))
    assert labels.sum() == 9

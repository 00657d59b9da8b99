"""Real micrographs of apoferritin lie among simulated ones of a shell of its size."""

import csv

import numpy as np
import pytest
from scipy import ndimage, stats

from cryoglean.io import read_micrograph
from cryoglean.simulate import apoferritin_like, simulate_micrograph
from cryoglean.simulate.settings import SimulationConfig

PIXEL = 1.5
LABEL_ERROR = 3.5  # rms of the hand labels along an axis, pixels


def traits(image, xy):
    """Shape of the grey levels, colour of the noise, and contrast of the particle's wall and surroundings."""
    standard = (image - image.mean()) / image.std()
    window = standard[:1000, :1000] * np.hanning(1000)[:, None] * np.hanning(1000)
    k = np.hypot(np.fft.fftfreq(1000, PIXEL)[:, None], np.fft.rfftfreq(1000, PIXEL))
    power = np.abs(np.fft.rfft2(window)) ** 2
    bands = [power[(k > low) & (k < high)].mean() for low, high in ((0.01, 0.03), (0.05, 0.1), (0.2, 0.3))]
    y, x = np.mgrid[-55:56, -55:56]
    places = np.round(xy).astype(int)
    whole = ((places >= 55) & (places < np.array(image.shape[::-1]) - 55)).all(axis=1)
    crops = [standard[r - 55 : r + 56, c - 55 : c + 56] for c, r in places[whole]]
    profile = ndimage.mean(np.mean(crops, axis=0), np.round(np.hypot(y, x)), np.arange(55))
    return {
        "skewness": stats.skew(standard.ravel()),
        "kurtosis": stats.kurtosis(standard.ravel()),
        "signal over noise": np.log(bands[0] / bands[2]),
        "colour of the noise": np.log(bands[1] / bands[2]),
        "wall": profile[26:34].mean() - profile[50:55].mean(),
        "bright rim": profile[42:48].mean() - profile[50:55].mean(),
        "cavity over wall": profile[:12].mean() - profile[26:34].mean(),
    }


@pytest.mark.slow
def test_real_apoferritin_lies_among_the_simulated(shared):
    folder = shared / "data" / "apoferritin"
    real = []
    for path in sorted((folder / "micrographs").glob("*.mrc")):
        with (folder / "truth" / f"{path.stem}.csv").open() as file:
            xy = np.array([[float(row["x"]), float(row["y"])] for row in csv.DictReader(file)])
        real.append(traits(read_micrograph(path).data, xy))
    config = SimulationConfig.model_validate(
        {
            "size": (1000, 1000),
            "pixel_size": (PIXEL, PIXEL),
            "coverage": (0.3, 0.6),
            "contamination": 0,
            "optics": {"voltage_kv": (300.0,)},
            "crowd": {"empty": 0},
        }
    )
    simulated = []
    for seed in range(24):
        made = simulate_micrograph(apoferritin_like(), config, seed=seed)
        jitter = np.random.default_rng(seed).normal(0, LABEL_ERROR, made.truth.xy.shape)
        simulated.append(traits(made.micrograph.data, made.truth.xy + jitter))
    assert len(real) == 10
    for name in real[0]:
        ours = np.sort([t[name] for t in simulated])
        theirs = np.array([t[name] for t in real])
        inside = (theirs >= ours[0]) & (theirs <= ours[-1])
        assert inside.all(), f"{name}: real {theirs.round(2)}, simulated {ours.round(2)}"

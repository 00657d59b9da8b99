"""Draw the figures of docs/simulator.md: simulated against real micrographs, and a gallery of the effects.

The first needs the folder of real data beside the project; only curves are drawn from it, no picture. Prints
the share of each real curve that lies inside the simulated ones.

Run: python benchmarks/simulator_figures.py [gallery] [realism] [look FOLDER]

`look` writes real and simulated micrographs side by side into a folder, to be looked at and not to be kept.
"""

import csv
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cryoglean.io import read_micrograph, write_png
from cryoglean.simulate import (
    Structure,
    apoferritin_like,
    load_structure,
    procedural_structure,
    simulate_micrograph,
)
from cryoglean.simulate.procedural import hemocyanin_like
from cryoglean.simulate.settings import Conditions, Crowd, Exposure, Ice, Optics, SimulationConfig

HOME = Path(__file__).parents[1]
IMAGES = HOME / "docs" / "images" / "simulator"
SHARED = HOME.parent / "shared"
SIMULATIONS = 32
WINDOW = 256

Image = NDArray[np.float32]


# --- Gallery: the same scene with and without one effect ----------------------------------------------

SIDE = 176
PLAIN = Conditions(
    size=(SIDE, SIDE),
    pixel_size=3.2,
    optics=Optics(defocus=18_000, bfactor=60),
    exposure=Exposure(dose=60, motion=0, ntf_nyquist=1.0, mtf_nyquist=0.6),
    ice=Ice(thickness=320),
    crowd=Crowd(coverage=0.3, overlap=0.0, at_interface=0.0),
)
EFFECTS: dict[str, dict[str, dict[str, Any]]] = {
    "defocus": {"optics": {"defocus": 45_000}},
    "near_focus": {"optics": {"defocus": 4_000}},
    "astigmatism": {"optics": {"astigmatism": 12_000, "astigmatism_angle": 30}},
    "phase_plate": {"optics": {"phase_shift": 90, "defocus": 6_000}},
    "amplitude_contrast": {"optics": {"amplitude_contrast": 0.35}},
    "bfactor": {"optics": {"bfactor": 900}},
    "motion": {"exposure": {"motion": 25, "motion_angle": 45}},
    "low_dose": {"exposure": {"dose": 8}},
    "detector": {"exposure": {"mtf_nyquist": 0.1, "ntf_nyquist": 0.15}},
    "flattening": {"exposure": {"unevenness": 0.6, "flattening": 100}},
    "unevenness": {"exposure": {"unevenness": 0.6}},
    "hot_pixels": {"exposure": {"hot_pixels": 0.02}},
    "thick_ice": {"ice": {"thickness": 3000}},
    "roughness": {"ice": {"roughness": 8.0}},
    "gradient": {"ice": {"gradient": 19.0, "slope_angle": 0}},
    "tilt": {"ice": {"tilt": 60, "tilt_axis": 90}},
    "crowding": {"crowd": {"coverage": 0.8, "overlap": 0.1}},
    "clustering": {"crowd": {"clustering": 1.0, "overlap": 0.15}},
    "preference": {"crowd": {"preference": 1.0, "preference_spread": 5}},
    "carbon": {"contaminants": {"carbon": 150, "carbon_share": 0.5}},
    "ice_crystals": {"contaminants": {"ice_crystals": 3, "ice_crystal_size": 350}},
    "ethane_blobs": {"contaminants": {"ethane_blobs": 2}},
    "gold_beads": {"contaminants": {"gold_beads": 4}},
    "broken": {"contaminants": {"broken": 1.0}},
    "denatured": {"contaminants": {"denatured": 1.0}},
    "micelles": {"contaminants": {"micelles": 0.15}},
    "aggregates": {"contaminants": {"aggregates": 4}},
}
GREYS = 16  # fewer grey levels make smaller files


def draw_gallery() -> None:
    structure = procedural_structure("barrel", 4)
    without = picture(structure, PLAIN)
    limits = np.percentile(without / without.mean(), [0.3, 99.7])
    for name, change in EFFECTS.items():
        with_effect = picture(structure, changed(PLAIN, change))
        both = np.hstack([grey(without, limits), np.full((SIDE, 4), 255, np.uint8), grey(with_effect, None)])
        write_png(IMAGES / f"{name}.png", both, bits=8, limits=(0, 255))
    total = sum(path.stat().st_size for path in IMAGES.glob("*.png"))
    print(f"{len(EFFECTS)} effects in {IMAGES}; all figures there take {total / 1e6:.2f} MB")


def changed(conditions: Conditions, change: dict[str, dict[str, Any]]) -> Conditions:
    sections = {name: getattr(conditions, name).changed(**values) for name, values in change.items()}
    return conditions.changed(**sections)


def picture(structure: Structure, conditions: Conditions) -> Image:
    return simulate_micrograph(structure, conditions, seed=6).micrograph.data


def grey(image: Image, limits: NDArray[np.floating] | None) -> NDArray[np.uint8]:
    """Stretch to a few grey levels, between limits relative to the mean or between the image's own."""
    relative = image / image.mean()
    low, high = np.percentile(relative, [0.3, 99.7]) if limits is None else limits
    levels = np.clip((relative - low) / (high - low), 0, 1)
    return (np.round(levels * (GREYS - 1)) * (255 / (GREYS - 1))).astype(np.uint8)


# --- Realism: spectra, grey levels and particles of real and simulated micrographs --------------------


@dataclass(frozen=True)
class Subject:
    """A real set and the particle and ranges that stand for it."""

    name: str
    structure: Callable[[], Structure]
    micrographs: Callable[[], Iterator[tuple[Path, Path]]]
    kind: str | None
    label_error: float  # rms of the hand labels' errors along an axis, Å
    voltages: tuple[float, ...]
    coverage: tuple[float, float]
    crowd: dict[str, Any]


def apoferritin_files() -> Iterator[tuple[Path, Path]]:
    folder = SHARED / "data" / "apoferritin"
    for path in sorted((folder / "micrographs").glob("*.mrc")):
        yield path, folder / "truth" / f"{path.stem}.csv"


def single(folder: str, stem: str) -> Callable[[], Iterator[tuple[Path, Path]]]:
    base = SHARED / "data" / folder / stem
    return lambda: iter([(base.with_name(f"{stem}.mrc"), base.with_name(f"{stem}.csv"))])


SUBJECTS = (
    Subject("apoferritin", apoferritin_like, apoferritin_files, None, 5.0, (300.0,), (0.3, 0.6), {}),
    Subject(
        "hemocyanin",
        hemocyanin_like,
        single("klh", "01nov26b.008.001.001.002"),
        "top",
        10.0,
        (120.0, 200.0),
        (0.05, 0.2),
        {"preference": 1.0, "preference_spread": 6.0},
    ),
    Subject(
        "80S ribosome",
        lambda: load_structure(SHARED / "structures" / "4ug0.npz"),
        single("ribosome", "ribosome"),
        None,
        12.0,
        (300.0, 200.0),
        (0.1, 0.3),
        {},
    ),
)


@dataclass(frozen=True)
class Curves:
    """What is measured on one micrograph: power against frequency, grey levels, contrast against radius."""

    spectrum: NDArray[np.floating]
    levels: NDArray[np.floating]
    particle: NDArray[np.floating]


TITLES = {"spectrum": "power spectrum", "levels": "grey levels", "particle": "mean particle"}
BINS = np.linspace(-5, 5, 81)


def measure(image: Image, xy: NDArray[np.floating], reach_px: int) -> Curves:
    standard = (image - np.median(image)) / image.std()
    levels = np.histogram(standard, BINS, density=True)[0]
    return Curves(radial_spectrum(standard), levels, particle_profile(standard, xy, reach_px))


def radial_spectrum(image: Image) -> NDArray[np.floating]:
    """Mean power of half-overlapping windows, by frequency in steps of 1 / window."""
    taper = np.hanning(WINDOW)[:, None] * np.hanning(WINDOW)
    steps = [range(0, n - WINDOW + 1, WINDOW // 2) for n in image.shape]
    windows = [image[y : y + WINDOW, x : x + WINDOW] for y in steps[0] for x in steps[1]]
    power = np.mean([np.abs(np.fft.rfft2((w - w.mean()) * taper)) ** 2 for w in windows], axis=0)
    k = np.hypot(np.fft.fftfreq(WINDOW)[:, None], np.fft.rfftfreq(WINDOW)) * WINDOW
    return ndimage.mean(power, np.round(k), np.arange(1, WINDOW // 2)) / (taper**2).sum()


def particle_profile(image: Image, xy: NDArray[np.floating], reach: int) -> NDArray[np.floating]:
    """Mean of the particles about their centres, by distance in pixels."""
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    rings = np.round(np.hypot(y, x))
    places = np.round(xy).astype(int)
    inside = ((places >= reach) & (places < np.array(image.shape[::-1]) - reach)).all(axis=1)
    crops = [image[r - reach : r + reach + 1, c - reach : c + reach + 1] for c, r in places[inside]]
    if not crops:
        return np.full(reach, np.nan)
    return ndimage.mean(np.mean(crops, axis=0), rings, np.arange(reach))


def real_curves(subject: Subject) -> tuple[list[Curves], float, int]:
    curves, pixel_size, reach = [], 1.0, 1
    for path, truth in subject.micrographs():
        micrograph = read_micrograph(path)
        pixel_size = micrograph.pixel_size
        reach = round(0.75 * subject.structure().diameter / pixel_size)
        with truth.open() as file:
            rows = [row for row in csv.DictReader(file) if subject.kind in (None, row.get("kind"))]
        xy = np.array([[float(row["x"]), float(row["y"])] for row in rows])
        curves.append(measure(micrograph.data, xy, reach))
    return curves, pixel_size, reach


def simulated_curves(subject: Subject, pixel_size: float, reach: int) -> list[Curves]:
    """Curves of micrographs drawn from the default ranges; centres have the errors of hand labels."""
    config = SimulationConfig.model_validate(
        {
            "size": (1024, 1024),
            "pixel_size": (pixel_size, pixel_size),
            "coverage": subject.coverage,
            "contamination": 0.0,  # the real ones hold hardly any
            "optics": {"voltage_kv": subject.voltages},
            "crowd": {"empty": 0.0} | subject.crowd,
        }
    )
    structure, curves = subject.structure(), []
    for seed in range(SIMULATIONS):
        made = simulate_micrograph(structure, config, seed=seed)
        truth = made.truth
        if subject.kind == "top":
            tilt = truth.extra["rlnAngleTilt"]
            truth = truth[np.minimum(tilt, 180 - tilt) < 12]
        jitter = np.random.default_rng(seed).normal(0, subject.label_error / pixel_size, truth.xy.shape)
        curves.append(measure(made.micrograph.data, truth.xy + jitter, reach))
    return curves


def draw_realism() -> None:
    figure, axes = plt.subplots(len(SUBJECTS), 3, figsize=(11, 8.4), layout="constrained")
    for row, subject in zip(axes, SUBJECTS, strict=True):
        real, pixel_size, reach = real_curves(subject)
        simulated = simulated_curves(subject, pixel_size, reach)
        frequency = np.arange(1, WINDOW // 2) / (WINDOW * pixel_size)
        abscissas = {
            "spectrum": frequency,
            "levels": (BINS[1:] + BINS[:-1]) / 2,
            "particle": np.arange(reach) * pixel_size,
        }
        for ax, (name, x) in zip(row, abscissas.items(), strict=True):
            ours, theirs = (np.array([getattr(c, name) for c in curves]) for curves in (simulated, real))
            draw_curves(ax, x, real=theirs, simulated=ours, title=f"{subject.name}: {TITLES[name]}")
        row[0].set_yscale("log")
        row[1].set(yscale="log", ylim=(1e-4, 1))
    for ax, label in zip(
        axes[-1],
        ("frequency, 1/Å", "grey level, standard deviations", "distance from the centre, Å"),
        strict=True,
    ):
        ax.set_xlabel(label)
    axes[0, 0].legend(fontsize=8)
    IMAGES.mkdir(parents=True, exist_ok=True)
    figure.savefig(IMAGES / "realism.png", dpi=90)


def draw_curves(
    ax: Any,
    x: NDArray[np.floating],
    *,
    real: NDArray[np.floating],
    simulated: NDArray[np.floating],
    title: str,
) -> None:
    low, high = np.nanmin(simulated, axis=0), np.nanmax(simulated, axis=0)
    middle = np.nanpercentile(simulated, [10, 90], axis=0)
    inside = np.mean((real >= low) & (real <= high))
    print(f"{title:<32}{inside:6.1%} of the real curves lie inside the simulated")
    ax.fill_between(x, low, high, color="tab:orange", alpha=0.25, lw=0, label=f"{len(simulated)} simulated")
    ax.fill_between(x, *middle, color="tab:orange", alpha=0.45, lw=0, label="the middle 80 % of them")
    for i, curve in enumerate(real):
        ax.plot(x, curve, color="black", lw=0.7, label="real" if i == 0 else None)
    ax.set_title(title, fontsize=9)


# --- To look at ---------------------------------------------------------------------------------------


def look(folder: Path) -> None:
    for subject in SUBJECTS:
        path, _ = next(subject.micrographs())
        real = read_micrograph(path)
        config = SimulationConfig.model_validate(
            {
                "size": (1024, 1024),
                "pixel_size": (real.pixel_size,) * 2,
                "coverage": subject.coverage,
                "optics": {"voltage_kv": subject.voltages},
                "crowd": {"empty": 0.0} | subject.crowd,
            }
        )
        for seed in range(4):
            made = simulate_micrograph(subject.structure(), config, seed=seed).micrograph.data
            both = np.hstack([grey(real.data[:1024, :1024], None), grey(made, None)])
            write_png(folder / f"{subject.name}_{seed}.png", both, bits=8, limits=(0, 255))


def main() -> None:
    wanted = sys.argv[1:] or ["gallery", "realism"]
    if "gallery" in wanted:
        draw_gallery()
    if "realism" in wanted:
        draw_realism()
    if "look" in wanted:
        look(Path(wanted[wanted.index("look") + 1]))


if __name__ == "__main__":
    main()

"""2D class averages of picks by RELION: the proof that they are particles.

Picks a folder of micrographs, extracts the picks, runs RELION's 2D classification on them and draws the class
averages, the largest class first. Needs `relion_refine`; takes half an hour on two cores. Run as

    python benchmarks/class_averages.py MICROGRAPHS --angpix 1.5 --work /tmp/classes
"""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path

import cv2
import mrcfile
import numpy as np
from numpy.typing import NDArray

from cryoglean.io import write_png
from cryoglean.io.formats.star import find_block, read_star

IMAGE_PX, MAGNIFIED = 40, 3
"""Pixels of an extracted particle, and how often its average is magnified in the figure."""


def run(*command: str, cwd: Path) -> None:
    print(" ".join(command), flush=True)
    subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.DEVNULL)


def classify(star: str, options: argparse.Namespace) -> Path:
    """Run RELION's 2D classification without CTF correction; return the last model."""
    settings = {
        "--i": star,
        "--o": "Class2D/run",
        "--K": options.classes,
        "--iter": options.iterations,
        "--particle_diameter": options.mask,
        "--tau2_fudge": 2,
        "--oversampling": 0,
        "--psi_step": 10,
        "--offset_range": 3,
        "--offset_step": 1,
        "--pool": 100,
        "--random_seed": 1,
        "--j": options.threads,
    }
    flags = ["--zero_mask", "--flatten_solvent", "--norm", "--scale", "--preread_images"]
    (options.work / "Class2D").mkdir(exist_ok=True)
    words = [str(word) for pair in settings.items() for word in pair]
    run("nice", "relion_refine", *words, *flags, "--dont_combine_weights_via_disc", cwd=options.work)
    return options.work / f"Class2D/run_it{options.iterations:03d}_model.star"


def class_averages(model: Path) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Read the averages and the share of particles of each class, the largest first."""
    block = find_block(read_star(model), "rlnReferenceImage", "rlnClassDistribution")
    assert block is not None
    share = block.floats("rlnClassDistribution")
    stack = mrcfile.read(model.with_name(model.name.replace("_model.star", "_classes.mrcs")))
    order = np.argsort(-share)
    return stack[order], share[order]


def draw(averages: NDArray[np.float32], path: Path) -> None:
    """Put averages side by side, each between its own extremes."""
    tiles = []
    for image in averages:
        stretched = (image - image.min()) / max(float(np.ptp(image)), 1e-12)
        large = cv2.resize(stretched, None, fx=MAGNIFIED, fy=MAGNIFIED, interpolation=cv2.INTER_CUBIC)
        tiles.append(np.pad(large, 2, constant_values=1))
    write_png(path, np.hstack(tiles), bits=8, limits=(0, 1))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("micrographs", type=Path)
    parser.add_argument("--angpix", type=float, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--mask", type=float, default=135.0, help="diameter of RELION's mask, Å")
    parser.add_argument("--classes", type=int, default=6)
    parser.add_argument("--iterations", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--figure", type=Path, default=Path("docs/images/class-averages.png"))
    options = parser.parse_args()
    micrographs = str(options.micrographs.resolve())
    options.work.mkdir(parents=True, exist_ok=True)
    run("cryoglean", "pick", micrographs, "--out", "Pick", "--angpix", str(options.angpix), cwd=options.work)
    run(
        *("cryoglean", "extract", "Pick", "--micrographs", micrographs, "--out", "Extract"),
        *("--scale", str(IMAGE_PX), "--angpix", str(options.angpix)),
        cwd=options.work,
    )
    averages, share = class_averages(classify("Extract/particles.star", options))
    draw(averages, options.figure)
    print("share of the particles in each class:", ", ".join(f"{100 * part:.0f} %" for part in share))


if __name__ == "__main__":
    main()

"""Time the default picker from file to STAR, and compare it with scikit-image's blob_log in the same run.

    python benchmarks/speed.py [DATA] [--repeats 5]

DATA holds the folder `apoferritin` (default: ../shared/data beside the project); its first micrograph is
picked as it is, 1240 × 1200, and tiled to 4096 × 4096 float32. Printed is the best of several runs, after
imports: wall-clock time, which other work on the machine lengthens, and processor time of all threads.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import mrcfile
import numpy as np
from skimage.feature import blob_log

from cryoglean.io import read_micrograph
from cryoglean.io.formats.relion import write_coordinates
from cryoglean.pickers import find_alone, measure_size
from cryoglean.pickers.settings import PickConfig
from cryoglean.pickers.template.picker import TemplatePicker
from cryoglean.select import select
from cryoglean.select.settings import SelectConfig
from cryoglean.types import ParticleSize

SIZE = ParticleSize(114.0, "dark")
THREADS = 2


def pick_file(source: Path, star: Path, size: ParticleSize | None) -> int:
    """Pick a micrograph whose particles' size is known, or measured in it."""
    picker, micrograph = TemplatePicker(), read_micrograph(source)
    found = find_alone(picker, micrograph) if size is None else picker.find(micrograph, size)
    picks = select(found, SelectConfig(min_score=picker.recommended_score))
    write_coordinates(picks, star)
    return len(picks)


def best_times(call: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Return the shortest wall-clock and processor times of some runs, seconds."""
    wall, processor = [], []
    for _ in range(repeats):
        start = time.perf_counter(), time.process_time()
        call()
        wall.append(time.perf_counter() - start[0])
        processor.append(time.process_time() - start[1])
    return min(wall), min(processor)


def tile(source: Path, target: Path) -> None:
    image = read_micrograph(source)
    copies = [-(-4096 // length) for length in image.shape]
    with mrcfile.new(target) as file:
        file.set_data(np.ascontiguousarray(np.tile(image.data, copies)[:4096, :4096]))
        file.voxel_size = image.pixel_size


def blob_log_on_binned(source: Path) -> int:
    """Let blob_log find blobs from half to one and a half diameters where the particle measures 24 pixels."""
    picker = TemplatePicker()
    binned = picker.stages(read_micrograph(source), SIZE)["resampled"]
    sigma = picker.config.working_px / (2 * np.sqrt(2))
    return len(blob_log(binned, min_sigma=sigma / 2, max_sigma=1.5 * sigma, num_sigma=10, threshold=0))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = Path(__file__).resolve().parents[1] / "../shared/data"
    parser.add_argument("data", type=Path, nargs="?", default=default)
    parser.add_argument("--repeats", type=int, default=5)
    chosen = parser.parse_args()
    sources = sorted((chosen.data / "apoferritin/micrographs").glob("*.mrc"))
    if not sources:
        raise SystemExit(f"{chosen.data}: holds no apoferritin/micrographs/*.mrc; name the right folder")
    cv2.setNumThreads(THREADS)
    print("| micrograph | diameter | picks | wall, s | processor, s |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        large, star = Path(folder) / "large.mrc", Path(folder) / "picks.star"
        tile(sources[0], large)
        found = 0.0
        for field, source in (("1240 × 1200", sources[0]), ("4096 × 4096", large)):
            for known, size in (("found", None), ("given", SIZE)):
                number = pick_file(source, star, size)
                wall, processor = best_times(lambda s=source, z=size: pick_file(s, star, z), chosen.repeats)
                found = found or processor
                print(f"| {field} | {known} | {number} | {wall:.2f} | {processor:.2f} |")
            wall, processor = best_times(
                lambda s=source: measure_size(PickConfig(), [read_micrograph(s)]), chosen.repeats
            )
            print(f"| {field} | found for a run, with its method | – | {wall:.2f} | {processor:.2f} |")
        wall, processor = best_times(lambda: blob_log_on_binned(sources[0]), chosen.repeats)
        print(f"| 1240 × 1200, binned: blob_log | given | {blob_log_on_binned(sources[0])} ", end="")
        print(f"| {wall:.2f} | {processor:.2f} |")
    print(f"\nblob_log on the binned 1240 × 1200 takes {processor / found:.1f} times the processor time of")
    print("cryoglean on the whole way from file to STAR, finding the diameter included.")


if __name__ == "__main__":
    main()

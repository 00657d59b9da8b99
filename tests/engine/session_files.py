"""Drawing micrographs for runs, and reading what a run leaves."""

from pathlib import Path

import numpy as np

from cryoglean.engine.records import read_record

SIDE, PARTICLE = 200, 24


def draw_micrograph(rng: np.random.Generator, *, particles: int) -> np.ndarray:
    """Dark discs in noise, one in each of some cells of a grid."""
    y, x = np.mgrid[:SIDE, :SIDE]
    image = rng.normal(0, 1, (SIDE, SIDE)).astype(np.float32)
    cells = [(18 + 40 * i, 18 + 40 * j) for i in range(5) for j in range(5)]
    for index in rng.permutation(len(cells))[:particles]:
        row, column = np.array(cells[index]) + rng.uniform(-4, 4, 2)
        image[(y - row) ** 2 + (x - column) ** 2 < (PARTICLE / 2) ** 2] -= 2
    return image


def ignore(_: object) -> None:
    """Take an event of a run and do nothing, where a test asks only for what the run leaves."""


def left_by(root: Path) -> dict[str, object]:
    """Everything in a run's folder that must not depend on how, and how often, it was started."""
    files = [*root.glob("picks/*"), root / "autopick.star", root / "picks.csv", root / "config.toml"]
    left: dict[str, object] = {str(path.relative_to(root)): path.read_bytes() for path in files}
    # The list names coordinate files by their place, which is the folder's own.
    left["autopick.star"] = left["autopick.star"].replace(str(root).encode(), b"RUN")
    for path in root.glob("jobs/*"):
        record = read_record(path)
        found = record.candidates
        left[f"jobs/{path.name}"] = record.error or (
            found.xy.tobytes(),
            found.score.tobytes(),
            found.diameter.tobytes(),
            tuple(found.kind),
        )
    return left


def partials(root: Path) -> list[Path]:
    """Whatever was not finished."""
    return [path for path in root.rglob("*") if ".partial." in path.name]

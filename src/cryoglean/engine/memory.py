"""How much memory a job needs, told from the micrograph's header before it is begun."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryoglean.engine.plan import Job
from cryoglean.engine.resources import memory_given
from cryoglean.errors import MicrographError
from cryoglean.io import read_header
from cryoglean.io.headers import believed_pixel_size
from cryoglean.pickers.settings import PickConfig

GIB = 2**30
PROCESS = 150 * 2**20
"""Bytes that a worker takes before it reads anything."""
BYTES_PER_PIXEL = 8
"""Bytes for each pixel of the micrograph: as it is stored, and as float32."""
BYTES_PER_WORKING_PIXEL = 80
"""Bytes for each pixel at the working scale: measured, and a fifth more."""
SMALLEST_FOUND = 16 / 1024
"""No diameter below this part of the longer side is found where none is given."""
DEFAULT_SHARE = 0.8
"""Part of the memory given that is used where the user does not say."""


@dataclass(frozen=True)
class Budget:
    """Memory that all jobs at a time may take together.

    Parameters
    ----------
    total : int
        Bytes.
    config : PickConfig
        The resolved configuration, which decides what a job needs.
    """

    total: int
    config: PickConfig

    def need(self, job: Job) -> int:
        """Return how many bytes a job needs, with its process."""
        try:
            header = read_header(job.path)
        except MicrographError:
            # The job itself will say so.
            return PROCESS
        known = believed_pixel_size(header, job.micrograph, given=self.config.angpix)
        return memory_need(header.shape, known.angstrom or 1.0, self.config)

    def require_room(self, path: Path) -> None:
        """Make sure that a micrograph can be read, by its header.

        Raises
        ------
        MicrographError
            It cannot be read, or would not fit into the memory.
        """
        ny, nx = read_header(path).shape
        refusal = self.refusal(PROCESS + BYTES_PER_PIXEL * ny * nx)
        if refusal:
            raise MicrographError(path, refusal)

    def refusal(self, need: int) -> str | None:
        """Say why a job that needs so much cannot be done at all; None where it can."""
        if need <= self.total:
            return None
        wanted, allowed = need / GIB, self.total / GIB
        return f"needs about {wanted:.2g} GiB of memory, {allowed:.2g} GiB are allowed (raise --memory)"


def budget_of(memory: float | None, config: PickConfig) -> Budget:
    """Return the budget that the user allows, in GiB, or most of what this process was given."""
    return Budget(int(DEFAULT_SHARE * memory_given() if memory is None else memory * GIB), config)


def memory_need(shape: tuple[int, int], pixel_size: float, config: PickConfig) -> int:
    """Return how many bytes it takes to pick a micrograph, with the process that does it.

    Parameters
    ----------
    shape : tuple of int
        (ny, nx).
    pixel_size : float
        Å.
    config : PickConfig
        Diameter and method decide at which scale the work is done.
    """
    pixels = shape[0] * shape[1]
    diameter = config.diameter[0] if isinstance(config.diameter, tuple) else config.diameter
    diameter_px = max(shape) * SMALLEST_FOUND if diameter is None else diameter / pixel_size
    working = pixels * (config.method.working_px / diameter_px) ** 2
    return int(PROCESS + BYTES_PER_PIXEL * pixels + BYTES_PER_WORKING_PIXEL * working)

"""What of the machine this process was given, and its share for each worker."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")


def cores_given() -> int:
    """Return how many processor cores this process may use: by its affinity, and by its control groups."""
    affine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = [limit.split() for limit in _limits("cpu.max")]
    whole = [int(quota) // int(period) for quota, period in quotas if quota != "max"]
    return max(1, min([affine, *whole]))


def memory_given() -> int:
    """Return how many bytes of memory this process may use: the machine's, or less by its control groups."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([total, *(int(limit) for limit in _limits("memory.max") if limit != "max")])


def _limits(name: str) -> Iterator[str]:
    """Give what the control group of this process, and each one above it, says of a resource."""
    try:
        own = Path("/proc/self/cgroup").read_text().strip().split("::")[-1].lstrip("/")
    except OSError:
        return
    for group in (_CGROUPS / own, *(_CGROUPS / own).parents):
        with suppress(OSError):
            yield (group / name).read_text().strip()
        if group == _CGROUPS:
            return


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Let numerical libraries use `number` threads inside; their results do not depend on it."""
    import cv2
    from scipy import fft

    before = cv2.getNumThreads()
    cv2.setNumThreads(number)
    try:
        with fft.set_workers(number):
            yield
    finally:
        cv2.setNumThreads(before)

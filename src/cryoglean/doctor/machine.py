"""Checks of the machine: room, processors, and the networks that come with the program."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from cryoglean.doctor.findings import Finding
from cryoglean.engine.resources import cores_given, memory_given
from cryoglean.errors import CryogleanError
from cryoglean.io import Header

_GIB = 1024**3
_MIN_ROOM = 1.0
"""GiB on the disk below which a run is likely to end early."""

_BYTES_A_PIXEL = 40
"""Memory that picking takes for each pixel of a micrograph, about."""


def check_machine(out: Path, largest: Header | None) -> Iterator[Finding]:
    """Say what the machine offers a run.

    Parameters
    ----------
    out : Path
        A folder that results go to; it need not be there yet.
    largest : Header, optional
        The largest micrograph.
    """
    there = next(folder for folder in (out.absolute(), *out.absolute().parents) if folder.is_dir())
    free = shutil.disk_usage(there).free / _GIB
    advice = "" if free >= _MIN_ROOM else "; free some, or choose another place with --out"
    yield Finding("disk", "warning" if advice else "ok", f"{free:.1f} GiB are free for results{advice}")
    cores, memory = cores_given(), memory_given() / _GIB
    text = f"{cores} processor cores and {memory:.1f} GiB of memory for this process"
    need = largest.shape[0] * largest.shape[1] * _BYTES_A_PIXEL / _GIB if largest else 0.0
    short = need > memory
    yield Finding(
        "machine", "warning" if short else "ok", text + (f"; {need:.1f} are wanted" if short else "")
    )
    yield _check_models()


def _check_models() -> Finding:
    """Say which weights there are, and what would run them."""
    from cryoglean.networks.weights import list_weights

    try:
        names = [weights.folder.name for weights in list_weights()]
    except CryogleanError as error:
        return Finding("network", "problem", f"{error}; install the program again")
    if not names:
        return Finding("network", "warning", "no weights are installed; the unsupervised picker needs none")
    if find_spec("onnxruntime") is None:
        return Finding("network", "warning", f"weights {', '.join(names)}, but no onnxruntime to run them")
    import onnxruntime

    runs = [name.removesuffix("ExecutionProvider") for name in onnxruntime.get_available_providers()]
    gpu = any(name in ("CUDA", "TensorRT", "ROCM", "MIGraphX", "DML") for name in runs)
    how = f"on {', '.join(runs)}" if gpu else "on the CPU, which is what they are made for"
    return Finding("network", "ok", f"weights {', '.join(names)} run {how}")

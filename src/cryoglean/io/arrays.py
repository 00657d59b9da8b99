"""Arrays in npz files: those that are wanted, of the types and shapes that are wanted, without pickle."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from cryoglean.io.limits import open_file

#: Bytes that the arrays of one file may unpack to; a shard of 256 tiles takes 64 MiB.
MAX_UNPACKED_BYTES = 4 * 2**30

Layout = Mapping[str, tuple[DTypeLike | str, str]]
"""Type and shape of each array by name: a dtype, or letters of kinds; lengths as numbers, or letters for any.

A letter stands for one length wherever it is: ``{"image": (np.uint8, "n s s"), "kind": ("iu", "n")}``.
"""


def read_arrays(path: Path, layout: Layout) -> dict[str, NDArray[Any]]:
    """Read the arrays of an npz file.

    Parameters
    ----------
    path : Path
        The file.
    layout : mapping
        What is wanted; other arrays are not read.

    Raises
    ------
    ValueError
        The file cannot be read or is none, or an array is missing or another; the message says which.
    """
    try:
        with open_file(path) as file, zipfile.ZipFile(file) as packed:
            size = sum(packed.getinfo(f"{name}.npy").file_size for name in layout)
            if size > MAX_UNPACKED_BYTES:
                raise ValueError(f"its arrays unpack to {size / 2**30:.1f} GiB, which is more than is read")
            arrays = {name: _array(packed, name) for name in layout}
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from None
    except KeyError as error:
        raise ValueError(f"there is no array of the name {error.args[0]!r}") from None
    except MemoryError:
        raise ValueError("an array that is larger than the memory") from None
    except ValueError:
        raise
    except Exception as error:  # noqa: BLE001 - zipfile, zlib and numpy raise whatever damage leads to
        raise ValueError(f"{type(error).__name__}: {' '.join(str(error).split())[:200]}") from None
    lengths: dict[str, int] = {}
    for name, array in arrays.items():
        lengths |= _lengths(array, layout[name], lengths, name=name)
    return arrays


def _array(packed: zipfile.ZipFile, name: str) -> NDArray[Any]:
    with packed.open(f"{name}.npy") as member:
        array: NDArray[Any] = np.lib.format.read_array(member, allow_pickle=False)
    return array


def _lengths(
    array: NDArray[Any], wanted: tuple[DTypeLike | str, str], known: Mapping[str, int], *, name: str
) -> dict[str, int]:
    """Compare an array with what is wanted, and return the lengths that its letters stand for."""
    kind, shape = wanted
    sides = shape.split()
    fits = array.dtype.kind in kind if isinstance(kind, str) else array.dtype == np.dtype(kind)
    if fits and array.ndim == len(sides):
        found = {side: got for side, got in zip(sides, array.shape, strict=True) if not side.isdecimal()}
        due = [int(side) if side.isdecimal() else known.get(side, found[side]) for side in sides]
        if tuple(due) == array.shape and not _has_no_numbers(array):
            return found
    what = "values that are no numbers" if _has_no_numbers(array) else f"{str(array.dtype)[:60]}"
    raise ValueError(f"the array {name} holds {what} of shape {array.shape}")


def _has_no_numbers(array: NDArray[Any]) -> bool:
    return array.dtype.kind == "f" and not bool(np.isfinite(array).all())

"""Damage of every kind, from a seed: the same number gives the same damage."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

INTEGERS = (0, 1, -1, 2, 3, 7, 255, 256, 32767, -32768, 65535, 2**31 - 1, -(2**31), 2**32 - 1, 2**53, 10**30)
FLOATS = (0.0, -0.0, 1e-300, 1e300, float("inf"), float("-inf"), float("nan"), 0.5, -1.5)
WORDS = (
    *("", " ", "x", "../../victim", "/etc/passwd", "a/b", ".", "..", "\0", "'", '"', "<script>", "=1+1"),
    *("9.0", "é", "\u2028", "\ud800", "a" * 5000, "NaN", "1e999", "-1", "null", "%s", "{}", "\n", "2@x.mrcs"),
)
PIECES = (
    *(b"", b"\0", b"\xff", b"\n", b"'", b'"', b"#", b"nan", b"1e999", b"9" * 400, b"[" * 200, b"{"),
    *(b"loop_\n", b"_", b"data_x\n", b",", b"\t", b"\r"),
)


def bytes_from(seed: int, raw: bytes, others: Sequence[bytes] = ()) -> bytes:
    """Damage the bytes of a file, most in its header: some changed, cut, doubled, moved or replaced."""
    rng = np.random.default_rng(seed)
    damaged = bytearray(raw)
    for _ in range(rng.integers(1, 5)):
        size = len(damaged)
        # Headers are where a little damage does most.
        at = int(rng.integers(0, max(1, size if rng.random() < 0.3 else min(size, 1200))))
        match rng.integers(0, 9):
            case 0:
                damaged[at : at + 1] = bytes([rng.integers(0, 256)])
            case 1:
                del damaged[int(rng.integers(0, size + 1)) :]
            case 2:
                number = INTEGERS[rng.integers(0, len(INTEGERS))]
                order, width = rng.choice(["<", ">"]), int(rng.choice([2, 4, 8]))
                code = {2: "H", 4: "I", 8: "Q"}[width]
                damaged[at : at + width] = struct.pack(order + code, number % 2 ** (8 * width))
            case 3:
                with np.errstate(over="ignore"):
                    damaged[at : at + 4] = np.float32(FLOATS[rng.integers(0, len(FLOATS))]).tobytes()
            case 4:
                damaged[at:at] = PIECES[rng.integers(0, len(PIECES))]
            case 5:
                length = int(rng.integers(1, 200))
                damaged[at : at + length] = rng.integers(0, 256, length, np.uint8).tobytes()
            case 6:
                length = int(rng.integers(1, 400))
                del damaged[at : at + length]
            case 7:
                length = int(rng.integers(1, 400))
                damaged[at:at] = damaged[at : at + length]
            case _:
                other = others[rng.integers(0, len(others))] if others else bytes(100)
                damaged[at:] = other[at:]
    return bytes(damaged)


def json_from(seed: int, text: str) -> str:
    """Damage one or two values of JSON, which stays JSON: of another kind, missing, doubled or absurd."""
    rng = np.random.default_rng(seed)
    whole = json.loads(text)
    for _ in range(rng.integers(1, 3)):
        places = list(_places(whole))
        if not places:
            break
        holder, key = places[rng.integers(0, len(places))]
        match rng.integers(0, 6):
            case 0:
                del holder[key]
            case 1:
                holder[key] = [holder[key], holder[key]]
            case 2:
                holder[key] = {"of another kind": holder[key]}
            case 3 if isinstance(holder, dict):
                holder[f"{key}_new"] = holder[key]
            case _:
                values: list[Any] = [*INTEGERS, *FLOATS, *WORDS, None, True, [], {}, [[1]], [None]]
                holder[key] = values[rng.integers(0, len(values))]
    return json.dumps(whole)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in list(keys):
        yield value, key
        yield from _places(value[key])

"""Settings from TOML files."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from cryoglean.errors import FileError
from cryoglean.io.limits import read_file


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises
    ------
    FileError
        It cannot be read, or is none.
    """
    try:
        return tomllib.loads(read_file(path).decode("utf-8-sig"))
    except OSError as error:
        raise FileError(path, f"cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise FileError(path, f"not a TOML file: {str(error)[:300]}") from None

"""Files in and out: micrographs, movies, coordinates; the only room that knows file formats."""

from typing import TYPE_CHECKING, Any

from cryoglean.io.headers import Header
from cryoglean.io.inputs import expand_inputs
from cryoglean.io.micrographs import (
    micrograph_name,
    read_header,
    read_micrograph,
    usable,
    write_mrc,
    write_png,
)

if TYPE_CHECKING:
    from cryoglean.io.movies import Movie, open_movie

__all__ = [
    "Header",
    "Movie",
    "expand_inputs",
    "micrograph_name",
    "open_movie",
    "read_header",
    "read_micrograph",
    "usable",
    "write_mrc",
    "write_png",
]


def __getattr__(name: str) -> Any:
    # Movies need the configuration, whose models take longer to build than all the rest here to import.
    if name in ("Movie", "open_movie"):
        from cryoglean.io import movies

        return getattr(movies, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

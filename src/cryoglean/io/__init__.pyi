from .headers import Header
from .inputs import expand_inputs
from .micrographs import (
    micrograph_name,
    read_header,
    read_micrograph,
    usable,
    write_mrc,
    write_png,
)
from .movies import Movie, open_movie

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

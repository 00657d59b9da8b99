"""What travels through cryoglean: micrographs, resampled images, the particles' size, picks and matches.

All are immutable and their arrays are read-only, so a value can be shared between threads and kept in
results without a copy. The frame of reference is one throughout: images are indexed ``[y, x]`` in the row
order stored in the MRC file, coordinates ``xy`` are 0-based with pixel centres at integers, lengths are in Å
unless a suffix (``_px``, ``_um``, ``_kv``) says otherwise.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatImage = NDArray[np.float32]
Mask = NDArray[np.bool_]
Kind = Literal["particle", "top", "side"]
Contrast = Literal["dark", "bright"]
GivenDiameter = float | tuple[float, float]
"""What a user says of the particles' diameter, Å: it, or the smallest and the largest that it can be."""

SIGN_OF: Mapping[Contrast, float] = MappingProxyType({"dark": -1.0, "bright": 1.0})
"""Sign of a particle's signal by its contrast; the one place where it is decided."""


def _frozen(values: ArrayLike, dtype: Any) -> NDArray[Any]:
    """Return a read-only view of `values`, without a copy where the type already fits."""
    view = np.asarray(values, dtype=dtype).view()
    view.setflags(write=False)
    return view


@dataclass(frozen=True)
class MicrographFile(os.PathLike[str]):
    """Which micrograph: it is known by its path. Names are short for paths, and several may share one.

    Parameters
    ----------
    path : Path
        Where it lies.
    listed : str
        Its path as the input has it, which RELION compares letter by letter; that of `path` if not given.
    pixel_size : float, optional
        Å per pixel by the STAR file that names it; None where none does or it does not say.
    movie_pixel_size : float, optional
        Å per pixel of its movie, before motion correction may have binned it; likewise.
    told_by : str
        What says so, for messages.
    remarks : tuple of str
        What else is said of its pixel size that contradicts this.
    """

    path: Path
    listed: str = ""
    pixel_size: float | None = None
    movie_pixel_size: float | None = None
    told_by: str = "the STAR file says"
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.listed:
            object.__setattr__(self, "listed", str(self.path))

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        return self.listed

    @classmethod
    def of(cls, path: Path | str | MicrographFile) -> MicrographFile:
        """Return the micrograph of a path that nothing else is known of."""
        return path if isinstance(path, MicrographFile) else cls(Path(path))

    @property
    def name(self) -> str:
        """The file's name, without folders."""
        return self.path.name

    @cached_property
    def location(self) -> str:
        """The absolute path, by which two are told to be one; links to folders are followed."""
        return str(self.path.parent.resolve() / self.path.name)


@dataclass(frozen=True, eq=False)
class Micrograph:
    """One micrograph in memory.

    Parameters
    ----------
    data : ndarray of float32, shape (ny, nx)
        Pixel values in the stored row order.
    name : str
        File name without folders and extensions; picks are filed under it.
    pixel_size : float
        Å per pixel.
    calibrated : bool
        False where the file gave no credible pixel size and 1 Å was assumed, so that lengths are pixels.
    path : Path, optional
        Where it came from.
    warnings : tuple of str
        What was strange about the file.
    """

    data: FloatImage
    name: str = "micrograph"
    pixel_size: float = 1.0
    calibrated: bool = True
    path: Path | None = None
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "data", _frozen(self.data, np.float32))
        if self.data.ndim != 2:
            raise ValueError(f"a micrograph has two dimensions, got shape {self.data.shape}")
        if not self.pixel_size > 0:
            raise ValueError(f"the pixel size must be positive, got {self.pixel_size} Å")

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns, (ny, nx)."""
        return (self.data.shape[0], self.data.shape[1])

    @property
    def listed(self) -> str:
        """Its path as text; '' where it came from none."""
        return "" if self.path is None else str(self.path)

    @property
    def known_pixel_size(self) -> float | None:
        """Å per pixel; None where it is not known."""
        return self.pixel_size if self.calibrated else None

    def with_data(self, data: FloatImage) -> Self:
        """Return the same micrograph with other pixel values of the same scale."""
        return replace(self, data=data)


@dataclass(frozen=True, eq=False)
class ResampledImage:
    """An image made from a micrograph at another pixel size, with the exact way back.

    Parameters
    ----------
    data : ndarray of float32, shape (my, mx)
        The values.
    step : tuple of float
        Micrograph pixels per pixel of the image, (y, x).
    offset : tuple of float
        Micrograph coordinate of the image's pixel (0, 0), (y, x): ``(step - 1) / 2`` where it was made by
        averaging blocks, 0 where it was made by cropping the Fourier transform.
    """

    data: FloatImage
    step: tuple[float, float] = (1.0, 1.0)
    offset: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "data", _frozen(self.data, np.float32))

    def to_micrograph(self, xy: ArrayLike) -> NDArray[np.float64]:
        """Coordinates in the image (n, 2), as x, y, to micrograph pixels."""
        micrograph: NDArray[np.float64] = np.asarray(xy, np.float64).reshape(-1, 2) * np.array(
            self.step[::-1]
        ) + np.array(self.offset[::-1])
        return micrograph

    def from_micrograph(self, xy: ArrayLike) -> NDArray[np.float64]:
        """Micrograph coordinates (n, 2), as x, y, to pixels of the image."""
        shifted = np.asarray(xy, np.float64).reshape(-1, 2) - np.array(self.offset[::-1])
        own: NDArray[np.float64] = shifted / np.array(self.step[::-1])
        return own


@dataclass(frozen=True)
class ParticleSize:
    """How large the particles of some micrographs are, and whether they are dark or bright.

    Parameters
    ----------
    diameter : float
        Particle diameter, Å.
    contrast : {'dark', 'bright'}
        Whether particles are darker than the ice, as usual, or brighter.
    source : {'given', 'discs', 'networks'}
        What it rests on: the user's word, discs that stand out, or what the networks recognise.
    support : float
        Part of the area that speaks for it: by which discs of this size outweigh those of the opposite
        contrast, or which lies under particles that the networks are sure of. 0 where it was not measured.
    """

    diameter: float
    contrast: Contrast = "dark"
    source: Literal["given", "discs", "networks"] = "given"
    support: float = 0.0

    def __post_init__(self) -> None:
        if not self.diameter > 0:
            raise ValueError(f"a particle's diameter must be positive, got {self.diameter} Å")

    @property
    def sign(self) -> float:
        """−1 for dark particles, 1 for bright ones."""
        return SIGN_OF[self.contrast]


@dataclass(frozen=True, eq=False)
class Picks:
    """The particles found in one micrograph; possibly none, never None.

    Parameters
    ----------
    xy : array, shape (n, 2)
        Centres in pixels of the original micrograph, x = column, y = stored row, 0-based.
    score : array, shape (n,), optional
        Figure of merit in [0, 1]; 1 where not given. Truth and foreign files may hold other ranges.
    diameter : array, shape (n,), or float
        Particle diameter in Å; NaN where unknown.
    kind : array of str, shape (n,), optional
        'particle', 'top' or 'side'.
    name : str
        The micrograph's short name, without folder and extension.
    shape : tuple of int
        The micrograph's (ny, nx); (0, 0) where unknown.
    pixel_size : float, optional
        Å per pixel of the micrograph; None where unknown.
    path : str
        The micrograph's path as the source of the picks has it; '' where the name is all that it says.
    extra : mapping of str to array
        Further columns of n values each, by name; foreign columns survive a conversion here.
    in_pixels : bool
        Whether diameters are in pixels, as these were of unknown size when they were found.
    """

    xy: NDArray[np.float64]
    score: NDArray[np.float64] = field(default_factory=lambda: np.ones(0))
    diameter: NDArray[np.float64] = field(default_factory=lambda: np.full(0, np.nan))
    kind: NDArray[np.str_] = field(default_factory=lambda: np.full(0, "particle"))
    name: str = "micrograph"
    shape: tuple[int, int] = (0, 0)
    pixel_size: float | None = None
    extra: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    path: str = ""
    in_pixels: bool = False

    def __post_init__(self) -> None:
        xy = _frozen(np.asarray(self.xy, np.float64).reshape(-1, 2), np.float64)
        n = len(xy)
        object.__setattr__(self, "xy", xy)
        defaults: dict[str, Any] = {"score": 1.0, "diameter": np.nan, "kind": "particle"}
        for column, default in defaults.items():
            values: NDArray[Any] = np.asarray(getattr(self, column))
            if values.ndim == 0 or (len(values) == 0 and n):
                values = np.full(n, values if values.ndim == 0 else default)
            object.__setattr__(self, column, _frozen(values, np.str_ if column == "kind" else np.float64))
        extra = {key: _frozen(np.asarray(values), None) for key, values in self.extra.items()}
        object.__setattr__(self, "extra", MappingProxyType(extra))
        for column in ("score", "diameter", "kind", *extra):
            length = len(extra[column] if column in extra else getattr(self, column))
            if length != n:
                raise ValueError(f"{n} coordinates but {length} values of {column}")

    @classmethod
    def empty(cls, micrograph: Micrograph) -> Self:
        """Return no picks at all of a micrograph."""
        return cls(
            np.zeros((0, 2)),
            name=micrograph.name,
            path=micrograph.listed,
            shape=micrograph.shape,
            pixel_size=micrograph.known_pixel_size,
            in_pixels=not micrograph.calibrated,
        )

    def __repr__(self) -> str:
        words = [f"{len(self):,}"]
        if len(self):
            words.append(f"score {self.score.min():.2f} to {self.score.max():.2f}")
        known = self.diameter[np.isfinite(self.diameter)]
        if len(known):
            words.append(f"diameter {np.median(known):.0f} {'pixels' if self.in_pixels else 'Å'}")
        return f"<Picks of {self.name}: {', '.join(words)}>"

    def __reduce__(self) -> tuple[Any, ...]:
        # A mapping proxy does not pickle; workers send picks between processes.
        columns = (self.xy, self.score, self.diameter, self.kind)
        about = (self.name, self.shape, self.pixel_size, dict(self.extra), self.path, self.in_pixels)
        return (type(self), (*columns, *about))

    def __len__(self) -> int:
        return len(self.xy)

    def __getitem__(self, index: Any) -> Self:
        """Return the picks that a slice, an index array or a boolean mask selects, as numpy would."""
        rows = np.arange(len(self))[index]
        rows = np.atleast_1d(rows)
        return replace(
            self,
            xy=self.xy[rows],
            score=self.score[rows],
            diameter=self.diameter[rows],
            kind=self.kind[rows],
            extra={key: values[rows] for key, values in self.extra.items()},
        )

    @property
    def micrograph(self) -> str:
        """The micrograph by the best that is known of it: its path, or else its name."""
        return self.path or self.name

    @property
    def diameter_px(self) -> NDArray[np.float64]:
        """Particle diameters in pixels of the micrograph; NaN where unknown."""
        if self.in_pixels:
            return self.diameter
        return self.diameter / (np.nan if self.pixel_size is None else self.pixel_size)

    @property
    def diameter_angstrom(self) -> NDArray[np.float64]:
        """Particle diameters in Å; NaN where unknown."""
        return np.full(len(self), np.nan) if self.in_pixels else self.diameter

    def with_pixel_size(self, pixel_size: float | None) -> Self:
        """Return the picks of a micrograph whose pixel size is now known, Å; diameters in pixels become Å."""
        if pixel_size is None:
            return self
        diameter = self.diameter * (pixel_size if self.in_pixels else 1.0)
        return replace(self, pixel_size=pixel_size, diameter=diameter, in_pixels=False)

    def by_score(self) -> Self:
        """Return the picks in falling order of score; equal scores by y, then x."""
        return self[np.lexsort((self.xy[:, 0], self.xy[:, 1], -self.score))]


@dataclass(frozen=True, eq=False)
class Matches:
    """A one-to-one assignment of picks to true particles.

    Parameters
    ----------
    truth, picks : Picks
        What was matched.
    pairs : array of int, shape (m, 2)
        Index into truth, index into picks.
    distance_px : array, shape (m,)
        Distances of the pairs in pixels.
    reach_px : float
        The largest distance that counts as a hit, in pixels.
    """

    truth: Picks
    picks: Picks
    pairs: NDArray[np.int64]
    distance_px: NDArray[np.float64]
    reach_px: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "pairs", _frozen(np.asarray(self.pairs, np.int64).reshape(-1, 2), np.int64))
        object.__setattr__(self, "distance_px", _frozen(self.distance_px, np.float64))

"""Movies: frames one at a time, corrected for the detector's gain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cryoglean.errors import MicrographError
from cryoglean.io import eer, mrc, tiff
from cryoglean.io.headers import Header, PixelSize, believed_pixel_size
from cryoglean.io.micrographs import micrograph_name, read_header, read_image
from cryoglean.io.settings import MovieConfig
from cryoglean.types import FloatImage, MicrographFile

# Side of the window whose sound pixels stand in for a defect.
_NEIGHBOURHOOD_PX = 7


@dataclass(frozen=True, eq=False)
class Movie:
    """A movie on disk. Iterating over it reads its frames, one at a time and as often as wanted.

    Parameters
    ----------
    header : Header
        What its file says.
    config : MovieConfig
        How it is read.
    gain : ndarray of float32, shape (ny, nx), optional
        What each frame is multiplied by; 0 marks a defect.
    listed_pixel_size : float, optional
        Å per pixel by the STAR file that names the movie.
    """

    header: Header
    config: MovieConfig = field(default_factory=MovieConfig)
    gain: FloatImage | None = None
    listed_pixel_size: float | None = None

    @property
    def name(self) -> str:
        """The movie's file name without folders and suffixes."""
        return micrograph_name(self.header.path)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a frame as rendered."""
        ny, nx = self.header.shape
        return (ny * self._finer, nx * self._finer)

    @property
    def pixel_size(self) -> float | None:
        """Å per pixel of a frame as rendered; None where it is not known."""
        own = self._stated.angstrom
        return own / self._finer if own else None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is strange about the file."""
        return (*self.header.warnings, *self._stated.remarks)

    def __len__(self) -> int:
        """Count the frames that are used."""
        stored = self.header.frames
        if self.header.format == "EER":
            stored = eer.fraction_count(self.header, self.config.eer_grouping)
        return len(range(stored)[self._used])

    def __iter__(self) -> Iterator[FloatImage]:
        """Yield frames, float32 with shape (ny, nx), corrected for the gain.

        Raises
        ------
        MicrographError
            The file is damaged or cut off.
        """
        flipped = _is_flipped(self.header, self.config)
        for stored in islice(_stored_frames(self.header, self.config), self._used.start, self._used.stop):
            frame = stored.astype(np.float32)
            if flipped:
                frame = np.ascontiguousarray(frame[::-1])
            yield frame if self.gain is None else correct_gain(frame, self.gain)

    @property
    def _stated(self) -> PixelSize:
        """What is believed of the pixel size of the detector's frames."""
        file = MicrographFile(self.header.path, pixel_size=self.listed_pixel_size)
        return believed_pixel_size(self.header, file, given=self.config.angpix)

    @property
    def _used(self) -> slice:
        return slice(self.config.first_frame - 1, self.config.last_frame)

    @property
    def _finer(self) -> int:
        return 2 ** (self.config.eer_upsampling - 1) if self.header.format == "EER" else 1


def open_movie(path: Path | str | MicrographFile, config: MovieConfig | None = None) -> Movie:
    """Open a movie: a stack of frames in MRC or TIFF, or EER.

    Parameters
    ----------
    path : Path, str or MicrographFile
        The movie; told apart by content. A single image is a movie of one frame.
    config : MovieConfig, optional
        Pixel size, gain reference, orientation, which frames, and how EER is rendered.

    Raises
    ------
    MicrographError
        The movie or its gain reference cannot be read or do not fit each other, or no frame is left to use.
    """
    config = config or MovieConfig()
    file = MicrographFile.of(path)
    header = read_header(file.path)
    if header.format in ("PNG", "JPEG"):
        what = f"a {header.format} picture, where a movie was wanted"
        raise MicrographError(header.path, what, "give MRC or TIFF stacks, or EER files")
    # Of a movie that was never binned, the pixel size before binning is its own.
    movie = Movie(header, config, listed_pixel_size=file.movie_pixel_size or file.pixel_size)
    if not len(movie):
        which = f"frames {config.first_frame} to {config.last_frame or 'the last'}"
        raise MicrographError(
            header.path, f"{header.frames} frames, of which {which} were wanted", "use others"
        )
    if config.gain is None:
        return movie
    return Movie(header, config, read_gain(config.gain, movie))


def read_gain(path: Path, movie: Movie) -> FloatImage:
    """Read a gain reference and bring it into the orientation and size of a movie's frames.

    Parameters
    ----------
    path : Path
        An MRC or TIFF file.
    movie : Movie
        A movie that it belongs to, with its rotation and flip of the gain reference.

    Returns
    -------
    ndarray of float32, shape of the movie's frames
        What frames are multiplied by; 0 marks a defect.

    Raises
    ------
    MicrographError
        The file cannot be read or does not fit the movie.
    """
    header = read_header(path)
    gain: FloatImage = read_image(header).astype(np.float32)
    gain = np.where(np.isfinite(gain), gain, np.float32(0))
    if movie.header.format == "EER" and header.format == "MRC":
        # RELION's convention, grown historically: for EER, a gain reference in MRC is what to divide by.
        gain = np.divide(1, gain, out=np.zeros_like(gain), where=gain != 0)
    if header.format == "TIFF" and _is_flipped(movie.header, movie.config):
        gain = gain[::-1]
    return _fitted(path, orient_gain(gain, movie.config), movie.shape)


def orient_gain(gain: FloatImage, config: MovieConfig) -> FloatImage:
    """Rotate, then flip a gain reference as RELION and MotionCor2 do.

    Parameters
    ----------
    gain : ndarray, shape (ny, nx)
        The gain reference.
    config : MovieConfig
        With ``gain_rotation``, quarter turns clockwise as seen with the first row on top, and ``gain_flip``,
        1 for upside down and 2 for left to right.
    """
    turned = np.rot90(gain, -config.gain_rotation)
    if config.gain_flip:
        turned = np.flip(turned, config.gain_flip - 1)
    return np.ascontiguousarray(turned)


def correct_gain(frame: FloatImage, gain: FloatImage) -> FloatImage:
    """Multiply a frame by a gain reference; defects take the mean of the sound pixels around them.

    Parameters
    ----------
    frame, gain : ndarray of float32, shape (ny, nx)
        What the detector counted, and its gain reference with 0 for a defect.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        The corrected frame.
    """
    import cv2

    corrected = frame * gain
    defects = gain == 0
    if not defects.any():
        return corrected
    side = (_NEIGHBOURHOOD_PX, _NEIGHBOURHOOD_PX)
    sound = cv2.blur((~defects).astype(np.float32), side)
    around = cv2.blur(corrected, side)
    # In a patch of defects wider than the window nothing is known but the frame's mean.
    mean = np.float32(corrected[~defects].mean()) if not defects.all() else np.float32(0)
    filled = np.divide(around, sound, out=np.full_like(corrected, mean), where=sound > 0)
    return np.where(defects, filled, corrected)


def _stored_frames(header: Header, config: MovieConfig) -> Iterator[NDArray[Any]]:
    if isinstance(header, mrc.MrcHeader):
        return mrc.read_frames(header)
    if header.format == "EER":
        return eer.read_fractions(header, grouping=config.eer_grouping, upsampling=config.eer_upsampling)
    return tiff.read_frames(header)


def _is_flipped(movie: Header, config: MovieConfig) -> bool:
    """Whether frames are turned upside down to stand as the MRC files of other programs do."""
    return config.flip_y == "yes" or (config.flip_y == "auto" and movie.format == "TIFF")


def _fitted(path: Path, gain: FloatImage, shape: tuple[int, int]) -> FloatImage:
    """Repeat or average pixels of a gain reference where its size is a simple multiple of the frames'."""
    (ny, nx), (rows, columns) = gain.shape, shape
    if rows % ny == 0 and columns % nx == 0 and rows // ny == columns // nx:
        return np.repeat(np.repeat(gain, rows // ny, axis=0), columns // nx, axis=1)
    if ny % rows == 0 and nx % columns == 0 and ny // rows == nx // columns:
        blocks = gain.reshape(rows, ny // rows, columns, nx // columns)
        # A pixel made of a defect and sound ones is a defect.
        return np.where((blocks == 0).any(axis=(1, 3)), np.float32(0), blocks.mean(axis=(1, 3)))
    what = f"the gain reference has {nx}×{ny} pixels, the movie's frames {columns}×{rows}"
    remedy = "rotate it with --gain-rotation 1" if (nx, ny) == (rows, columns) else "give the movie's own"
    raise MicrographError(path, what, remedy)

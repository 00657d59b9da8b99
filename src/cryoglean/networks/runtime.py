"""Running the networks with ONNX Runtime: whole micrographs in bounded memory, without torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from cryoglean.errors import WeightsError
from cryoglean.networks.inspection import refusal
from cryoglean.networks.maps import CHANNELS, STRIDE, Candidates, Maps
from cryoglean.networks.weights import Weights, calibrated, read_weights
from cryoglean.types import FloatImage

if TYPE_CHECKING:
    import onnxruntime

TILE_PX = 960
"""Side of the part of a tile whose answer is kept; with the halo, some 100 MiB of activations."""

_COARSEST = 8
"""The networks halve the resolution three times, so tiles begin and end at multiples of this."""

CLASSES = 3
"""Of the classifier: particle, contamination and background."""

_BATCH = 128
"""Crops that are classified at once."""

_PROVIDERS = ("CUDAExecutionProvider", "OpenVINOExecutionProvider", "CPUExecutionProvider")


@dataclass(frozen=True, eq=False)
class Network:
    """One network, ready to run.

    Parameters
    ----------
    path : Path
        The file that it comes from.
    session : InferenceSession
        ONNX Runtime's.
    """

    path: Path
    session: onnxruntime.InferenceSession

    def answer(self, images: FloatImage, shape: tuple[int, ...]) -> FloatImage:
        """Run it.

        Parameters
        ----------
        images : ndarray of float32, shape (n, 1, ny, nx)
            What it looks at.
        shape : tuple of int
            Of the answer that is wanted.

        Raises
        ------
        WeightsError
            It fails, or answers with something else.
        """
        (taken,) = self.session.get_inputs()
        try:
            answer = np.asarray(self.session.run(None, {taken.name: images})[0])
        except Exception as error:  # noqa: BLE001  # ONNX Runtime raises a different private class for each fault
            raise WeightsError(
                self.path, f"the network fails: {' '.join(str(error).split())[:300]}"
            ) from None
        if answer.shape != shape or answer.dtype != np.float32 or not np.isfinite(answer).all():
            what = f"{answer.dtype} of shape {answer.shape}" if answer.shape != shape else "no numbers"
            raise WeightsError(self.path, f"the network answers with {what}, wanted float32 of shape {shape}")
        return answer


@dataclass(frozen=True, eq=False)
class Networks:
    """The two networks of one set of weights, ready to run; safe to use from many threads.

    Parameters
    ----------
    weights : Weights
        Where they come from.
    segmenter, classifier : Network
        From images to maps, and from crops to probabilities.
    """

    weights: Weights
    segmenter: Network
    classifier: Network

    def segment(self, image: FloatImage, *, tile_px: int = TILE_PX) -> Maps:
        """Predict the maps of a normalised image, tile by tile with overlap.

        Parameters
        ----------
        image : ndarray of float32, shape (ny, nx)
            Normalised at the networks' scale; see `normalise`.
        tile_px : int
            Side of the tiles without their halo, a multiple of 8.

        Returns
        -------
        Maps
            They do not depend on `tile_px`, because every tile is given as much of its surroundings as the
            network looks at.
        """
        padded, (ny, nx) = _padded(image), image.shape
        whole = np.empty((CHANNELS, padded.shape[0] // STRIDE, padded.shape[1] // STRIDE), np.float32)
        halo = self.weights.card.architecture.reach_px
        for core in _tiles((padded.shape[0], padded.shape[1]), tile_px):
            window = _grown(core, halo, (padded.shape[0], padded.shape[1]))
            tile = padded[window]
            answer = self.segmenter.answer(
                tile[None, None], (1, CHANNELS, tile.shape[0] // STRIDE, tile.shape[1] // STRIDE)
            )
            inner = tuple(
                slice((c.start - w.start) // STRIDE, (c.stop - w.start) // STRIDE)
                for c, w in zip(core, window, strict=True)
            )
            outer = tuple(slice(c.start // STRIDE, c.stop // STRIDE) for c in core)
            whole[:, *outer] = answer[0][:, *inner]
        maps, my, mx = Maps.of(whole), -(-ny // STRIDE), -(-nx // STRIDE)
        return Maps(maps.particle[:ny, :nx], maps.centre[:my, :mx], maps.contamination[:my, :mx])

    def judge(self, image: FloatImage, candidates: Candidates) -> NDArray[np.float64]:
        """Tell the probability that each candidate is a particle.

        The classification network is asked where its answer counts by the calibration.

        Parameters
        ----------
        image : ndarray of float32, shape (ny, nx)
            Normalised at the networks' scale.
        candidates : Candidates
            Found in the map of centres of that image.

        Returns
        -------
        ndarray, shape (n,)
        """
        calibration = self.weights.card.calibration
        asked = calibration.classification > 0
        particle = self.classify(image, candidates.xy)[:, 0] if asked else np.full(len(candidates.xy), 0.5)
        return calibrated(candidates.score, particle, calibration)

    def classify(self, image: FloatImage, xy: NDArray[np.float64]) -> FloatImage:
        """Predict what lies at candidates.

        Parameters
        ----------
        image : ndarray of float32, shape (ny, nx)
            Normalised at the networks' scale.
        xy : array, shape (n, 2)
            Candidates in its pixels.

        Returns
        -------
        ndarray of float32, shape (n, 3)
            Probability of particle, contamination and background.
        """
        side = self.weights.card.architecture.crop_px
        parts = [np.zeros((0, 3), np.float32)]
        for start in range(0, len(xy), _BATCH):
            crops = cut_crops(image, xy[start : start + _BATCH], side)
            parts.append(self.classifier.answer(crops[:, None], (len(crops), CLASSES)))
        return np.concatenate(parts)


def cut_crops(image: FloatImage, xy: NDArray[np.floating], side: int) -> FloatImage:
    """Cut square crops about the pixels nearest to points; beyond the border there is background, zero.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
    xy : array, shape (n, 2)
        The pixel ``side // 2`` of a crop is that nearest to its point.
    side : int
        Pixels along an edge.

    Returns
    -------
    ndarray of float32, shape (n, side, side)
    """
    wide = np.pad(image, side)
    corner = np.clip(np.rint(xy).astype(np.intp) + side // 2, 0, np.array(wide.shape[::-1]) - side)
    reach = np.arange(side)
    rows = corner[:, 1, None, None] + reach[None, :, None]
    columns = corner[:, 0, None, None] + reach[None, None, :]
    crops: FloatImage = wide[rows, columns]
    return crops


def load_networks(weights: str | Path, *, threads: int | None = None) -> Networks:
    """Load weights by name or from a folder.

    Parameters
    ----------
    weights : str or Path
        A name that `list_weights` knows, or a folder.
    threads : int, optional
        Processor cores to use; as many as OpenCV was given where it is not said.

    Raises
    ------
    WeightsError
        There are no such weights, or they are damaged.
    """
    found = read_weights(weights)
    prints = tuple(found.card.sha256[f"{part}.onnx"] for part in _INPUTS)
    return Networks(found, *_networks(_Source(found, prints), threads or cv2.getNumThreads()))


_INPUTS = {"segmenter": "image", "classifier": "crops"}
"""The networks by name, and what each calls its input."""


@dataclass(frozen=True)
class _Source:
    """Weights as they were when they were read; equal where the files are the same."""

    weights: Weights = field(compare=False)
    prints: tuple[str, ...]


@lru_cache(maxsize=4)
def _networks(source: _Source, threads: int) -> tuple[Network, Network]:
    """Load both networks once for the same fingerprints of their files."""
    segmenter, classifier = (_load(source.weights, part, threads) for part in _INPUTS)
    return segmenter, classifier


def _load(weights: Weights, part: str, threads: int) -> Network:
    path = weights.folder / f"{part}.onnx"
    # What was checked is what is run: the file is not opened again.
    content = weights.content(path.name)
    reason = refusal(content)
    if reason:
        raise WeightsError(path, f"no network that is run here: {reason}")
    session = _session(path, content, threads)
    inputs, wanted = session.get_inputs(), _INPUTS[part]
    if [one.name for one in inputs] != [wanted] or len(session.get_outputs()) != 1:
        got = ", ".join(one.name for one in inputs)
        raise WeightsError(path, f"not the {part}: it takes {got[:200] or 'nothing'}, wanted {wanted}")
    return Network(path, session)


def _session(path: Path, content: bytes, threads: int) -> onnxruntime.InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Idle threads would otherwise burn a core while other parts of a pick run.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    there = onnxruntime.get_available_providers()
    try:
        return onnxruntime.InferenceSession(
            content, options, providers=[name for name in _PROVIDERS if name in there]
        )
    except Exception as error:  # noqa: BLE001  # ONNX Runtime raises a different private class for each fault
        raise WeightsError(path, f"no network that ONNX Runtime can run: {error}") from None


def _padded(image: FloatImage) -> FloatImage:
    """Add background on the far sides up to multiples of 8."""
    ny, nx = image.shape
    return np.pad(image, [(0, -ny % _COARSEST), (0, -nx % _COARSEST)])


def _tiles(shape: tuple[int, int], side: int) -> Iterator[tuple[slice, slice]]:
    for y in range(0, shape[0], side):
        for x in range(0, shape[1], side):
            yield slice(y, min(y + side, shape[0])), slice(x, min(x + side, shape[1]))


def _grown(core: tuple[slice, slice], halo: int, shape: tuple[int, int]) -> tuple[slice, slice]:
    y, x = (
        slice(max(part.start - halo, 0), min(part.stop + halo, size))
        for part, size in zip(core, shape, strict=True)
    )
    return y, x

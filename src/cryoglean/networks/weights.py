"""Weights: a folder that describes itself, found by name or path, without pickle.

A folder holds ``segmenter.onnx`` and ``classifier.onnx`` for picking, the same as ``.safetensors`` for
further training, and ``card.json``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import ValidationError
from scipy.special import expit

from cryoglean.errors import UsageError, WeightsError
from cryoglean.io.limits import is_file, is_folder, read_file
from cryoglean.io.writing import complete_or_absent
from cryoglean.networks.settings import Calibration, OutlineModel, SizeModel, WeightsCard
from cryoglean.settings import fault_of

CARD = "card.json"
FILES = ("segmenter.onnx", "classifier.onnx", "segmenter.safetensors", "classifier.safetensors")

_MAX_BYTES = 2**30
"""Of one file; the largest networks known here have 230 MB."""
_REMEDY = "copy the whole folder again"
_SHIPPED = Path(__file__).parents[1] / "weights"


@dataclass(frozen=True)
class Weights:
    """A folder of weights whose files are whole.

    Parameters
    ----------
    folder : Path
        Where they are.
    card : WeightsCard
        What they are.
    """

    folder: Path
    card: WeightsCard

    @property
    def size_model(self) -> SizeModel:
        """How the particles' size follows from what the networks see."""
        own = self.card.size or _general_card().size
        assert own is not None
        return own

    @property
    def outline_model(self) -> OutlineModel:
        """How the networks outline particles."""
        own = self.card.outlines or _general_card().outlines
        assert own is not None
        return own

    def content(self, file: str) -> bytes:
        """Read one of its `FILES`, and nothing but what the card says that it holds.

        Raises
        ------
        WeightsError
            It is missing, or another than the card's.
        """
        path = self.folder / file
        content = _read(path)
        if self.card.sha256.get(file) != hashlib.sha256(content).hexdigest():
            raise WeightsError(path, "is damaged or of other weights", _REMEDY)
        return content


@cache
def _general_card() -> WeightsCard:
    """Card of the weights that come with the package; its models hold where others have none of their own."""
    return _read_card(_SHIPPED / "general" / CARD)


def list_weights() -> list[Weights]:
    """Read the weights that come with the package."""
    return [read_weights(path.parent) for path in sorted(_SHIPPED.glob(f"*/{CARD}"))]


def find_weights(name: str | Path) -> Path:
    """Find the folder of weights by their name, or the folder that is named.

    Raises
    ------
    UsageError
        Neither such a name nor such a folder.
    """
    folder = _SHIPPED / name
    if not is_file(folder / CARD):
        folder = Path(name)
    if not is_folder(folder):
        known = ", ".join(sorted(path.parent.name for path in _SHIPPED.glob(f"*/{CARD}"))) or "none"
        raise UsageError(f"no weights named {str(name)!r}, and no such folder; the package has: {known}")
    return folder


def read_weights(name: str | Path) -> Weights:
    """Find weights and check that they are whole.

    Parameters
    ----------
    name : str or Path
        Name of weights that come with the package, or a folder.

    Raises
    ------
    UsageError
        Neither such a name nor such a folder.
    WeightsError
        The card or a file is missing, damaged or does not belong to it.
    """
    folder = find_weights(name)
    weights = Weights(folder, _read_card(folder / CARD))
    for file in FILES:
        weights.content(file)
    return weights


def write_card(folder: Path, card: WeightsCard) -> None:
    """Write the card of a folder whose other files are there; their fingerprints are put into it."""
    prints = {file: fingerprint(folder / file) for file in FILES}
    with complete_or_absent(folder / CARD) as partial:
        partial.write_text(card.changed(sha256=prints).model_dump_json(indent=2) + "\n")


def fingerprint(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(_read(path)).hexdigest()


def _read(path: Path) -> bytes:
    try:
        return read_file(path, largest=_MAX_BYTES)
    except FileNotFoundError:
        raise WeightsError(path, "is missing", _REMEDY) from None
    except OSError as error:
        raise WeightsError(path, f"cannot be read: {error.strerror or error}", _REMEDY) from None


def calibrated(
    segmentation: ArrayLike, classification: ArrayLike, calibration: Calibration
) -> NDArray[np.float64]:
    """Turn the networks' answers into the probability of a particle.

    Parameters
    ----------
    segmentation : array, shape (n,)
        Score of each candidate in the maps, in [0, 1].
    classification : array, shape (n,)
        The classifier's probability of a particle.
    calibration : Calibration
        Coefficients.

    Returns
    -------
    ndarray, shape (n,)
    """
    log_odds = (
        calibration.segmentation * logit(segmentation)
        + calibration.classification * logit(classification)
        + calibration.offset
    )
    return np.asarray(expit(log_odds), np.float64)


def logit(probability: ArrayLike) -> NDArray[np.float64]:
    """Log odds of a probability, kept within ±9."""
    p = np.clip(np.asarray(probability, np.float64), 1e-12, 1 - 1e-12)
    return np.clip(np.log(p / (1 - p)), -9.0, 9.0)


def _read_card(path: Path) -> WeightsCard:
    try:
        return WeightsCard.model_validate_json(read_file(path))
    except FileNotFoundError:
        raise WeightsError(path, "is missing, so this is no folder of weights") from None
    except OSError as error:
        raise WeightsError(path, f"cannot be read: {error.strerror or error}") from None
    except ValidationError as error:
        other = next((each["input"] for each in error.errors() if each["loc"] == ("version",)), None)
        if other is not None:
            raise WeightsError(
                path,
                f"is of version {str(other)[:20]}, and this program runs weights of version "
                f"{WeightsCard.model_fields['version'].default}",
                "train anew, or use the program that they come from",
            ) from None
        raise WeightsError(path, f"is no card of weights: {fault_of(error)}") from None

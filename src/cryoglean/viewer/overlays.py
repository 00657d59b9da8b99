"""Overlays of a micrograph: maps of the picker, computed when they are asked for."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from cryoglean.engine.ledger import identify
from cryoglean.errors import MicrographError, UsageError
from cryoglean.io import read_micrograph
from cryoglean.pickers.base import Picker
from cryoglean.pickers.factory import build_picker
from cryoglean.pickers.settings import PickConfig
from cryoglean.types import FloatImage
from cryoglean.viewer.pictures import Kept

OverlayKind = Literal["particle", "contamination"]

STAGES = {"particle": ("particle", "similarity"), "contamination": ("contamination",)}
"""What methods call these maps; all have values from 0 to 1 where something is."""
MAX_BYTES = 32 << 20
"""Bytes of maps that are kept."""


class NoOverlayError(UsageError):
    """A map that the method of the run does not have."""


def overlay_config(kind: OverlayKind, config: PickConfig) -> PickConfig:
    """Return what to compute a map with: the run's own method, and for contamination always a network.

    Parameters
    ----------
    kind : {'particle', 'contamination'}
        Of which map.
    config : PickConfig
        The configuration of the run.
    """
    if kind == "particle" or config.method == "network":
        return config
    return PickConfig(
        method="network", diameter=config.diameter, contrast=config.contrast, angpix=config.angpix
    )


class Overlays:
    """Overlays of the micrographs of a run, by the method that the run was picked with."""

    def __init__(self) -> None:
        self._maps: Kept[dict[str, bytes]] = Kept(MAX_BYTES, lambda maps: sum(map(len, maps.values())))
        self._lock = threading.Lock()
        self._picker: tuple[PickConfig, Picker] | None = None

    def get(self, path: Path, kind: OverlayKind, config: PickConfig) -> bytes:
        """Return a map as a grey PNG picture that covers the whole micrograph.

        Parameters
        ----------
        path : Path
            The micrograph.
        kind : {'particle', 'contamination'}
            The probability of a particle, or its likeness to one; the probability of contamination.
        config : PickConfig
            The configuration of the run.

        Raises
        ------
        MicrographError
            It cannot be read, or nothing in it stands out.
        NoOverlayError
            The method has no such map.
        WeightsError
            The weights are not there any more.
        """
        maps = self._maps.get((path, identify(path), config), lambda: self._make(path, config))
        if kind not in maps:
            raise NoOverlayError(f"the method {config.method!r} has no map of {kind}")
        return maps[kind]

    def _make(self, path: Path, config: PickConfig) -> dict[str, bytes]:
        stages = self._picker_for(config).stages(read_micrograph(path, pixel_size=config.angpix))
        if not stages:
            raise MicrographError(path, "nothing in this micrograph stands out from its noise")
        found = {kind: next((n for n in names if n in stages), None) for kind, names in STAGES.items()}
        return {kind: _encoded(stages[name]) for kind, name in found.items() if name is not None}

    def _picker_for(self, config: PickConfig) -> Picker:
        """Return the picker, whose weights are read once."""
        with self._lock:
            if self._picker is None or self._picker[0] != config:
                self._picker = (config, build_picker(config))
            return self._picker[1]


def _encoded(values: FloatImage) -> bytes:
    grey = np.rint(255 * np.clip(values, 0, 1)).astype(np.uint8)
    return cv2.imencode(".png", grey)[1].tobytes()

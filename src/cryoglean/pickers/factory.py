"""From a configuration to the picker it names."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

import numpy as np

from cryoglean.errors import UsageError
from cryoglean.pickers.autocryopicker.settings import PaperConfig
from cryoglean.pickers.base import Picker
from cryoglean.pickers.pixer.settings import NetworkConfig
from cryoglean.pickers.settings import PickConfig
from cryoglean.pickers.size.by_discs import SIGN_OF, Scale, complete_scale, estimate_scale
from cryoglean.pickers.template.settings import UnsupervisedConfig
from cryoglean.types import Micrograph

AUTO: Final = "unsupervised"
"""The method of who names none, as long as the networks do not see something else; see `measure`."""
LIKE = 1.3
"""The disc's diameter bears out a given one from which it differs by no more than this factor."""


def build_picker(config: PickConfig) -> Picker:
    """Make the picker of a method.

    Parameters
    ----------
    config : PickConfig
        Method and settings; 'auto' is the method `AUTO`.

    Returns
    -------
    Picker
        Ready for any number of micrographs.

    Raises
    ------
    UsageError
        A setting was changed that the method does not have.
    """
    method = AUTO if config.method == "auto" else config.method
    # Each method is imported when it is asked for, so that none pays for the others.
    if method == "paper":
        from cryoglean.pickers.autocryopicker.picker import AutoCryoPicker

        _refuse(
            config, ["weights", *(name for name in UnsupervisedConfig.model_fields if name not in _SHARED)]
        )
        return AutoCryoPicker(PaperConfig(**{name: getattr(config, name) for name in _SHARED}))
    if method == "network":
        from cryoglean.pickers.pixer.picker import NetworkPicker

        _refuse(config, _only_unsupervised())
        return NetworkPicker(_network_config(config))
    _refuse(config, ["weights"])
    from cryoglean.pickers.template.picker import UnsupervisedPicker

    return UnsupervisedPicker(
        UnsupervisedConfig(**{name: getattr(config, name) for name in UnsupervisedConfig.model_fields})
    )


def measure(config: PickConfig, micrographs: Sequence[Micrograph]) -> tuple[str, Scale | None]:
    """Find the diameter and contrast of the particles, and for 'auto' the method that sees them best.

    Particles that stand out as discs of the size at which the networks see them too are picked without
    supervision, which tells side views from top views. Where nothing stands out, as under noise, in crowds,
    and of particles far from round, or something else does, the networks pick.

    Parameters
    ----------
    config : PickConfig
        What the user said.
    micrographs : sequence of Micrograph
        Some that hold the same particles.

    Returns
    -------
    method : str
        Never 'auto'.
    scale : Scale or None
        See `Picker.measure`.

    Raises
    ------
    UsageError
        A setting was changed that the method does not have.
    """
    if config.method != "auto":
        return config.method, build_picker(config).measure(micrographs)
    from cryoglean.pickers.pixer.picker import NetworkPicker

    _refuse(config, ["weights"])
    by_edge = estimate_scale(micrographs, sign=SIGN_OF[config.contrast])
    scale = complete_scale(by_edge, config.diameter)
    if _changed(config, _only_unsupervised()):
        return AUTO, scale
    networks = NetworkPicker(_network_config(config))
    seen = networks.weigh(micrographs, by_edge)
    if config.diameter is not None:
        alike = by_edge is not None and abs(np.log(by_edge.diameter / config.diameter)) < np.log(LIKE)
        return (AUTO, scale) if alike or seen is None or not seen.strength else ("network", seen)
    return (AUTO, scale) if seen is None or seen == by_edge else ("network", seen)


def weights_digest(config: PickConfig) -> str | None:
    """Return a digest of the weights that a configuration picks with; None for methods without weights.

    Raises
    ------
    UsageError, WeightsError
        The weights are not there, or are damaged.
    """
    if config.method != "network":
        return None
    from cryoglean.networks.weights import read_weights

    files = sorted(read_weights(config.weights).card.sha256.items())
    return hashlib.sha256(repr(files).encode()).hexdigest()


_SHARED = ("diameter", "contrast", "side_views")


def _network_config(config: PickConfig) -> NetworkConfig:
    return NetworkConfig(**{name: getattr(config, name) for name in NetworkConfig.model_fields})


def _only_unsupervised() -> list[str]:
    return [name for name in UnsupervisedConfig.model_fields if name not in NetworkConfig.model_fields]


def _changed(config: PickConfig, names: Sequence[str]) -> list[str]:
    return [name for name in names if getattr(config, name) != PickConfig.model_fields[name].default]


def _refuse(config: PickConfig, names: Sequence[str]) -> None:
    changed = _changed(config, names)
    if changed:
        options = ", ".join("--" + name.replace("_", "-") for name in changed)
        raise UsageError(f"{options}: no such setting with --method {config.method}; leave it out")

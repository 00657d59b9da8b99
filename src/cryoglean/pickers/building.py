"""From a configuration to the picker it names."""

from __future__ import annotations

import hashlib
from typing import Final

from cryoglean.config import NetworkConfig, PaperConfig, PickConfig, UnsupervisedConfig
from cryoglean.errors import UsageError
from cryoglean.pickers.base import Picker

AUTO: Final = "unsupervised"
"""The method that does best on real data, which is what a user gets who names none."""


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
        from cryoglean.pickers.autocryopicker import AutoCryoPicker

        _refuse(
            config, ["weights", *(name for name in UnsupervisedConfig.model_fields if name not in _SHARED)]
        )
        return AutoCryoPicker(PaperConfig(**{name: getattr(config, name) for name in _SHARED}))
    if method == "network":
        from cryoglean.pickers.network import NetworkPicker

        own = tuple(NetworkConfig.model_fields)
        _refuse(config, [name for name in UnsupervisedConfig.model_fields if name not in own])
        return NetworkPicker(NetworkConfig(**{name: getattr(config, name) for name in own}))
    _refuse(config, ["weights"])
    from cryoglean.pickers.unsupervised import UnsupervisedPicker

    return UnsupervisedPicker(
        UnsupervisedConfig(**{name: getattr(config, name) for name in UnsupervisedConfig.model_fields})
    )


def weights_digest(config: PickConfig) -> str | None:
    """Return a digest of the weights that a configuration picks with; None for methods without weights.

    Raises
    ------
    UsageError, WeightsError
        The weights are not there, or are damaged.
    """
    if config.method != "network":
        return None
    from cryoglean.network.weights import read_weights

    files = sorted(read_weights(config.weights).card.sha256.items())
    return hashlib.sha256(repr(files).encode()).hexdigest()


_SHARED = ("diameter", "contrast", "side_views")


def _refuse(config: PickConfig, names: list[str]) -> None:
    changed = [name for name in names if getattr(config, name) != PickConfig.model_fields[name].default]
    if changed:
        options = ", ".join("--" + name.replace("_", "-") for name in changed)
        raise UsageError(f"{options}: no such setting with --method {config.method}; leave it out")

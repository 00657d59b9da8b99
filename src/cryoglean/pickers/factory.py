"""From settings to the picker they name, and from micrographs to the size of their particles."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from cryoglean.errors import UsageError
from cryoglean.image.defects import sound_part
from cryoglean.networks import load_networks, read_weights
from cryoglean.networks.weights import CARD, find_weights
from cryoglean.pickers.base import Picker
from cryoglean.pickers.pixer.settings import NetworkConfig
from cryoglean.pickers.settings import AutoConfig, Method, PickConfig
from cryoglean.pickers.size.measure import SizeVerdict
from cryoglean.pickers.size.measure import measure_size as measure
from cryoglean.pickers.template.settings import TemplateConfig
from cryoglean.types import Micrograph

_DECISIVE = {"architecture", "calibration", "size", "outlines", "max_contamination", "sha256"}
"""What of a card decides on candidates and their scores."""


def build_picker(config: PickConfig) -> Picker:
    """Return the picker of a method, which a process builds once.

    Parameters
    ----------
    config : PickConfig
        Method and its settings.

    Returns
    -------
    Picker
        Ready for any number of micrographs.

    Raises
    ------
    UsageError
        The method is 'auto', which the micrographs of a run decide.
    UsageError, WeightsError
        The weights are not there, or are damaged.
    """
    if isinstance(config.method, AutoConfig):
        raise UsageError(
            "the method 'auto' depends on the micrographs: cryoglean.pick(micrographs, config) finds out and "
            "does what the command line does; or name one, as in PickConfig(method='unsupervised')"
        )
    return _built(config.method, _state(config.method))


def require_weights(config: PickConfig) -> None:
    """Make sure, before anything is done, that the weights of a named method can be used.

    Raises
    ------
    UsageError, WeightsError
        They are not there, or are damaged.
    """
    if not isinstance(config.method, AutoConfig):
        build_picker(config)


def measure_size(config: PickConfig, micrographs: Sequence[Micrograph]) -> SizeVerdict:
    """Measure the size of the particles of a run, once.

    Parameters
    ----------
    config : PickConfig
        What the user said of the particles, and the method.
    micrographs : sequence of Micrograph
        Some that hold the same particles.

    Returns
    -------
    SizeVerdict
        For the method 'auto' the source of its size decides on the method, see `choose_method`.

    Raises
    ------
    UsageError, WeightsError
        The weights are not there, or are damaged.
    """
    diameter, contrast = config.diameter, config.known_contrast
    micrographs = [sound_part(micrograph).micrograph for micrograph in micrographs]
    if isinstance(config.method, AutoConfig) and _is_open(config.method):
        networks = load_networks(NetworkConfig().weights)
        return measure(micrographs, diameter=diameter, contrast=contrast, networks=networks)
    config = config.changed(method=choose_method(config, by_networks=False))
    return build_picker(config).measure_size(micrographs, diameter=diameter, contrast=contrast)


def choose_method(config: PickConfig, *, by_networks: bool) -> Method:
    """Return the method of a run, which for 'auto' follows from what its particles' size rests on.

    Particles that stand out as discs of the size at which the networks recognise them too are picked without
    supervision, which tells side views from top views. Where nothing stands out, as under noise, in crowds,
    and of particles far from round, or something else does, the networks pick.

    Parameters
    ----------
    config : PickConfig
        What the user said.
    by_networks : bool
        Whether the networks and not the discs determined the size.
    """
    method = config.method
    if not isinstance(method, AutoConfig):
        return method
    if by_networks:
        return NetworkConfig(contamination=method.contamination)
    own = {name: getattr(method, name) for name in TemplateConfig.model_fields if name != "name"}
    return TemplateConfig(**own)


def weights_digest(config: PickConfig) -> str | None:
    """Return a digest of the weights that a configuration picks with; None for methods without weights.

    Raises
    ------
    UsageError, WeightsError
        The weights are not there, or are damaged.
    """
    if not isinstance(config.method, NetworkConfig):
        return None
    card = read_weights(config.method.weights).card
    return hashlib.sha256(card.model_dump_json(include=_DECISIVE).encode()).hexdigest()


def _is_open(method: AutoConfig) -> bool:
    """Return whether no setting was changed that only the unsupervised method has."""
    return all(
        getattr(method, name) == info.default
        for name, info in TemplateConfig.model_fields.items()
        if name != "name" and name not in NetworkConfig.model_fields
    )


def _state(method: Method) -> tuple[Path, int] | None:
    """Return where weights lie, and when their card was written, which is written last."""
    if not isinstance(method, NetworkConfig):
        return None
    card = find_weights(method.weights).resolve() / CARD
    return card, card.stat().st_mtime_ns if card.is_file() else 0


@lru_cache(maxsize=4)
def _built(method: Method, state: tuple[Path, int] | None) -> Picker:
    """Build a picker; weights of another state are other weights."""
    # Each method is imported when it is asked for, so that none pays for the others.
    if method.name == "network":
        from cryoglean.pickers.pixer.picker import NetworkPicker

        return NetworkPicker(method)
    if method.name == "paper":
        from cryoglean.pickers.autocryopicker.picker import AutoCryoPicker

        return AutoCryoPicker(method)
    from cryoglean.pickers.template.picker import TemplatePicker

    return TemplatePicker(method)

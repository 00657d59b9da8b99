"""What a run learns from some of its micrographs before it picks all of them.

The teachers are chosen once a run, and what they taught lies in its folder as plain numbers: so every
micrograph gives the same picks, however the work is spread and whenever it goes on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter

from cryoglean.classes.model import Lesson, RunModel, learn, read_model, write_model
from cryoglean.classes.pool import find_pool
from cryoglean.classes.populations import Threshold
from cryoglean.engine.folder import RunFolder
from cryoglean.engine.ledger import SCORE_DECIMALS
from cryoglean.engine.sources import Reader, spread_sources
from cryoglean.errors import MicrographError
from cryoglean.image.defects import sound_part
from cryoglean.io.limits import read_file
from cryoglean.io.writing import complete_or_absent
from cryoglean.networks import load_networks, read_weights
from cryoglean.pickers.pixer.settings import NetworkConfig
from cryoglean.pickers.settings import AutoConfig, PickConfig
from cryoglean.types import Contrast, Micrograph, MicrographFile, ParticleSize, Picks

MAX_SOURCES = 12
"""So many micrographs teach."""


@dataclass(frozen=True)
class Learned:
    """What came of learning from a run.

    Parameters
    ----------
    asked : dict
        Size, contrast and settings by which it was learned; what was learned holds for the same.
    sources : tuple of str
        The micrographs that taught.
    reason : str
        What was learned, or why the first opinion stays.
    threshold : Threshold, optional
        Where to cut, and what is expected of it; None where the first opinion stays.
    digest : str, optional
        Of the model's file.
    """

    asked: dict[str, Any]
    sources: tuple[str, ...]
    reason: str
    threshold: Threshold | None = None
    digest: str | None = None


_STORED = TypeAdapter(Learned)
"""Every value of the file is checked."""


def wants_learning(given: PickConfig, resolved: PickConfig) -> bool:
    """Return whether a run learns: no method was named, and the particles' size is known."""
    return given.learn and isinstance(given.method, AutoConfig) and resolved.known_diameter is not None


def with_learned(config: PickConfig, learned: Learned, *, given: PickConfig) -> PickConfig:
    """Return the resolved configuration of a run after what it taught; `given` is what its user said."""
    if learned.threshold is None:
        return config
    config = config.changed(method=given.method)
    if given.min_score is None:
        config = config.changed(min_score=round(learned.threshold.score, SCORE_DECIMALS))
    return config


def learn_run(
    micrographs: Sequence[MicrographFile], config: PickConfig, read: Reader
) -> tuple[Learned, RunModel | None]:
    """Learn from up to twelve micrographs spread evenly over a run.

    Parameters
    ----------
    micrographs : sequence of MicrographFile
        All of the run, in any order.
    config : PickConfig
        With the particles' size.
    read : callable
        Reads a micrograph.

    Returns
    -------
    Learned, RunModel or None
        The same for the same micrographs and configuration; no model where the first opinion stays.
    """
    networks = load_networks(NetworkConfig().weights)
    pools, sources = [], []
    for file, micrograph in spread_sources(micrographs, read, count=MAX_SOURCES):
        try:
            pools.append(
                find_pool(micrograph, _size(config), networks, contamination=config.method.contamination)
            )
            sources.append(file.location)
        except MicrographError:
            continue
    lesson: Lesson = learn(pools)
    threshold = None if lesson.model is None else lesson.model.threshold
    return Learned(_asked(config), tuple(sources), lesson.reason, threshold), lesson.model


def find_learned(micrograph: Micrograph, config: PickConfig, model: RunModel) -> Picks:
    """Find the candidates of a micrograph, scored with their probability in the run.

    Raises
    ------
    MicrographError
        Particles of this size do not fit into the micrograph.
    """
    networks = load_networks(NetworkConfig().weights)
    part = sound_part(micrograph)
    pool = find_pool(part.micrograph, _size(config), networks, contamination=config.method.contamination)
    return part.placed(model.rescore(pool)).by_score()


def write_learned(folder: RunFolder, learned: Learned, model: RunModel | None) -> Learned:
    """Keep what was learned for the next start of the run; the answer has the model's digest.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    digest = None
    if model is not None:
        with complete_or_absent(folder.model) as partial:
            write_model(partial, model)
            digest = hashlib.sha256(partial.read_bytes()).hexdigest()
    kept = Learned(learned.asked, learned.sources, learned.reason, learned.threshold, digest)
    with complete_or_absent(folder.learning) as partial:
        partial.write_text(json.dumps(asdict(kept), indent=2) + "\n", encoding="utf-8")
    return kept


def read_learned(
    folder: RunFolder, config: PickConfig, micrographs: Sequence[MicrographFile]
) -> tuple[Learned, RunModel | None] | None:
    """Read what an earlier start learned, if it still holds.

    Returns
    -------
    Learned, RunModel or None
        None alone where there is none, it is damaged, it was learned with other settings or from micrographs
        none of which belongs to the run any more, or nothing was learned and there are more micrographs now.
    """
    learned = kept_learned(folder)
    if learned is None or learned.asked != _asked(config):
        return None
    if {one.location for one in micrographs}.isdisjoint(learned.sources):
        return None
    if learned.threshold is None:
        return (learned, None) if len(learned.sources) >= min(MAX_SOURCES, len(micrographs)) else None
    try:
        if hashlib.sha256(read_file(folder.model)).hexdigest() != learned.digest:
            return None
        return learned, read_model(folder.model)
    except (OSError, ValueError):
        return None


def learned_of(folder: RunFolder, config: PickConfig) -> Learned | None:
    """Return what came of learning for a run of this resolved configuration; None where it did not learn."""
    learned = kept_learned(folder)
    if learned is None or not config.learn or learned.asked != _asked(config):
        return None
    # Only what was learned leaves the choice of the method to the run: what an earlier start learned may lie
    # unused.
    was_used = isinstance(config.method, AutoConfig)
    return learned if was_used == (learned.threshold is not None) else None


def model_digest(folder: RunFolder) -> str:
    """Return a digest of what decides the scores of a run that learned: the networks, and its model."""
    files = sorted(read_weights(NetworkConfig().weights).card.sha256.items())
    learned = kept_learned(folder)
    return hashlib.sha256(repr((files, learned and learned.digest)).encode()).hexdigest()


def kept_learned(folder: RunFolder) -> Learned | None:
    """Read what an earlier start learned, whether or not it still holds; None where there is nothing."""
    try:
        return _STORED.validate_json(read_file(folder.learning), strict=True)
    except (OSError, ValueError):
        return None


def _size(config: PickConfig) -> ParticleSize:
    contrast: Contrast = config.known_contrast or "dark"
    assert config.known_diameter is not None
    return ParticleSize(config.known_diameter, contrast)


def _asked(config: PickConfig) -> dict[str, Any]:
    words = {name: getattr(config, name) for name in ("diameter", "contrast", "angpix")}
    return words | {"contamination": config.method.contamination}

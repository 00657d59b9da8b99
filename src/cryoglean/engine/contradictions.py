"""What a user says of the particles and the micrographs contradict, with the likeliest mistake.

What was said is used nevertheless: the user may know better.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cryoglean.errors import MicrographError
from cryoglean.io import read_header
from cryoglean.io.headers import believed_pixel_size
from cryoglean.networks import load_networks
from cryoglean.pickers.pixer.settings import NetworkConfig
from cryoglean.pickers.settings import PickConfig
from cryoglean.pickers.size.contradiction import DIFFERENT, contradicting_size
from cryoglean.types import Micrograph, MicrographFile, ParticleSize

SAME = 1.25
"""A mistake explains a difference that it leaves no larger than this factor."""
LENGTHWISE = 3.0
"""A diameter up to this many times as large as what is seen may be the length of long particles."""


def find_contradictions(
    config: PickConfig, sources: Sequence[tuple[MicrographFile, Micrograph]], discs: ParticleSize | None
) -> tuple[str, ...]:
    """Say what the user said and some micrographs of the run contradict; nothing where that is not sure.

    Parameters
    ----------
    config : PickConfig
        What the user said.
    sources : sequence of MicrographFile and Micrograph
        Some files of the run, and what was read of them.
    discs : ParticleSize, optional
        What discs say of these, where that was measured without the user's words.
    """
    given, contrast = config.known_diameter, config.known_contrast
    if not sources or (given is None and contrast is None):
        return ()
    seen = contradicting_size(
        [micrograph for _, micrograph in sources],
        load_networks(NetworkConfig().weights),
        diameter=given,
        contrast=contrast,
        discs=discs if contrast is None else None,
    )
    if seen is None:
        return ()
    told = (_on_diameter(config, seen, sources[0]), _on_contrast(config, seen))
    return tuple(text for text in told if text)


def _on_diameter(
    config: PickConfig, seen: ParticleSize, source: tuple[MicrographFile, Micrograph]
) -> str | None:
    given = config.known_diameter
    ratio = 1.0 if given is None else seen.diameter / given
    if given is None or 1 / DIFFERENT < ratio < DIFFERENT:
        return None
    guess = _guess(config, seen, source)
    if guess is None and 1 / LENGTHWISE < ratio < 1:
        return None
    unit = "Å" if source[1].calibrated else "pixels"
    return (
        f"you gave a diameter of {given:g} {unit}, the micrographs suggest {seen.diameter:.0f} {unit}"
        f"{guess or ''}; {given:g} {unit} is used"
    )


def _guess(config: PickConfig, seen: ParticleSize, source: tuple[MicrographFile, Micrograph]) -> str | None:
    """Say which mistake explains the difference; None where none does."""
    given = config.known_diameter
    assert given is not None
    file, micrograph = source
    ratio, own = seen.diameter / given, _own_pixel_size(file)
    if not micrograph.calibrated:
        return f", as the pixel size is not known; it fits if a pixel is {1 / ratio:.2g} Å: give --angpix"
    used = config.angpix or own or micrograph.pixel_size
    if config.angpix is not None and own is not None and _same(ratio, config.angpix / own):
        return f"; by the files a pixel is {own:.4g} Å, which fits: is --angpix {config.angpix:g} right?"
    mistakes = {"in nm": 10.0, "ten times too much": 0.1, "in pixels": used, "the radius": 2.0}
    likely = [words for words, expected in mistakes.items() if _same(ratio, expected)]
    if likely:
        return f": was it {', or '.join(likely)}?"
    if config.angpix is not None:
        return f"; it fits if a pixel is {used / ratio:.2g} Å: is --angpix {config.angpix:g} right?"
    return None


def _on_contrast(config: PickConfig, seen: ParticleSize) -> str | None:
    if config.known_contrast in (None, seen.contrast):
        return None
    return (
        f"you said that particles are {config.contrast}, in these micrographs they look {seen.contrast}; "
        f"{config.contrast} is used"
    )


def _same(ratio: float, expected: float) -> bool:
    return bool(abs(np.log(ratio / expected)) < np.log(SAME))


def _own_pixel_size(file: MicrographFile) -> float | None:
    """Å per pixel by what the run knows of a file itself; None where it does not say."""
    try:
        return believed_pixel_size(read_header(file.path), file, given=None).angstrom
    except MicrographError:
        return None

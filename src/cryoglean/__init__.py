"""cryoglean finds single particles in cryo-electron micrographs.

>>> import cryoglean
>>> micrograph = cryoglean.read_micrograph("FoilHole_42.mrc")  # doctest: +SKIP
>>> picker = cryoglean.build_picker(cryoglean.PickConfig())
>>> picks = cryoglean.find_alone(picker, micrograph)  # doctest: +SKIP
>>> from cryoglean.select import select
>>> kept = select(picks, cryoglean.SelectConfig(min_score=0.5))  # doctest: +SKIP
"""

import lazy_loader

__version__ = "0.2.0"

# Public names are imported when they are first used, so that `import cryoglean` costs nothing.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""cryoglean finds single particles in cryo-electron micrographs.

>>> import cryoglean
>>> run = cryoglean.pick("Micrographs/")  # doctest: +SKIP
>>> cryoglean.write_picks(run.picks, "picks.star")  # doctest: +SKIP

One micrograph, one method:

>>> picker = cryoglean.build_picker(cryoglean.PickConfig(method="unsupervised"))
>>> micrograph = cryoglean.read_micrograph("FoilHole_42.mrc")  # doctest: +SKIP
>>> candidates = cryoglean.find_alone(picker, micrograph)  # doctest: +SKIP
"""

__version__ = "0.2.0"


# Public names are imported when they are first used, so that `import cryoglean` costs nothing; what finds
# them too, as the program shall stand guard for Ctrl-C before anything that takes time.
def __getattr__(name: str) -> object:
    import lazy_loader

    public = lazy_loader.attach_stub(__name__, __file__)
    globals().update(zip(("__getattr__", "__dir__", "__all__"), public, strict=True))
    return public[2] if name == "__all__" else public[0](name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__getattr__("__all__")})

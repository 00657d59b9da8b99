"""Files in and out: micrographs, movies, coordinates; the only room that knows file formats."""

import lazy_loader

# Rooms hold settings that the command line needs at once; what is heavy is imported when it is first used.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

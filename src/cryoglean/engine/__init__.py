"""The engine: many micrographs, each one idempotent job, from a laptop to a cluster."""

from cryoglean.engine.folder import RunFolder
from cryoglean.engine.session import Run, pick, reselect
from cryoglean.engine.watching import watch

__all__ = ["Run", "RunFolder", "pick", "reselect", "watch"]

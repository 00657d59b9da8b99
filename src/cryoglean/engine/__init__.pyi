from .folder import RunFolder
from .session import Run, pick, reselect
from .watching import watch

__all__ = ["Run", "RunFolder", "pick", "reselect", "watch"]

"""What spreads jobs over processes and machines, behind one interface."""

from cryoglean.engine.executors.base import Executor
from cryoglean.engine.executors.choice import choose_executor

__all__ = ["Executor", "choose_executor"]

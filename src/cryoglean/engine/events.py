"""What a run reports while it goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cryoglean.engine.learning import Learned
from cryoglean.engine.size import MeasuredSize
from cryoglean.engine.summary import Summary
from cryoglean.engine.work import Outcome


@dataclass(frozen=True)
class Measured:
    """The particles were measured, now or at an earlier start.

    Parameters
    ----------
    size : MeasuredSize
        What was found.
    """

    size: MeasuredSize


@dataclass(frozen=True)
class Learning:
    """The run taught what its particles look like, now or at an earlier start, or it could not.

    Parameters
    ----------
    learned : Learned
        What came of it.
    """

    learned: Learned


@dataclass(frozen=True)
class Started:
    """Jobs begin.

    Parameters
    ----------
    jobs : int
        How many there are to do.
    kept : int
        How many were done at an earlier start.
    executor : str
        With what they are done.
    """

    jobs: int
    kept: int
    executor: str


@dataclass(frozen=True)
class Waiting:
    """A watch waits for micrographs, as some of its inputs hold none.

    Parameters
    ----------
    reasons : tuple of str
        Why, for each of these inputs.
    """

    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Ended:
    """Jobs ended.

    Parameters
    ----------
    jobs, failed : int
        How many were done now, and how many of those failed.
    seconds : float
        What they took.
    stopped : bool
        Whether a signal ended them before all were done.
    summary : Summary, optional
        The whole run in numbers; None where it was stopped, or is one shard of many.
    """

    jobs: int
    failed: int
    seconds: float
    stopped: bool
    summary: Summary | None


@dataclass(frozen=True)
class Noted:
    """Something about the inputs that the user should know, and that stops nothing.

    Parameters
    ----------
    text : str
        What it is.
    """

    text: str


Event = Measured | Learning | Noted | Waiting | Started | Outcome | Ended
Reporter = Callable[[Event], None]

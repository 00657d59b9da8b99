"""Worker processes that share nothing but what they are given."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing.connection import Connection
from typing import Any, TypeVar

import cv2

from cryoglean.lifeline import Lifeline, hold_on

T = TypeVar("T")


def in_processes(
    function: Callable[..., T], calls: Iterable[tuple[Any, ...]], workers: int
) -> Iterator[tuple[int, T]]:
    """Call a function in several processes, and give each result with its call's number as it comes.

    Parameters
    ----------
    function : callable
        Of a module, so that a process can find it.
    calls : iterable of tuple
        Its arguments, call by call.
    workers : int
        Number of processes; one means this one. They are started afresh rather than forked, since threads may
        run here.
    """
    if workers == 1:
        yield from ((number, function(*call)) for number, call in enumerate(calls))
        return
    context = multiprocessing.get_context("spawn")
    lifeline = Lifeline(context)
    with ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(lifeline.end,)) as pool:
        futures = {pool.submit(function, *call): number for number, call in enumerate(calls)}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:
            lifeline.cut()
            raise


def _begin(lifeline: Connection) -> None:
    hold_on(lifeline)
    cv2.setNumThreads(1)

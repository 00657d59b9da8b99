"""Worker processes that share nothing but what they are given."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any, TypeVar

import cv2

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
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_keep_to_one_thread) as pool:
        futures = {pool.submit(function, *call): number for number, call in enumerate(calls)}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _keep_to_one_thread() -> None:
    cv2.setNumThreads(1)

"""Options that take one number or two: a value, or the smallest and the largest that it can be."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

from cryoglean.errors import UsageError


def takes_range(annotation: Any) -> bool:
    """Return whether a setting may be a number or a pair of numbers."""
    pairs = {get_origin(kind) is tuple for kind in get_args(annotation) if kind is not type(None)}
    return pairs == {True, False}


def number_or_range(value: Any) -> Any:
    """Return the number, or the two that `with_ranges` has joined.

    Raises
    ------
    UsageError
        It is neither.
    """
    words = value.split() if isinstance(value, str) else [value]
    if len(words) not in (1, 2) or not all(map(_is_number, words)):
        raise UsageError(f"wanted a number or two, got {value!r}")
    numbers = tuple(map(float, words))
    return numbers[0] if len(numbers) == 1 else numbers


def with_ranges(args: Sequence[str], flags: Collection[str]) -> list[str]:
    """Join the two numbers that follow one of these options.

    What names a file or folder that is there is an input, as in ``--diameter 120 2024``.
    """
    joined: list[str] = []
    rest = list(args)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return [*joined, word, *rest]
        flag, equals, first = word.partition("=")
        numbers = [first, *rest[:1]] if equals else rest[:2]
        two = len(numbers) == 2 and all(map(_is_number, numbers))
        if flag in flags and two and not _is_there(numbers[1]):
            joined.append(f"{flag}={' '.join(numbers)}")
            del rest[: 1 if equals else 2]
        else:
            joined.append(word)
    return joined


def _is_number(word: Any) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _is_there(word: str) -> bool:
    return Path(word).exists()

"""The command line: one module a verb, each a thin layer over the Python interface."""

# What `signal` is made of, without the enumerations that take most of its time to import.
import _signal  # type: ignore[import-not-found]
import os

__all__ = ["main"]


def main() -> None:
    """Run the command line; an error or a signal becomes one message and an exit code that is not 0."""
    # Before anything that takes time is imported, and anything is begun.
    before = {number: _signal.signal(number, _leave) for number in (_signal.SIGINT, _signal.SIGTERM)}
    try:
        from cryoglean.cli.stopping import ending_promptly

        with ending_promptly():
            from cryoglean.cli.app import run

            run()
    finally:
        for number, handler in before.items():
            _signal.signal(number, handler)


def _leave(number: int, _: object) -> None:
    os.write(2, b"stopped\n")
    os._exit(128 + number)

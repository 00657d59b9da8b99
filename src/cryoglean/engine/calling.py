"""Picking from Python: what `cryoglean pick` does, in one call."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cryoglean.engine.folder import RunFolder
from cryoglean.engine.learning import Learned, learn_run, learned_of, wants_learning, with_learned
from cryoglean.engine.ledger import Record, rounded
from cryoglean.engine.plan import Job
from cryoglean.engine.register import read_jobs
from cryoglean.engine.results import read_config, read_results
from cryoglean.engine.session import Run
from cryoglean.engine.session import pick as pick_run
from cryoglean.engine.settings import EngineConfig
from cryoglean.engine.size import MeasuredSize, kept_size, measure_run, resolve
from cryoglean.engine.summary import Summary, sum_up, told
from cryoglean.engine.verdict import how_picked
from cryoglean.engine.work import find_candidates, outcome_of
from cryoglean.errors import CryogleanError, UsageError
from cryoglean.io import expand_inputs
from cryoglean.pickers.factory import require_weights
from cryoglean.pickers.settings import PickConfig
from cryoglean.select import select
from cryoglean.types import Micrograph, MicrographFile, Picks

PathLike = str | os.PathLike[str]
Given = PathLike | Micrograph | Sequence[PathLike] | Sequence[Micrograph]


@dataclass(frozen=True, eq=False, repr=False)
class PickedRun:
    """Micrographs that were picked together.

    Parameters
    ----------
    picks : tuple of Picks
        Of each micrograph, in order: selected, the best first; empty where the micrograph failed.
    candidates : tuple of Picks
        All that was found in each, scored and not selected, for `cryoglean.select.select`.
    config : PickConfig
        Every setting as it was used.
    size : MeasuredSize, optional
        What was measured of the particles.
    learned : Learned, optional
        What the run taught; None where it was not asked.
    summary : Summary
        The run in numbers, with what to expect of the picks and what concerns it as a whole.
    failures : mapping of str to str
        Why micrographs failed, by their names.
    folder : RunFolder, optional
        Where the results lie, if they were kept.
    """

    picks: tuple[Picks, ...]
    candidates: tuple[Picks, ...]
    config: PickConfig
    size: MeasuredSize | None
    learned: Learned | None
    summary: Summary
    failures: Mapping[str, str]
    folder: RunFolder | None = None

    def __repr__(self) -> str:
        summary = self.summary
        failed = f", {summary.failed} failed" if summary.failed else ""
        lines = [f"PickedRun: {summary.picks:,} picks in {summary.micrographs:,} micrographs{failed}"]
        lines += how_picked(summary) if summary.done else []
        lines += [f"warning: {text}" for text in summary.notices]
        lines += [f"to try: {text}" for text in summary.advice]
        return "\n  ".join(lines)


def pick(
    micrographs: Given,
    config: PickConfig | None = None,
    *,
    out: PathLike | None = None,
    workers: int = 1,
) -> PickedRun:
    """Find the particles of micrographs, as `cryoglean pick` does.

    All micrographs hold the same particles: their size is measured, and what they look like is learned, from
    several of them together.

    Parameters
    ----------
    micrographs : str, Path, Micrograph, or sequence of these
        Files, folders, globs, ``@lists`` and STAR files, as the command line takes them; or micrographs that
        were read already.
    config : PickConfig, optional
        What decides the picks; nothing needs to be given.
    out : str or Path, optional
        Folder of the run, which a second call goes on with. Without it nothing is kept on disk; micrographs
        that were read already leave none.
    workers : int
        Processes at a time, for files. Scripts that use more than one need ``if __name__ == "__main__":``.

    Returns
    -------
    PickedRun
        A micrograph that cannot be picked is among its failures and stops nothing.

    Raises
    ------
    UsageError
        No micrographs, or settings that do not go together.
    OutputError
        Results cannot be written.

    Examples
    --------
    >>> import cryoglean
    >>> run = cryoglean.pick("Micrographs/", cryoglean.PickConfig(diameter=(90, 130)))  # doctest: +SKIP
    >>> run.picks[0].xy, run.picks[0].score  # doctest: +SKIP
    """
    config = config or PickConfig()
    many = [micrographs] if isinstance(micrographs, str | os.PathLike | Micrograph) else list(micrographs)
    in_memory = [one for one in many if isinstance(one, Micrograph)]
    if not in_memory:
        paths = [os.fspath(one) for one in many if not isinstance(one, Micrograph)]
        return _pick_files(paths, config, out=out, workers=workers)
    if len(in_memory) < len(many):
        raise UsageError("give either files or micrographs that were read, not both")
    if out is not None:
        raise UsageError("micrographs that were read already leave no folder; give their files with `out`")
    return _pick_in_memory(in_memory, config)


def _pick_files(paths: list[str], config: PickConfig, *, out: PathLike | None, workers: int) -> PickedRun:
    optics = [Path(path) for path in paths if path.lower().endswith(".star")]
    with tempfile.TemporaryDirectory(prefix="cryoglean-") as scratch:
        folder = RunFolder(Path(scratch) / "run" if out is None else Path(out))
        engine = EngineConfig(workers=workers)
        ended = pick_run(Run(expand_inputs(paths), folder, config, engine, optics=optics), lambda _: None)
        assert ended.summary is not None
        used = read_config(folder.config)
        results = list(read_results(read_jobs(folder), folder))
        return _gathered(
            [(job, record, picks) for job, record, picks in results],
            config=used,
            size=kept_size(folder.size),
            learned=learned_of(folder, used),
            folder=None if out is None else folder,
        )


def _pick_in_memory(micrographs: Sequence[Micrograph], config: PickConfig) -> PickedRun:
    require_weights(config)
    given = config
    if config.angpix is not None:
        micrographs = [replace(one, pixel_size=config.angpix, calibrated=True) for one in micrographs]
    # Each under a path of its own, in order, so that those which are measured and taught from are spread.
    files = [
        MicrographFile(Path(os.sep, f"{number:09d}"), one.listed or one.name)
        for number, one in enumerate(micrographs)
    ]
    by_path = {file.path: one for file, one in zip(files, micrographs, strict=True)}
    size = measure_run(files, config, lambda file: by_path[file.path])
    config = resolve(config, size)
    learned = model = None
    if wants_learning(given, config):
        learned, model = learn_run(files, config, lambda file: by_path[file.path])
        config = with_learned(config, learned, given=given)
    results = []
    for file, micrograph in zip(files, micrographs, strict=True):
        job, record = Job(micrograph.name, file), Record(micrograph.name, file.listed, config)
        picks = Picks.empty(micrograph)
        try:
            record = replace(record, candidates=rounded(find_candidates(micrograph, config, model)))
            picks = select(record.candidates or picks, record.selection)
        except CryogleanError as error:
            record = replace(record, error=str(error))
        results.append((job, record, picks))
    return _gathered(results, config=config, size=size, learned=learned)


def _gathered(
    results: Iterable[tuple[Job, Record, Picks]],
    *,
    config: PickConfig,
    size: MeasuredSize | None,
    learned: Learned | None,
    folder: RunFolder | None = None,
) -> PickedRun:
    results = list(results)
    outcomes = [outcome_of(job, record, picks) for job, record, picks in results]
    return PickedRun(
        picks=tuple(picks for _, _, picks in results),
        candidates=tuple(record.candidates or picks for _, record, picks in results),
        config=config,
        size=size,
        learned=learned,
        summary=told(sum_up(outcomes, missing=0), config, measured=size, learned=learned),
        failures={record.name: record.error for _, record, _ in results if record.error is not None},
        folder=folder,
    )

"""The files of an evaluation: figures as JSON, micrographs and curves as tables, curves as a picture."""

from __future__ import annotations

import json
from pathlib import Path

from cryoglean.evaluate import Evaluation
from cryoglean.io.spreadsheets import write_table
from cryoglean.io.writing import complete_or_absent
from cryoglean.report.plots import as_png, precision_recall_curves


def write_evaluation(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Write everything that an evaluation says.

    Parameters
    ----------
    evaluation : Evaluation
        The figures.
    folder : Path
        Receives ``evaluation.json``, ``micrographs.csv``, ``precision_recall.csv`` and
        ``precision_recall.png``.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    OutputError
        A file cannot be written.
    """
    figures, micrographs = folder / "evaluation.json", folder / "micrographs.csv"
    curve, picture = folder / "precision_recall.csv", folder / "precision_recall.png"
    with complete_or_absent(figures) as partial:
        partial.write_text(json.dumps(evaluation.as_dict(), indent=2) + "\n", encoding="utf-8")
    rows = [
        {"micrograph": name} | merit.as_dict()
        for name, merits in evaluation.micrographs.items()
        for merit in merits
    ]
    write_table(micrographs, list(rows[0]), (row.values() for row in rows))
    points = (
        (merit.tolerance, *values)
        for merit, one in zip(evaluation.pooled, evaluation.curves, strict=True)
        for values in zip(one.score.tolist(), one.precision.tolist(), one.recall.tolist(), strict=True)
    )
    write_table(curve, ["tolerance", "score", "precision", "recall"], points)
    with complete_or_absent(picture) as partial:
        partial.write_bytes(as_png(precision_recall_curves(evaluation)))
    return [figures, micrographs, curve, picture]

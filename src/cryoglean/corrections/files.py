"""Corrections on disk: one small JSON file for each micrograph that was corrected."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from cryoglean.corrections.types import Corrections
from cryoglean.errors import CorrectionsError
from cryoglean.io.limits import read_file
from cryoglean.io.writing import complete_or_absent
from cryoglean.settings import fault_of

_REMEDY = "mend the file, or remove it to do without these corrections"


def read_corrections(path: Path, micrograph: str) -> Corrections:
    """Read the corrections of a micrograph.

    Parameters
    ----------
    path : Path
        The file.
    micrograph : str
        Name of the micrograph.

    Returns
    -------
    Corrections
        Empty where there is no file.

    Raises
    ------
    CorrectionsError
        The file cannot be read, or holds something else.
    """
    try:
        return Corrections.model_validate_json(read_file(path))
    except FileNotFoundError:
        return Corrections(micrograph=micrograph)
    except OSError as error:
        raise CorrectionsError(path, f"cannot be read: {error.strerror or error}", _REMEDY) from None
    except ValidationError as error:
        other = next((one["input"] for one in error.errors() if one["loc"] == ("version",)), None)
        if other is not None:
            remedy = "use the version of the program that wrote them"
            raise CorrectionsError(path, f"corrections of format {str(other)[:20]}, not 1", remedy) from None
        cause = f"no corrections of a micrograph: {fault_of(error)}"
        raise CorrectionsError(path, cause, _REMEDY) from None


def write_corrections(path: Path, corrections: Corrections) -> None:
    """Write the corrections of a micrograph.

    Raises
    ------
    OutputError
        They cannot be written; what was there before still is.
    """
    with complete_or_absent(path) as partial:
        partial.write_text(corrections.model_dump_json(indent=1) + "\n", encoding="utf-8")

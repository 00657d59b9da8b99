"""A page on paper."""

from __future__ import annotations

from pathlib import Path

from cryoglean.errors import FileError
from cryoglean.io.writing import complete_or_absent


def print_page(page: Path) -> Path:
    """Print an HTML page of ours as PDF, beside it.

    Parameters
    ----------
    page : Path
        The page, which needs no other file.

    Returns
    -------
    Path
        The PDF file.

    Raises
    ------
    FileError
        What prints is not installed.
    OutputError
        The file cannot be written.
    """
    target = page.with_suffix(".pdf")
    try:
        import weasyprint
    except ImportError:
        remedy = "pip install 'cryoglean[pdf]', or print report.html from a browser"
        raise FileError(target, "cannot be made: WeasyPrint is not installed", remedy) from None
    except OSError as error:
        # WeasyPrint sets text with Pango, a library of the system, which it opens when it is imported.
        remedy = "install Pango by the system's packages or conda, or print report.html from a browser"
        raise FileError(target, f"cannot be made: {str(error).splitlines()[0]}", remedy) from None
    with complete_or_absent(target) as partial:
        weasyprint.HTML(filename=page).write_pdf(partial)
    return target

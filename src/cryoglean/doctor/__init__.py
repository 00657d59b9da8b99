"""What is wrong with a folder of micrographs, found before a run and not by it."""

from cryoglean.doctor.examination import Examination, examine
from cryoglean.doctor.findings import Finding

__all__ = ["Examination", "Finding", "examine"]

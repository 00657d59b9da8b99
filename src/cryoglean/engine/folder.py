"""Where everything lies in the folder of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryoglean.errors import OutputError


def file_name(name: str) -> str:
    """Return a name that files are called after, which must be no path: it may come from anybody's files.

    Raises
    ------
    ValueError
        It is one.
    """
    if name in ("", ".", "..") or "\0" in name or name != Path(name).name:
        raise ValueError(f"{name!r} is not the name of a file")
    return name


@dataclass(frozen=True)
class RunFolder:
    """The folder of a run.

    Parameters
    ----------
    root : Path
        The folder named with ``--out``.
    """

    root: Path

    @property
    def config(self) -> Path:
        """The resolved configuration, which gives the same picks again with ``--config``."""
        return self.root / "config.toml"

    @property
    def summary(self) -> Path:
        """Counts, failures and outliers."""
        return self.root / "summary.json"

    @property
    def table(self) -> Path:
        """All picks, one row each."""
        return self.root / "picks.csv"

    @property
    def micrograph_table(self) -> Path:
        """All micrographs, one row each."""
        return self.root / "micrographs.csv"

    @property
    def micrograph_star(self) -> Path:
        """The same in STAR."""
        return self.root / "micrographs.star"

    @property
    def star_list(self) -> Path:
        """The list of coordinate files by which RELION finds them."""
        return self.root / "autopick.star"

    @property
    def inputs(self) -> Path:
        """The micrographs of the run, one path a line, in order."""
        return self.root / "inputs.txt"

    @property
    def register(self) -> Path:
        """Which micrographs the run has or ever had, and under which key each is kept."""
        return self.root / "register.json"

    @property
    def size(self) -> Path:
        """What was measured of the particles before picking."""
        return self.root / "particle_size.json"

    @property
    def learning(self) -> Path:
        """What came of learning from the run."""
        return self.root / "learning.json"

    @property
    def model(self) -> Path:
        """What the run taught, as plain numbers: class averages, and what each kind of evidence is worth."""
        return self.root / "model.npz"

    @property
    def defocus(self) -> Path:
        """Defocus and CTF fit of the micrographs, where they are known."""
        return self.root / "defocus.csv"

    @property
    def report(self) -> Path:
        """The run as one page, with pictures."""
        return self.root / "report.html"

    @property
    def evaluation(self) -> Path:
        """Folder of what a comparison with the truth gave."""
        return self.root / "evaluation"

    @property
    def lock(self) -> Path:
        """Locked by whoever works here."""
        return self.root / ".lock"

    @property
    def size_lock(self) -> Path:
        """Locked by whoever measures the particles."""
        return self.root / ".particle_size.lock"

    @property
    def stars(self) -> Path:
        """Folder of the coordinate files."""
        return self.root / "picks"

    @property
    def jobs(self) -> Path:
        """Folder of the ledger: one record for each micrograph."""
        return self.root / "jobs"

    @property
    def corrections(self) -> Path:
        """Folder of what a user has corrected: a file for each micrograph with corrections."""
        return self.root / "corrections"

    @property
    def overlays(self) -> Path:
        """Folder of the pictures."""
        return self.root / "overlays"

    @property
    def classes(self) -> Path:
        """Folder of the 2D class averages."""
        return self.root / "classes"

    @property
    def weights(self) -> Path:
        """Folder of the weights that were fine-tuned on the run."""
        return self.root / "weights"

    @property
    def thumbnails(self) -> Path:
        """Folder of small pictures of the micrographs, which the viewer keeps and can make again."""
        return self.root / ".view" / "thumbnails"

    @property
    def class_averages(self) -> Path:
        """The averages, the largest class first, as a stack."""
        return self.classes / "classes.mrcs"

    @property
    def class_star(self) -> Path:
        """The list of averages by which RELION finds them."""
        return self.classes / "classes.star"

    @property
    def class_particles(self) -> Path:
        """The picks that were sorted: class, turn and shift of each."""
        return self.classes / "particles.star"

    @property
    def class_table(self) -> Path:
        """What was measured of each class, and what it shows."""
        return self.classes / "classes.json"

    @property
    def class_picture(self) -> Path:
        """The averages in one picture, with counts and judgements."""
        return self.classes / "classes.png"

    def star(self, name: str) -> Path:
        """Coordinate file of a micrograph, by its name."""
        return self.stars / f"{name}_autopick.star"

    def record(self, key: str) -> Path:
        """Record of a micrograph, by its key."""
        return self.jobs / f"{key}.json"

    def correction(self, key: str) -> Path:
        """Corrections of a micrograph, by its key."""
        return self.corrections / f"{key}.json"

    def overlay(self, name: str) -> Path:
        """Picture of a micrograph with its picks, by its name."""
        return self.overlays / f"{name}.png"

    def require_own_folders(self) -> None:
        """Make sure that what is written into the folders of the run stays in it, as those may be anybody's.

        Raises
        ------
        OutputError
            One of them is a link.
        """
        written = (self.stars, self.jobs, self.corrections, self.overlays, self.classes, self.evaluation)
        for folder in (*written, self.weights, self.thumbnails.parent, self.thumbnails):
            if folder.is_symlink():
                cause = f"is a link to {folder.readlink()}, and results stay within the folder of the run"
                raise OutputError(folder, cause, "put the folder itself in its place")

    def sweep(self) -> None:
        """Remove what processes that were killed had not finished writing."""
        for folder in (self.root, self.stars, self.jobs, self.overlays, self.classes):
            for partial in folder.glob(".*.partial.*"):
                partial.unlink(missing_ok=True)

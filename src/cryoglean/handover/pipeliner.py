"""A job of the CCP-EM Pipeliner and of Doppio, which find it by the entry point ``ccpem_pipeliner.jobs``.

Nothing in cryoglean imports this module: it needs the pipeliner, which loads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeliner.display_tools import create_results_display_object, make_particle_coords_thumb
from pipeliner.external_program_utils import ExternalProgram
from pipeliner.job_options import FileDescription, FloatJobOption, InputNodeJobOption
from pipeliner.nodes import NODE_MICROGRAPHCOORDSGROUP, NODE_MICROGRAPHGROUPMETADATA
from pipeliner.pipeliner_job import PipelinerCommand, PipelinerJob, Ref
from pipeliner.results_display_objects import ResultsDisplayObject

import cryoglean
from cryoglean.engine import RunFolder
from cryoglean.io.formats import read_picks
from cryoglean.io.formats.relion import COORDINATES, MICROGRAPH
from cryoglean.io.formats.star import find_block, read_star
from cryoglean.pickers.settings import PickConfig

#: Settings of cryoglean that are options of the job; all others can be given as additional arguments.
SETTINGS = {"diameter": "Particle diameter (Å):", "min_score": "Lowest score:"}


class CryogleanAutopick(PipelinerJob):
    """Automated picking with cryoglean; the command is `cryoglean relion`."""

    PROCESS_NAME = "cryoglean.autopick"
    OUT_DIR = "AutoPick"
    CATEGORY_LABEL = "Automated Particle Picking"

    def __init__(self) -> None:
        super().__init__()
        self.can_continue = True
        self.always_continue_in_schedule = True
        self._describe()
        self.joboptions["input_file"] = InputNodeJobOption(
            label="Input micrographs file:",
            node_type=NODE_MICROGRAPHGROUPMETADATA,
            node_kwds=["relion"],
            pattern=FileDescription("Micrographs", [".star"]),
            help_text="STAR file with the micrographs to pick from.",
            is_required=True,
        )
        for name, label in SETTINGS.items():
            self.joboptions[name] = FloatJobOption(
                label=label,
                default_value=None,
                hard_min=0,
                help_text=f"{PickConfig.options()[name].description} Leave blank for automatic.",
                in_continue=True,
            )
        self.get_runtab_options(threads=True, addtl_args=True)

    def _describe(self) -> None:
        self.jobinfo.display_name = "cryoglean picking"
        self.jobinfo.short_desc = "Automated particle picking with nothing to configure"
        self.jobinfo.long_desc = (
            "Measures size and contrast of the particles in the micrographs themselves and picks them. "
            "Runs on processor cores alone."
        )
        self.jobinfo.version = cryoglean.__version__
        self.jobinfo.job_author = "The cryoglean developers"
        self.jobinfo.programs = [ExternalProgram("cryoglean", vers_com=["cryoglean", "--version"])]
        self.jobinfo.references = [
            Ref(
                authors=["Al-Azzawi A", "Ouadou A", "Tanner JJ", "Cheng J"],
                title=(
                    "AutoCryoPicker: an unsupervised learning approach for fully automated single particle "
                    "picking in Cryo-EM images"
                ),
                journal="BMC Bioinformatics",
                year="2019",
                volume="20",
                pages="326",
                doi="10.1186/s12859-019-2926-y",
            )
        ]

    def create_output_nodes(self) -> None:
        """Name the list of coordinate files as the result, in the form that RELION's jobs take."""
        self.add_output_node(self._folder.star_list.name, NODE_MICROGRAPHCOORDSGROUP, ["relion", "autopick"])

    def get_commands(self) -> list[PipelinerCommand]:
        """Return the one command of the job."""
        command = ["cryoglean", "relion", "--o", self.output_dir]
        command += ["--in_mics", self.joboptions["input_file"].get_string()]
        command += ["--j", str(self.get_nr_threads())]
        for name in SETTINGS:
            if not self.joboptions[name].is_blank:
                command += [f"--{name}", self.joboptions[name].get_string()]
        return [PipelinerCommand(command + self.parse_additional_args())]

    def gather_metadata(self) -> dict[str, float]:
        """Return how many particles were picked."""
        counts = self._counts()
        return {"TotalParticles": sum(counts), "Micrographs": len(counts)}

    def create_results_display(self) -> Sequence[ResultsDisplayObject]:
        """Show picks on the first micrograph, and how many there are on each."""
        star_list = str(self._folder.star_list)
        counts = self._counts()
        histogram = create_results_display_object(
            "histogram",
            title=f"{sum(counts)} picked particles",
            data_to_bin=counts,
            xlabel="Number of particles",
            ylabel="Micrographs",
            associated_data=[star_list],
        )
        listing = find_block(read_star(star_list), MICROGRAPH, COORDINATES)
        if listing is None or not len(listing):
            return [histogram]
        first = listing.text(MICROGRAPH)[0], listing.text(COORDINATES)[0]
        return [make_particle_coords_thumb(*first, self.output_dir), histogram]

    @property
    def _folder(self) -> RunFolder:
        return RunFolder(Path(self.output_dir))

    def _counts(self) -> list[int]:
        return [len(picks) for picks in read_picks(self._folder.star_list)]

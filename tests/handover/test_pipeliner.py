"""The CCP-EM Pipeliner finds the job, runs it and shows what came out."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cryoglean.io.formats import read_picks


def test_nothing_imports_the_plugin_by_itself():
    code = "import sys, cryoglean.cli, cryoglean.handover.relion; print('pipeliner' in ' '.join(sys.modules))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == "False"


@pytest.mark.external
def test_the_pipeliner_runs_the_job(project, monkeypatch):
    pytest.importorskip("pipeliner", reason="the CCP-EM Pipeliner is not installed")
    from pipeliner.api.manage_project import PipelinerProject
    from pipeliner.job_factory import new_job_of_type

    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert new_job_of_type("cryoglean.autopick").jobinfo.is_available
    job = PipelinerProject(make_new_project=True).run_job(
        {
            "_rlnJobTypeLabel": "cryoglean.autopick",
            "input_file": "Import/job001/micrographs.star",
            "nr_threads": "1",
            "min_score": "0.2",
        },
        run_in_foreground=True,
    )
    (node,) = job.output_nodes
    assert node.type == "MicrographCoordsGroup.star.relion.autopick"
    picks = read_picks(node.name)
    assert len(picks) == 3
    assert job.gather_metadata() == {"TotalParticles": sum(map(len, picks)), "Micrographs": 3}
    assert "min_score = 0.2" in Path(job.output_dir, "config.toml").read_text()
    image, histogram = job.create_results_display()
    assert histogram.title == f"{sum(map(len, picks))} picked particles"
    assert Path(image.image_path).exists()

"""What is known of micrographs follows from picks and corrections alone."""

from pathlib import Path

import numpy as np
import pytest

from cryoglean.corrections import Corrections, Moved
from cryoglean.corrections.files import write_corrections
from cryoglean.dataset.tiles import PARTICLE, REFUTED
from cryoglean.engine import Run, RunFolder, pick
from cryoglean.engine.records import read_record
from cryoglean.errors import FileError, UsageError
from cryoglean.io.formats import write_picks
from cryoglean.networks.runtime import load_networks
from cryoglean.pickers.settings import PickConfig
from cryoglean.select import select
from cryoglean.training.annotations import (
    AnnotatedMicrograph,
    Annotations,
    annotations_of_picks,
    annotations_of_run,
    labelled_micrograph,
)
from cryoglean.training.labelling import Annotation
from cryoglean.types import ParticleSize, Picks
from tests.training.conftest import NAMES, Correct

NONE = np.zeros((0, 2))


def picked(run: RunFolder, name: str) -> np.ndarray:
    record = read_record(run.record(name))
    return select(record.candidates, record.selection).xy


def rows(xy: np.ndarray) -> set[tuple[float, float]]:
    return {(float(x), float(y)) for x, y in xy}


def test_what_was_looked_at_is_sure_and_the_rest_of_it_background(run: RunFolder, correct: Correct) -> None:
    made = correct("mic1", looked_at=True)
    annotations = annotations_of_run(run)
    (annotated,) = annotations.micrographs
    assert (annotated.name, annotated.file.path.stem) == ("mic1", "mic1")
    deleted = (made.deleted[0].x, made.deleted[0].y)
    assert rows(annotated.annotation.sure) == (rows(picked(run, "mic1")) - {deleted}) | {(100.0, 101.0)}
    assert rows(annotated.annotation.refuted) == {deleted}
    assert annotated.annotation.complete
    assert len(annotated.annotation.weak) == 0
    assert annotations.size == ParticleSize(96.0, "dark")
    assert "1 deleted pick" in annotations.description


def test_elsewhere_only_what_was_corrected_is_sure(run: RunFolder, correct: Correct) -> None:
    made = correct("mic1")
    (annotated,) = annotations_of_run(run).micrographs
    assert rows(annotated.annotation.sure) == {(100.0, 101.0)}
    assert rows(annotated.annotation.weak) == rows(picked(run, "mic1")) - {
        (made.deleted[0].x, made.deleted[0].y)
    }
    assert not annotated.annotation.complete


def test_the_diameter_is_that_of_the_whole_run_and_not_measured_again(
    micrographs: Path, tmp_path: Path
) -> None:
    run = RunFolder(tmp_path / "run")
    pick(Run(sorted(micrographs.iterdir()), run, PickConfig(method="unsupervised")), lambda _: None)
    record = read_record(run.record("mic0"))
    assert record is not None
    assert record.config.diameter is not None
    # In what was corrected alone nothing could be measured: it is not there.
    inputs = run.inputs.read_text().replace(str(micrographs), str(tmp_path / "elsewhere"))
    assert "elsewhere" in inputs
    run.inputs.write_text(inputs)
    write_corrections(run.correction("mic0"), Corrections(micrograph="mic0", looked_at=True))
    assert annotations_of_run(run).size == ParticleSize(record.config.diameter, "dark")


def test_a_moved_pick_counts_where_it_was_put(run: RunFolder, correct: Correct) -> None:
    x, y = picked(run, "mic2")[1]
    correct("mic2", added=(), moved=(Moved(from_x=x, from_y=y, x=x + 5, y=y),))
    (annotated,) = annotations_of_run(run).micrographs
    assert rows(annotated.annotation.sure) == {(x + 5, y)}
    assert (x, y) not in rows(annotated.annotation.weak)


def test_rejected_and_untouched_micrographs_teach_nothing(run: RunFolder, correct: Correct) -> None:
    correct("mic0", rejected=True)
    with pytest.raises(UsageError, match="cryoglean view"):
        annotations_of_run(run)
    correct("mic3")
    assert [annotated.name for annotated in annotations_of_run(run).micrographs] == ["mic3"]


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be read"):
        annotations_of_run(RunFolder(tmp_path))


def test_picks_of_other_programs_find_their_micrographs(micrographs: Path, tmp_path: Path) -> None:
    xy = np.array([[20.0, 30.0], [60.0, 80.0]])
    mine = Picks(xy, diameter=np.full(2, 24.0), name="mic2_DW", shape=(200, 200), pixel_size=1.0)
    write_picks([mine], tmp_path / "mine" / "mic2_DW.box", format="eman")
    known = PickConfig(diameter=96.0)
    annotations = annotations_of_picks([tmp_path / "mine"], [micrographs], config=known, complete=False)
    (annotated,) = annotations.micrographs
    assert annotated.name == "mic2"
    np.testing.assert_allclose(annotated.annotation.sure, xy, atol=1)
    assert not annotated.annotation.complete
    assert annotations.size == ParticleSize(96.0, "dark")


def test_picks_of_no_micrograph_are_refused(micrographs: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    write_picks([Picks(np.array([[20.0, 30.0]]), name="other", shape=(200, 200))], path)
    with pytest.raises(UsageError, match="picks are about 'other'"):
        annotations_of_picks([path], [micrographs], config=PickConfig(), complete=True)


def test_the_diameter_is_that_of_the_picks_where_it_is_not_given(micrographs: Path, tmp_path: Path) -> None:
    path = tmp_path / "mic0.csv"
    mine = Picks(np.array([[20.0, 30.0]]), diameter=np.array([90.0]), name="mic0", pixel_size=4.0)
    write_picks([mine], path)
    annotations = annotations_of_picks([path], [micrographs], config=PickConfig(), complete=True)
    assert annotations.size.diameter == 90.0


def test_a_labelled_micrograph_has_its_particles_where_they_were_picked(micrographs: Path) -> None:
    networks = load_networks("general")
    annotation = Annotation(np.array([[50.0, 80.0]]), NONE, np.array([[150.0, 20.0]]), True)
    size = ParticleSize(96.0, "dark")
    annotated = AnnotatedMicrograph("mic0", micrographs / "mic0.mrc", annotation)
    labelled = labelled_micrograph(annotated, Annotations((annotated,), size), networks)
    assert labelled.level.shape[0] % 8 == labelled.level.shape[1] % 8 == 0
    step = 24.0 / networks.weights.card.architecture.particle_px
    rows_, columns = labelled.inner
    assert (rows_.stop - rows_.start, columns.stop - columns.start) == (round(200 / step), round(200 / step))
    for (x, y), labels, value in (
        ((50.0, 80.0), labelled.particle, PARTICLE),
        ((150.0, 20.0), labelled.trust, REFUTED),
    ):
        column = round((x + 0.5) / step - 0.5) + columns.start
        assert labels[round((y + 0.5) / step - 0.5) + rows_.start, column] == value


def test_picks_of_another_binning_are_refused(micrographs: Path) -> None:
    annotated = AnnotatedMicrograph(
        "mic0", micrographs / "mic0.mrc", Annotation(np.full((9, 2), 500.0), NONE, NONE, complete=True)
    )
    with pytest.raises(UsageError, match="9 of 9 picks lie outside its 200 × 200 pixels"):
        labelled_micrograph(
            annotated, Annotations((annotated,), ParticleSize(96.0)), load_networks("general")
        )
    assert set(NAMES) == {path.stem for path in micrographs.iterdir()}

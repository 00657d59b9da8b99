from pathlib import Path

import pytest

from cryoglean.corrections import Added, Corrections, Deleted, Moved, read_corrections, write_corrections
from cryoglean.errors import CorrectionsError

MADE = Corrections(
    micrograph="mic",
    revision=7,
    added=(Added(id="a", x=1.5, y=2.25),),
    deleted=(Deleted(x=3, y=4, score=0.5), Deleted(x=5, y=6)),
    moved=(Moved(from_x=1, from_y=2, x=3, y=4),),
    looked_at=True,
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "corrections" / "mic.json"
    assert read_corrections(path, "mic") == Corrections(micrograph="mic")
    write_corrections(path, MADE)
    assert read_corrections(path, "mic") == MADE
    assert [file.name for file in path.parent.iterdir()] == ["mic.json"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no corrections"),
        ('{"micrograph": "mic", "added": [{"id"', "no corrections"),
        ('{"micrograph": "mic", "added": [{"id": "a", "x": NaN, "y": 1}]}', "no corrections"),
        ('{"micrograph": "mic", "deletet": []}', "deletet"),
        ("[]", "no corrections"),
    ],
)
def test_a_damaged_file_is_an_error_and_stays(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mic.json"
    path.write_text(text)
    with pytest.raises(CorrectionsError, match=said) as raised:
        read_corrections(path, "mic")
    assert raised.value.path == path
    assert "remove it" in str(raised.value)
    assert path.read_text() == text


def test_digests_tell_what_picks_follow_from() -> None:
    assert Corrections(micrograph="mic", looked_at=True, revision=3).digest == ""
    assert MADE.digest == MADE.changed(revision=9, looked_at=False).digest
    assert len({MADE.digest, MADE.changed(added=()).digest, ""}) == 3
    assert MADE.changed(rejected=True).digest == "rejected"


def test_corrections_of_a_newer_format_are_left_to_who_wrote_them(tmp_path: Path) -> None:
    path = tmp_path / "mic.json"
    path.write_text('{"micrograph": "mic", "version": 2, "outlines": []}')
    with pytest.raises(CorrectionsError, match=r"corrections of format 2, not 1 \(use the version"):
        read_corrections(path, "mic")

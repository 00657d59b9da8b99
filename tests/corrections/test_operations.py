import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from cryoglean.corrections import Corrections, Deleted, corrected
from cryoglean.corrections.operations import Operation, corrected_by, name_of
from cryoglean.types import Picks

XY = np.array([[10.0, 10.0], [50.125, 10.0], [90.0, 10.0]])
CANDIDATES = Picks(
    XY, np.array([0.9, 0.8, 0.6]), np.full(3, 20.0), name="mic", shape=(100, 100), pixel_size=1.0
)
NAMES = [name_of(x, y) for x, y in XY.tolist()]
EMPTY = Corrections(micrograph="mic")
PARSED = TypeAdapter(list[Operation])


def after(*operations: dict[str, object], before: Corrections = EMPTY) -> Corrections:
    return corrected_by(before, PARSED.validate_python(list(operations)), CANDIDATES)


def delete(name: str) -> dict[str, object]:
    return {"op": "delete", "id": name}


def move(name: str, x: float, y: float) -> dict[str, object]:
    return {"op": "move", "id": name, "x": x, "y": y}


def add(name: str, x: float, y: float) -> dict[str, object]:
    return {"op": "add", "id": name, "x": x, "y": y}


def restore(name: str) -> dict[str, object]:
    return {"op": "restore", "id": name}


def remove(name: str) -> dict[str, object]:
    return {"op": "remove_added", "id": name}


def test_a_deletion_keeps_place_and_score() -> None:
    made = after(delete(NAMES[1]))
    assert made.deleted == (Deleted(x=50.125, y=10.0, score=0.8),)
    assert made.revision == 1
    assert len(corrected(CANDIDATES, made, CANDIDATES)) == 2


def test_what_is_taken_back_leaves_nothing() -> None:
    for done, undone in (
        (delete(NAMES[0]), restore(NAMES[0])),
        (move(NAMES[0], 1, 2), restore(NAMES[0])),
        (add("a", 1, 2), remove("a")),
    ):
        made = after(done)
        assert made.digest
        assert after(undone, before=made).digest == ""
        assert after(undone, before=made).revision == 2


def test_what_changes_nothing_makes_no_revision() -> None:
    made = after(delete(NAMES[0]))
    assert after(delete(NAMES[0]), before=made) == made
    for nothing in (
        remove("b"),
        restore(NAMES[1]),
        move("b", 1, 1),
        delete("b"),
        restore("b"),
        delete("a,b"),
    ):
        assert after(nothing, before=made) == made


def test_the_last_word_about_a_pick_counts() -> None:
    assert after(delete(NAMES[0]), move(NAMES[0], 1, 2)).deleted == ()
    assert after(move(NAMES[0], 1, 2), delete(NAMES[0])).moved == ()
    (moved,) = after(move(NAMES[0], 1, 2), move(NAMES[0], 3, 4)).moved
    assert (moved.from_x, moved.from_y, moved.x, moved.y) == (10, 10, 3, 4)
    (added,) = after(add("a", 1, 2), move("a", 3.00049, 4)).added
    assert (added.x, added.y) == (3.0, 4)


def test_a_deletion_from_before_another_search_can_be_taken_back() -> None:
    before = EMPTY.changed(deleted=(Deleted(x=12, y=10, score=0.7), Deleted(x=70, y=70)))
    made = after(restore(NAMES[0]), before=before)
    assert made.deleted == (Deleted(x=70, y=70),)


STEPS = st.one_of(
    st.builds(delete, st.sampled_from(NAMES)),
    st.builds(move, st.sampled_from([*NAMES, "a", "b"]), st.just(30.0), st.integers(0, 3).map(float)),
    st.builds(add, st.sampled_from("ab"), st.just(5.0), st.integers(0, 3).map(float)),
    st.builds(restore, st.sampled_from(NAMES)),
    st.builds(remove, st.sampled_from("ab")),
    st.builds(lambda value: {"op": "reject", "value": value}, st.booleans()),
)


@given(st.lists(STEPS, max_size=6), st.lists(STEPS, max_size=6))
def test_steps_about_different_picks_may_come_in_any_order(
    one: list[dict[str, object]], other: list[dict[str, object]]
) -> None:
    other = [step for step in other if step.get("id") not in {s.get("id") for s in one}]
    ways = [after(*first, *second) for first, second in itertools.permutations([one, other])]
    for way in ways:
        # The order in which corrections stand means nothing.
        ordered = {field: sorted(getattr(way, field), key=repr) for field in ("added", "deleted", "moved")}
        assert ordered == {
            field: sorted(getattr(ways[0], field), key=repr) for field in ("added", "deleted", "moved")
        }


@given(st.lists(STEPS, max_size=12))
def test_steps_taken_twice_are_taken_once(steps: list[dict[str, object]]) -> None:
    made = after(*steps)
    assert after(*steps[-1:], before=made).digest == made.digest

"""Options, and the settings that a file alone reaches: all of them, by the name that the file prints."""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic.fields import FieldInfo
from typer.testing import CliRunner

from cryoglean.cli.app import VERBS, app, verb
from cryoglean.cli.settings import Settings, resolve
from cryoglean.cli.settings_file import is_table
from cryoglean.errors import UsageError

PARTS: dict[str, Mapping[str, Settings]] = {
    name: parts for name in VERBS if (parts := getattr(verb(name).callback, "parts", None))
}
SAMPLES = (1, 8.0, "1/1", "x", [1, 2])
"""Something that a setting without a default takes."""

Place = tuple[str, ...]


def leaves(fields: Mapping[str, FieldInfo], place: Place = ()) -> Iterator[tuple[Place, FieldInfo]]:
    """Settings that hold a value, with the tables in which they stand."""
    for name, info in fields.items():
        if is_table(info):
            yield from leaves(info.annotation.options(), (*place, name))
        else:
            yield (*place, name), info


def all_settings() -> Iterator[tuple[str, str, Settings, str, Place, FieldInfo]]:
    for name, parts in PARTS.items():
        for parameter, part in parts.items():
            for when, fields in part.sections().items():
                for place, info in leaves(fields):
                    yield name, parameter, part, when, place, info


def as_tables(part: Settings, when: str, place: Place, value: Any) -> dict[str, Any]:
    """What a file holds that says this one thing."""
    for name in reversed(place):
        value = {name: value}
    if when:
        value |= tomllib.loads(when.removeprefix("With "))
    return {part.table: value} if part.table else value


def reached(config: Any, when: str, place: Place) -> Any:
    for name in (("method",) if when else ()) + place:
        config = getattr(config, name)
    return config


@pytest.mark.parametrize("name", PARTS)
def test_every_setting_is_reached_by_a_file(name: str, tmp_path: Path) -> None:
    import tomli_w

    file = tmp_path / "settings.toml"
    for _, parameter, part, when, place, info in (one for one in all_settings() if one[0] == name):
        default = info.get_default(call_default_factory=True)
        reasons = []
        for value in SAMPLES if default is None else (default,):
            plain = value.model_dump() if hasattr(value, "model_dump") else value
            file.write_text(tomli_w.dumps(as_tables(part, when, place, plain)))
            try:
                config = resolve(PARTS[name], file, {})[parameter]
            except UsageError as error:
                reasons.append(str(error))
                continue
            if place != ("method",):
                got = reached(config, when, place)
                assert value in (got, str(got))
            break
        else:
            pytest.fail(f"{'.'.join(place)} of {name}: {reasons}")


@pytest.mark.parametrize("name", PARTS)
def test_the_file_that_is_printed_holds_every_setting_once(name: str) -> None:
    printed = CliRunner().invoke(app, [name, "--settings"])
    assert printed.exit_code == 0
    found, table, when = [], "", ""
    for line in printed.output.splitlines():
        if line.startswith("# With") and line.endswith('":'):
            when = line.removeprefix("# ").removesuffix(":")
        elif line.startswith("#["):
            table = line.strip("#[]") + "."
            when = ""
        elif assigned := re.fullmatch(r"#(\w+) =.*", line):
            found.append((when, table + assigned[1]))
    expected = [
        (when if len(place) == 1 else "", ".".join((*([part.table] if part.table else []), *place)))
        for _, _, part, when, place, _ in (one for one in all_settings() if one[0] == name)
    ]
    assert sorted(found) == sorted(expected)


def test_what_is_printed_is_taken_as_it_stands(tmp_path: Path) -> None:
    """With the # of one value taken away the file is read, and says the default."""
    printed = CliRunner().invoke(app, ["train", "--settings"]).output
    file = tmp_path / "mine.toml"
    file.write_text(re.sub(r"^#(?=\[|\w+ = )", "", printed, flags=re.MULTILINE))
    parts = PARTS["train"]
    assert resolve(parts, file, {}) == resolve(parts, None, {})


def test_an_option_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("min_score = 0.3\nborder = 0.5\n[running]\nworkers = 3\n")
    given = {"min_score": 0.7, "workers": None}
    built = resolve(PARTS["pick"], tmp_path / "mine.toml", given)
    assert (built["config"].min_score, built["config"].border) == (0.7, 0.5)
    assert built["engine"].workers == 3


def test_a_setting_that_means_nothing_to_a_verb_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('[running]\nshard = "1/2"\n')
    with pytest.raises(UsageError, match=r"mine\.toml: shard"):
        resolve(PARTS["watch"], tmp_path / "mine.toml", {})


@pytest.mark.parametrize("name", PARTS)
def test_who_gives_a_setting_as_an_option_is_told_where_it_stands(
    name: str, cryoglean: Callable[..., Any]
) -> None:
    flags = {flag for parameter in verb(name).params for flag in parameter.opts}
    for part in PARTS[name].values():
        for setting in part.in_file_alone():
            # A table may be called as an option is that says something else.
            if f"--{setting.replace('_', '-')}" in flags:
                continue
            outcome = cryoglean(name, f"--{setting.replace('_', '-')}=1")
            assert outcome.code == 2
            assert f"put {setting} into " in outcome.err
            assert "--settings" in outcome.err


@pytest.mark.parametrize("name", VERBS)
def test_help_fits_into_80_columns(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    printed = CliRunner().invoke(app, [name, "--help"])
    assert printed.exit_code == 0
    assert not [line for line in printed.output.splitlines() if len(line) > 80]


def test_help_shows_panels_and_what_is_needed_daily(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    printed = CliRunner().invoke(app, ["pick", "--help"]).output
    panels = re.findall(r"^(\w+):$", printed, re.MULTILINE)
    assert panels == ["Input", "Particles", "Output", "Running", "Options"]
    for flag in ("angpix", "diameter", "contrast", "method", "min-score", "border", "out", "workers"):
        assert re.search(rf"^  --{flag} ", printed, re.MULTILINE)
    assert len(re.findall(r"^  -", printed, re.MULTILINE)) <= 21
    assert "separation" in printed  # Named as a setting of the file.


def test_numbers_that_are_none_are_refused(cryoglean: Callable[..., Any]) -> None:
    outcome = cryoglean("evaluate", ".", ".", "--diameter", "nan")
    assert outcome.code == 2
    assert "--diameter: wanted a finite number, got nan" in outcome.err


def test_arguments_are_named_in_the_line_of_usage() -> None:
    lines = {name: CliRunner().invoke(app, [name, "--help"]).output.splitlines()[0] for name in VERBS}
    assert lines["pick"].endswith("pick [OPTIONS] INPUTS…")
    assert lines["evaluate"].endswith("evaluate [OPTIONS] TRUTH PICKS")
    assert lines["models"].endswith("models [OPTIONS] [NAME]")


def test_every_option_is_explained() -> None:
    for name in VERBS:
        for parameter in typer.main.get_command(app).get_command(None, name).params:
            assert getattr(parameter, "help", None), f"{parameter.name} of {name}"

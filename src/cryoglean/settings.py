"""Settings: frozen models that Python, command-line options, TOML files and docs all read.

Each room has its own, in its `settings.py`. Each field's description is the help text of the option of the
same name, so there is one place to change it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo


class Config(BaseModel):
    """Base of all configurations: immutable, where unknown names and numbers without end are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    def changed(self, **values: Any) -> Self:
        """Return the same settings with some values changed, each checked as if it had been given at first.

        Raises
        ------
        ValidationError
            A value out of range, or a name that is no setting.
        """
        own = {name: getattr(self, name) for name in self.model_fields_set}
        return self.model_validate(own | values)

    @classmethod
    def options(cls) -> Mapping[str, FieldInfo]:
        """Return the settings by the name that options and files give them."""
        found: dict[str, FieldInfo] = {}
        for fields in cls.sections().values():
            found |= {name: info for name, info in fields.items() if name not in found}
        return found

    @classmethod
    def sections(cls) -> Mapping[str, Mapping[str, FieldInfo]]:
        """Return the settings by when they count, in words; always, as a rule."""
        return {"": cls.model_fields}

    @classmethod
    def merged(cls, stored: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        """Join the settings of a file and those given beside it, which win."""
        return {**stored, **given}


def fault_of(error: ValidationError) -> str:
    """Say in a few words what is wrong with a file of settings or of values, and where in it."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])[:200]
    reason = (
        "no such name" if first["type"] == "extra_forbidden" else first["msg"].removeprefix("Value error, ")
    )
    return f"{place}: {reason}" if place else reason


class Range(Config):
    """What a parameter is drawn from; in TOML a number, a pair ``[low, high]`` or a table."""

    low: float
    """Smallest value."""
    high: float
    """Largest value."""
    log: bool = False
    """Draw the logarithm evenly rather than the value."""
    chance: float = Field(1.0, ge=0, le=1)
    """How often the effect is there at all; the value is 0 otherwise."""

    @model_validator(mode="before")
    @classmethod
    def _from_numbers(cls, given: Any) -> Any:
        if isinstance(given, int | float):
            return {"low": given, "high": given}
        if isinstance(given, list | tuple) and len(given) == 2:
            return {"low": given[0], "high": given[1]}
        return given

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        if not self.low <= self.high:
            raise ValueError(f"the low end {self.low} lies above the high end {self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"a logarithmic range starts above 0, not at {self.low}")
        return self


def range_of(low: float, high: float, *, log: bool = False, chance: float = 1.0) -> Range:
    """Make a range of two numbers."""
    return Range(low=low, high=high, log=log, chance=chance)

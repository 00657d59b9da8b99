"""Settings of picking: the particles, the method, and the selection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic.fields import FieldInfo

from cryoglean.pickers.autocryopicker.settings import PaperConfig
from cryoglean.pickers.pixer.settings import NetworkConfig
from cryoglean.pickers.template.settings import TemplateConfig
from cryoglean.select.settings import SelectConfig
from cryoglean.settings import Config

if TYPE_CHECKING:
    from cryoglean.types import Contrast, GivenDiameter

MethodName = Literal["auto", "unsupervised", "network", "paper"]


class AutoConfig(TemplateConfig):
    """No method was named: the unsupervised one, as long as the networks do not recognise something else."""

    name: Literal["auto"] = "auto"  # type: ignore[assignment]


Method = AutoConfig | TemplateConfig | NetworkConfig | PaperConfig

METHODS: dict[str, type[Method]] = {
    "auto": AutoConfig,
    "unsupervised": TemplateConfig,
    "network": NetworkConfig,
    "paper": PaperConfig,
}
"""Settings of each method, by its name; whoever adds a method adds it here and in `factory`."""

_FORMERLY_FLAT = frozenset({"working_px", "rounds", "side_views", "contamination", "weights"})
"""Files of earlier versions hold all of these whatever the method, and its own are `_FORMERLY_OWN`."""
_FORMERLY_OWN = {
    "auto": _FORMERLY_FLAT - {"weights"},
    "unsupervised": _FORMERLY_FLAT - {"weights"},
    "network": frozenset({"contamination", "weights"}),
    "paper": frozenset({"side_views"}),
}


_Diameter = Annotated[float, Field(gt=0)]


class ParticleConfig(Config):
    """What is known of the particles; what is not given is measured in the micrographs."""

    diameter: _Diameter | tuple[_Diameter, _Diameter] | None = None
    """Particle diameter, Å, or the smallest and the largest that it can be; measured if it is not given."""
    contrast: Literal["auto", "dark", "bright"] = "auto"
    """Whether particles are darker than the ice, as usual, or brighter; measured where it is not given."""

    @field_validator("diameter")
    @classmethod
    def _is_ordered(cls, diameter: GivenDiameter | None) -> GivenDiameter | None:
        if isinstance(diameter, tuple) and not diameter[0] < diameter[1]:
            raise ValueError("the smallest diameter comes first, then the largest")
        return diameter

    @property
    def known_diameter(self) -> float | None:
        """The diameter, Å, where it is given."""
        return None if isinstance(self.diameter, tuple) else self.diameter

    @property
    def known_contrast(self) -> Contrast | None:
        """The contrast where it is given."""
        return None if self.contrast == "auto" else self.contrast


class PickConfig(ParticleConfig, SelectConfig):
    """Everything that decides which picks a run gives; how the work is spread is not part of it.

    In files and in options the method's settings stand beside its name, as in ``method = "network"``,
    ``weights = "general"``; here they are `method`.
    """

    angpix: float | None = Field(None, gt=0)
    """Pixel size, Å; taken from the files where it is not given."""
    learn: bool = True
    """Learn from the run itself what its particles look like; the first opinion stays where it is off."""
    method: Annotated[Method, Field(discriminator="name")] = AutoConfig()
    """How particles are found: auto chooses by the particles; paper is AutoCryoPicker as published."""

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, given: Any) -> Any:
        """Put the settings of the method, which files and options give beside its name, where they belong."""
        if not isinstance(given, Mapping):
            return given
        name = given.get("method", "auto")
        own = {key: value for key, value in given.items() if key not in cls.model_fields}
        if isinstance(name, Method):
            own, name = {key: getattr(name, key) for key in name.model_fields_set} | own, name.name
        elif not isinstance(name, str):
            return given
        if own.keys() >= _FORMERLY_FLAT:
            shared = _FORMERLY_OWN.get(name, frozenset())
            own = {key: value for key, value in own.items() if key not in _FORMERLY_FLAT - shared}
        rest = {key: value for key, value in given.items() if key in cls.model_fields}
        return rest | {"method": {"name": name, **own}}

    @model_serializer(mode="wrap")
    def _flatten(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        stored: dict[str, Any] = handler(self)
        if "method" in stored:
            own = stored.pop("method")
            stored |= {"method": own.pop("name"), **own}
        return stored

    @classmethod
    def sections(cls) -> Mapping[str, Mapping[str, FieldInfo]]:
        """Return the settings that always count, and those of each method."""
        fields = dict(cls.model_fields)
        about = fields["method"].description
        fields["method"] = FieldInfo(annotation=cast(Any, MethodName), default="auto", description=about)
        own = {
            f'With method = "{method}"': {
                name: info for name, info in model.model_fields.items() if name != "name"
            }
            for method, model in METHODS.items()
        }
        return {"": fields} | own

    @classmethod
    def merged(cls, stored: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        """Join the settings of a file and those given beside it.

        Where another method is given than that of the file, what the file says of its own method goes.
        """
        if given.get("method", stored.get("method")) != stored.get("method") and "method" in stored:
            stored = {name: value for name, value in stored.items() if name in cls.model_fields}
        return {**stored, **given}


class StagesConfig(ParticleConfig, PaperConfig):
    """Settings of the `paper` method, to look at its stages, and what is known of the particles."""

"""From ranges to values: one seed gives one concrete set of conditions."""

from __future__ import annotations

import numpy as np
from pydantic import ValidationError

from cryoglean.errors import UsageError
from cryoglean.settings import Range
from cryoglean.simulate.settings import (
    Conditions,
    Contaminants,
    Crowd,
    Exposure,
    Ice,
    Optics,
    Processing,
    ProcessingRanges,
    SimulationConfig,
)


def sample_conditions(config: SimulationConfig, rng: np.random.Generator) -> Conditions:
    """Draw what one micrograph is made with.

    Parameters
    ----------
    config : SimulationConfig
        The ranges.
    rng : Generator
        The number of draws is always the same, so a change to one range leaves the other values alone.

    Raises
    ------
    UsageError
        A range reaches to what no microscope, ice or detector can do.
    """
    try:
        return Conditions(
            size=config.size,
            pixel_size=_between(config.pixel_size, rng),
            optics=_optics(config, rng),
            exposure=_exposure(config, rng),
            ice=_ice(config, rng),
            crowd=_crowd(config, rng),
            contaminants=_contaminants(config, rng),
            processing=sample_processing(config.processing, rng, chance_factor=config.processed),
        )
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        wanted = first["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
        raise UsageError(
            f"{name} of {first['input']} cannot be simulated; wanted: {wanted}. "
            "Change the range it is drawn from"
        ) from None


def sample(wanted: Range, rng: np.random.Generator, *, chance_factor: float = 1.0) -> float:
    """Draw one value; 0 where the effect is absent."""
    there, place = rng.random(2)
    if there >= wanted.chance * chance_factor:
        return 0.0
    if wanted.log:
        return float(wanted.low * (wanted.high / wanted.low) ** place)
    return float(wanted.low + (wanted.high - wanted.low) * place)


def sample_processing(
    ranges: ProcessingRanges, rng: np.random.Generator, *, chance_factor: float
) -> Processing:
    """Draw what programs did to one micrograph."""
    return Processing(
        gain_error=sample(ranges.gain_error, rng, chance_factor=chance_factor),
        coloured_noise=sample(ranges.coloured_noise, rng, chance_factor=chance_factor),
        noise_power=sample(ranges.noise_power, rng),
        wiener=sample(ranges.wiener, rng, chance_factor=chance_factor),
        nonlocal_means=sample(ranges.nonlocal_means, rng, chance_factor=chance_factor),
        lowpass=sample(ranges.lowpass, rng, chance_factor=chance_factor),
        lowpass_steepness=sample(ranges.lowpass_steepness, rng),
        equalising=sample(ranges.equalising, rng, chance_factor=chance_factor),
        grey_levels=round(sample(ranges.grey_levels, rng, chance_factor=chance_factor)),
        jpeg_quality=round(sample(ranges.jpeg_quality, rng, chance_factor=chance_factor)),
    )


def _between(ends: tuple[float, float], rng: np.random.Generator) -> float:
    return float(ends[0] + (ends[1] - ends[0]) * rng.random())


def _optics(config: SimulationConfig, rng: np.random.Generator) -> Optics:
    ranges = config.optics
    return Optics(
        voltage_kv=ranges.voltage_kv[int(rng.integers(len(ranges.voltage_kv)))],
        cs_mm=sample(ranges.cs_mm, rng),
        defocus=_between(config.defocus, rng),
        astigmatism=sample(ranges.astigmatism, rng),
        astigmatism_angle=_between((-90, 90), rng),
        amplitude_contrast=sample(ranges.amplitude_contrast, rng),
        phase_shift=sample(ranges.phase_shift, rng),
        focal_spread=sample(ranges.focal_spread, rng),
        convergence_mrad=sample(ranges.convergence_mrad, rng),
        bfactor=sample(ranges.bfactor, rng),
    )


def _exposure(config: SimulationConfig, rng: np.random.Generator) -> Exposure:
    ranges = config.exposure
    return Exposure(
        dose=_between(config.dose, rng),
        dqe=sample(ranges.dqe, rng),
        mtf_nyquist=sample(ranges.mtf_nyquist, rng),
        ntf_nyquist=sample(ranges.ntf_nyquist, rng),
        mtf_shape=sample(ranges.mtf_shape, rng),
        motion=sample(ranges.motion, rng),
        motion_angle=_between((0, 180), rng),
        unevenness=sample(ranges.unevenness, rng),
        hot_pixels=sample(ranges.hot_pixels, rng),
        flattening=sample(ranges.flattening, rng),
    )


def _ice(config: SimulationConfig, rng: np.random.Generator) -> Ice:
    ranges = config.ice
    return Ice(
        thickness=_between(config.ice_thickness, rng),
        gradient=sample(ranges.gradient, rng),
        roughness=sample(ranges.roughness, rng),
        slope_angle=_between((0, 360), rng),
        tilt=sample(ranges.tilt, rng),
        tilt_axis=_between((0, 180), rng),
    )


def _crowd(config: SimulationConfig, rng: np.random.Generator) -> Crowd:
    ranges = config.crowd
    coverage = _between(config.coverage, rng)
    return Crowd(
        coverage=0.0 if rng.random() < ranges.empty else coverage,
        overlap=sample(ranges.overlap, rng),
        clustering=sample(ranges.clustering, rng),
        preference=sample(ranges.preference, rng),
        preference_spread=sample(ranges.preference_spread, rng),
        at_interface=sample(ranges.at_interface, rng),
    )


def _contaminants(config: SimulationConfig, rng: np.random.Generator) -> Contaminants:
    ranges, factor = config.contaminants, config.contamination
    return Contaminants(
        carbon=sample(ranges.carbon, rng, chance_factor=factor),
        carbon_share=sample(ranges.carbon_share, rng),
        ice_crystals=round(sample(ranges.ice_crystals, rng, chance_factor=factor)),
        ice_crystal_size=sample(ranges.ice_crystal_size, rng),
        ethane_blobs=round(sample(ranges.ethane_blobs, rng, chance_factor=factor)),
        gold_beads=round(sample(ranges.gold_beads, rng, chance_factor=factor)),
        broken=sample(ranges.broken, rng, chance_factor=factor),
        denatured=sample(ranges.denatured, rng, chance_factor=factor),
        micelles=sample(ranges.micelles, rng, chance_factor=factor),
        aggregates=round(sample(ranges.aggregates, rng, chance_factor=factor)),
    )

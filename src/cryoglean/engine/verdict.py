"""A run in words: how it was picked, what to expect of its picks, what is wrong with it, what to try."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryoglean.engine.summary import Summary
    from cryoglean.pickers.settings import PickConfig

MOSTLY = 0.5
"""Most candidates are more than this part of them."""
LOWER = 0.5
"""Where all scores lie below the threshold, this part of the best is worth trying."""

_SOURCES = {
    "given": "as given",
    "discs": "measured by discs that stand out",
    "networks": "measured by what the networks recognise",
    None: "measured",
}


def how_picked(summary: Summary) -> list[str]:
    """Say of a run by which size and method it was picked, and what to expect of the picks."""
    size = "size and contrast were measured in each micrograph by itself"
    if summary.diameter is not None:
        source = _SOURCES[summary.size_source]
        size = f"particles measure {_size(summary)}, {source}; they are {summary.contrast}"
    return [size, _method(summary), *_expected(summary), *_refused(summary)]


def _size(summary: Summary) -> str:
    if summary.pixel_size is None:
        return f"{summary.diameter:.0f} pixels, as the pixel size is not known"
    return f"{summary.diameter:.0f} Å ({summary.diameter_px:.0f} pixels of {summary.pixel_size:.4g} Å)"


def _method(summary: Summary) -> str:
    threshold = "" if summary.threshold is None else f", threshold {summary.threshold:.2g}"
    match summary.learning:
        case "learned":
            return f"learned from the run{threshold}: {summary.learning_reason}"
        case "first opinion stays":
            why = f"; nothing was learned from the run: {summary.learning_reason}"
            return f"method {summary.method}{threshold}{why}"
        case _:
            return f"method {summary.method}{threshold}"


def _expected(summary: Summary) -> list[str]:
    precision, recall = summary.expected_precision, summary.expected_recall
    if precision is None or recall is None:
        return []
    return [
        f"expected: {precision:.0%} of the picks are particles (precision {precision:.2f}), and {recall:.0%} "
        f"of the particles among the candidates are picked (recall {recall:.2f})"
    ]


def _refused(summary: Summary) -> list[str]:
    share = summary.contaminated_share
    return [] if share is None else [f"{share:.1%} of the candidates were refused as contamination"]


def notices_of(summary: Summary, contradictions: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Say what concerns a run as a whole; what contradicts the words of its user comes first."""
    if not summary.much_contamination:
        return contradictions
    return (
        *contradictions,
        f"{_percent(summary.contaminated_share)} of all candidates were refused as contamination, which is "
        "much. Where pictures show particles without circles, pick again with `--no-contamination`.",
    )


def advice_of(summary: Summary, config: PickConfig) -> tuple[str, ...]:
    """Say what to try where next to nothing was picked, the likeliest first."""
    if not summary.next_to_nothing:
        return ()
    return tuple(
        text
        for text in (
            _on_contamination(summary),
            _on_scores(summary),
            _on_size(summary),
            _on_pixel_size(summary, config),
            _on_contrast(summary),
            _on_method(config),
        )
        if text
    )


def _on_contamination(summary: Summary) -> str:
    share = summary.contaminated_share
    if share is None or share <= MOSTLY:
        return ""
    return (
        f"{_percent(share)} of the candidates were refused as contamination: pick again with "
        "`--no-contamination`"
    )


def _on_scores(summary: Summary) -> str:
    best, threshold = summary.best_score, summary.threshold
    if not best or threshold is None or best >= threshold:
        return ""
    return (
        f"all {summary.candidates:,} candidates score below the threshold of {threshold:.2g}, the best of "
        f"them {best:.2g}: look at them with `cryoglean select --min-score {LOWER * best:.1g}`"
    )


def _on_size(summary: Summary) -> str:
    if summary.diameter is None:
        return "the particles' size was not found, nothing stands out from the noise: give `--diameter` in Å"
    size = _size(summary)
    if summary.size_source == "given":
        return f"is the diameter of {size} that of the whole particle? Without `--diameter` it is measured"
    return f"the particles were taken to measure {size}: if that is wrong, give `--diameter` in Å"


def _on_pixel_size(summary: Summary, config: PickConfig) -> str:
    if summary.pixel_size is None:
        return "nothing says how large a pixel is, so that lengths are in pixels: give `--angpix`"
    if config.angpix is None:
        return ""
    return f"is the pixel size of {config.angpix:g} Å that of these files, after binning?"


def _on_contrast(summary: Summary) -> str:
    if summary.contrast == "auto":
        return ""
    other = "bright" if summary.contrast == "dark" else "dark"
    return f"particles were taken to be {summary.contrast}: if they are not, try `--contrast {other}`"


def _on_method(config: PickConfig) -> str:
    other = "unsupervised" if config.method.name == "network" else "network"
    return f"try another method, `--method {other}`"


def _percent(share: float | None) -> str:
    if share is None:
        return "–"
    return f"{share:.1%}" if share < 0.0995 else f"{share:.0%}"

"""What the films of strangers.py come to: figures of each film, means over films with intervals, and tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from lipsync_cli.metrics.mouth.closure import closure_rate
from lipsync_cli.metrics.mouth.contrast import open_closed_contrast
from lipsync_cli.metrics.mouth.mouth_width import width_correlation
from lipsync_cli.metrics.mouth.movement import MIN_FRAMES, amplitude_ratio, correlate
from lipsync_cli.metrics.sync.lip_leak import MIN_OPEN, OPEN_APERTURE, OPEN_RATIO
from lipsync_cli.metrics.unavailable import MetricUnavailableError
from lipsync_cli.speech.phonemes import Phone

MAX_LAG = 5  # frames
RESAMPLES = 2000
Record = dict[str, Any]


def at_times(real: Record, reader: str, curve: str, times: np.ndarray) -> np.ndarray:
    """Give a curve of a real film at other times, shape (n,); NaN after its end and where it shows no face."""
    middles = np.array(real["middles"], float)
    values = np.array(real["curves"][reader][curve], float)
    values = np.interp(times, middles, values)  # a NaN makes its neighbours NaN
    return np.where((times <= middles[-1] + 1e-6) & (times >= middles[0] - 1e-6), values, np.nan)


def best_lag(reference: np.ndarray, estimate: np.ndarray, most: int = MAX_LAG) -> int:
    """Return by how many frames the estimate is late: the shift at which the two correlate best.

    Raises
    ------
    MetricUnavailableError : too few frames
    """
    if len(reference) < MIN_FRAMES + most:
        raise MetricUnavailableError("too few frames")
    found = {}
    for lag in sorted(range(-most, most + 1), key=abs):
        one, other = reference[max(0, -lag) : len(reference) - max(0, lag)], estimate[max(0, lag) :]
        other = other[: len(one)]
        try:
            found[lag] = correlate(one, other)
        except MetricUnavailableError:
            continue
    if not found:
        raise MetricUnavailableError("nothing moves")
    return max(found, key=lambda lag: found[lag])


def measure_film(film: Record, wanted: Record, other: Record | None, own: Record, reader: str) -> dict[str, float]:
    """Measure a film beside the real one of its words; what cannot be measured is not there.

    Parameters
    ----------
    film : the drawn film's record
    wanted, own : records of the real films of its voice and of its face
    other : of a third clip, for what mismatched audio would score
    reader : whose curves count
    """
    times = np.array(film["middles"], float)
    drawn = np.array(film["curves"][reader]["opening"], float)
    real = at_times(wanted, reader, "opening", times)
    width, real_width = np.array(film["curves"][reader]["width"], float), at_times(wanted, reader, "width", times)
    known = ~np.isnan(drawn) & ~np.isnan(real)
    usual = np.array(own["curves"][reader]["opening"], float)  # of the face that is seen
    ways: dict[str, Callable[[], float]] = {
        "correlation": lambda: correlate(drawn[known], real[known]),
        "amplitude": lambda: amplitude_ratio(drawn[known], real[known]),
        "own_amplitude": lambda: amplitude_ratio(drawn[~np.isnan(drawn)], usual[~np.isnan(usual)]),
        "lag": lambda: float(best_lag(real[known], drawn[known])),
        "width": lambda: width_correlation(real_width[known], width[known]),
        "copy": lambda: _correlate_known(at_times(own, reader, "opening", times), real),
    }
    if other is not None:
        ways["mismatched"] = lambda: _correlate_known(drawn, at_times(other, reader, "opening", times))
    if wanted.get("phones"):
        phones = [Phone(*phone) for phone in wanted["phones"]]
        gap, real_gap = np.array(film["curves"][reader]["gap"], float), at_times(wanted, reader, "gap", times)
        seen = ~np.isnan(gap) & ~np.isnan(real_gap)
        part = (real_gap[seen], gap[seen], times[seen], phones)
        ways["contrast"] = lambda: open_closed_contrast(part[1], part[2], phones)
        ways["real_contrast"] = lambda: open_closed_contrast(part[0], part[2], phones)
        ways["closures"] = lambda: closure_rate(*part)
        ways["real_closures"] = lambda: closure_rate(part[0], part[0], *part[2:])
    figures = {}
    for name, way in ways.items():
        try:
            figures[name] = way()
        except MetricUnavailableError:
            continue
    for name in ("word_error", "real_word_error"):
        if film.get(name) is not None:
            figures[name] = film[name]
    return figures


def _correlate_known(one: np.ndarray, other: np.ndarray) -> float:
    known = ~np.isnan(one) & ~np.isnan(other)
    return correlate(one[known], other[known])


def measure_leak(films: Iterable[Record], reals: dict[str, Record], reader: str) -> dict[str, dict[str, float]]:
    """Measure films made from silence, person by person: name -> LipLeak, and the normalised leak if there is one."""
    people: dict[str, list[Record]] = {}
    for film in films:
        people.setdefault(film["person"], []).append(film)
    leaks = {}
    for person, own in people.items():
        made = {name: _join(own, reader, name) for name in ("mar", "aperture")}
        real = _join([reals[film["face"]] for film in own], reader, "aperture")
        if min(len(made["mar"]), len(real)) < MIN_FRAMES:
            continue
        leaks[person] = {"lip_leak": float((made["mar"] > OPEN_RATIO).mean())}
        if (share := float((real > OPEN_APERTURE).mean())) >= MIN_OPEN:
            leaks[person]["normalised"] = float((made["aperture"] > OPEN_APERTURE).mean()) / share
    return leaks


def _join(records: Sequence[Record], reader: str, curve: str) -> np.ndarray:
    values = np.concatenate([np.array(record["curves"][reader][curve], float) for record in records])
    return values[~np.isnan(values)]


def interval(values: Sequence[float], resamples: int = RESAMPLES) -> tuple[float, float, float]:
    """Return the mean and its 95 % interval, films drawn with replacement (percentile bootstrap)."""
    array = np.asarray(values, float)
    if len(array) < 2:
        return (float(array[0]) if len(array) else np.nan), np.nan, np.nan
    drawn = np.random.default_rng(0).choice(array, (resamples, len(array))).mean(1)
    low, high = np.percentile(drawn, (2.5, 97.5))
    return float(array.mean()), float(low), float(high)


def show(values: Sequence[float]) -> str:
    """Write the mean and its interval: ".81 [.74, .88]"."""
    if not len(values):
        return "none"
    mean, low, high = interval(values)
    return f"{mean:.2f}" + ("" if np.isnan(low) else f" [{low:.2f}, {high:.2f}]")


def follow_row(films: Sequence[dict[str, float]]) -> list[str]:
    """Write one row of the table of who follows the voice."""

    def column(name: str) -> list[float]:
        return [film[name] for film in films if name in film]

    amplitudes, lags, correlations = column("amplitude"), column("lag"), column("correlation")
    return [
        str(len(films)),
        show(correlations),
        f"{np.median(correlations):.2f}" if correlations else "none",
        show(amplitudes),
        f"{min(amplitudes):.2f}" if amplitudes else "none",
        show(column("own_amplitude")),
        f"{np.median(lags):+.0f}" if lags else "none",
        show(column("width")),
        show(column("copy")),
        show(column("mismatched")),
    ]


FOLLOW = (
    "pairs",
    "correlation",
    "median",
    "amplitude",
    "least",
    "over the face's own",
    "median lag, frames",
    "width correlation",
)
FOLLOW += ("copy-reference", "mismatched audio")


def words_row(films: Sequence[dict[str, float]]) -> list[str] | None:
    """Write the contrast over the real one's, closures, and words misread, drawn and real; None: no transcripts."""
    if not any({"contrast", "word_error"} & film.keys() for film in films):
        return None
    both = [film for film in films if {"contrast", "real_contrast"} <= film.keys()]
    row = [str(len(films)), "none"]
    if both:
        logs = [np.log(film["contrast"] / film["real_contrast"]) for film in both]  # of ratios: films count alike
        mean, low, high = np.exp(interval(logs))
        row[1] = f"{mean:.2f}" + ("" if np.isnan(low) else f" [{low:.2f}, {high:.2f}]") + f" of {len(both)}"
    for made, real, factor in (("closures", "real_closures", 100), ("word_error", "real_word_error", 1)):
        pairs = [(film[made], film[real]) for film in films if {made, real} <= film.keys()]
        row.append(" / ".join(f"{factor * value:.0f} %" for value in np.mean(pairs, axis=0)) if pairs else "none")
    return row


WORDS = ("films", "contrast over the real one's", "closed on p b m f v, drawn / real", "words misread, drawn / real")


def leak_row(people: dict[str, dict[str, float]]) -> list[str]:
    """Write one row of the table of films made from silence: LipLeak, the normalised leak's median and worst."""
    shares = [person["normalised"] for person in people.values() if "normalised" in person]
    found = [f"{np.median(shares):.3f}", f"{max(shares):.3f}", str(len(shares))] if shares else ["none", "none", "0"]
    return [str(len(people)), f"{np.mean([person['lip_leak'] for person in people.values()]):.3f}", *found]


LEAK = ("people", "LipLeak, mean", "normalised leak, median", "worst person", "of people")


def difference(films: dict[str, dict[str, float]], others: dict[str, dict[str, float]], name: str) -> str:
    """Write the mean difference of films that both have, the others minus the films, and its interval."""
    shared = [key for key in films if key in others and name in films[key] and name in others[key]]
    gains = [others[key][name] - films[key][name] for key in shared]
    mean, low, high = interval(gains)
    return f"{mean:+.3f} [{low:+.3f}, {high:+.3f}] of {len(gains)}" if gains else "none"


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)

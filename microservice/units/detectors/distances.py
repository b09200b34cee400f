"""Two-sample tests: how far a batch is from the reference, and how likely that is by chance."""

from __future__ import annotations

from typing import Any

import numpy as np

from microservice.extras import import_extra

Array = np.ndarray[Any, Any]


def compare_distributions(reference: Array, batch: Array) -> tuple[Array, Array]:
    """Return the Kolmogorov–Smirnov distance and p-value of each column."""
    stats = import_extra("scipy.stats", "detectors")
    pairs = zip(reference.T, batch.T, strict=True)
    found = [stats.ks_2samp(usual, late) for usual, late in pairs]
    return np.array([each.statistic for each in found]), np.array([each.pvalue for each in found])


def compare_counts(reference: Array, batch: Array) -> tuple[Array, Array]:
    """Return the chi² statistic and p-value of each column's categories, new ones included."""
    stats = import_extra("scipy.stats", "detectors")
    distances, chances = [], []
    for usual, late in zip(reference.T, batch.T, strict=True):
        table = count_categories(usual, late)
        found = stats.chi2_contingency(table, correction=False) if table.shape[1] > 1 else None
        distances.append(found.statistic if found else 0.0)
        chances.append(found.pvalue if found else 1.0)
    return np.array(distances), np.array(chances)


def count_categories(usual: Array, late: Array) -> Array:
    """Return (2, categories): how often each stands in the reference and in the batch."""
    names = np.concatenate([name_categories(usual), name_categories(late)])
    _, places = np.unique(names, return_inverse=True)
    known, width = places[: len(usual)], places.max() + 1
    return np.stack([np.bincount(known, minlength=width), np.bincount(places[len(usual) :], minlength=width)])


def name_categories(column: Array) -> Array:
    """Return categories as texts, equal numbers as equal texts: 1, 1.0 and "1" are one category."""
    values, places = np.unique(column.astype(str), return_inverse=True)
    return np.array([name_category(value) for value in values], dtype=object)[places].astype(str)


def name_category(value: str) -> str:
    """Return a category's text; that of a number when it is one."""
    try:
        return f"{float(value):g}"
    except ValueError:
        return value


class MmdTest:
    """Maximum mean discrepancy with a Gaussian kernel as wide as the reference's median distance.

    Source: Gretton et al., A Kernel Two-Sample Test, 2012, its unbiased estimate (3), permuted.
    """

    def __init__(self, reference: Array, permutations: int, random: np.random.Generator) -> None:
        self._reference = reference
        self._permutations = permutations
        self._random = random
        distances = square_distances(reference, reference)
        median = np.median(distances[np.triu_indices(len(reference), 1)])
        self._gamma = 1 / (2 * median) if median > 0 else 1.0

    def compare(self, batch: Array) -> tuple[float, float]:
        """Return the squared distance of a batch, and how likely as large a one is by chance."""
        rows = np.concatenate([self._reference, batch])
        kernel = np.exp(-self._gamma * square_distances(rows, rows))
        np.fill_diagonal(kernel, 0)
        count = len(self._reference)
        signs = np.zeros((len(rows), self._permutations + 1))
        signs[:count, 0] = 1
        for column in range(1, self._permutations + 1):
            signs[self._random.permutation(len(rows))[:count], column] = 1
        found = mean_discrepancies(kernel, signs, count)
        as_large = (found[1:] >= found[0]).sum()
        return float(found[0]), float((1 + as_large) / (1 + self._permutations))


def mean_discrepancies(kernel: Array, signs: Array, count: int) -> Array:
    """Return the squared discrepancy of each split; `signs` (rows, splits) is 1 for the first sample."""
    rest = len(kernel) - count
    product = kernel @ signs
    inside = (signs * product).sum(axis=0)
    across = product.sum(axis=0) - inside
    outside = kernel.sum() - inside - 2 * across
    found: Array = (
        inside / (count * (count - 1)) + outside / (rest * (rest - 1)) - 2 * across / (count * rest)
    )
    return found


def square_distances(left: Array, right: Array) -> Array:
    """Return the squared Euclidean distance of every pair of rows."""
    found: Array = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1)[None, :] - 2 * left @ right.T
    return np.maximum(found, 0)


def correct_bonferroni(chances: Array, level: float) -> float:
    """Return the level for each of several tests, so that all together have `level`."""
    return level / len(chances)


def correct_false_discoveries(chances: Array, level: float) -> float:
    """Return the largest p-value that counts, so that the share of false discoveries stays below `level`.

    Source: Benjamini and Hochberg, 1995. Where none counts it is the level of the smallest.
    """
    ordered = np.sort(chances)
    levels = level * np.arange(1, len(chances) + 1) / len(chances)
    below = np.flatnonzero(ordered <= levels)
    return float(levels[below[-1]]) if len(below) else float(levels[0])

"""Mouths that are moved in some spans only."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from lipsync_cli.synthesis.drivers.time_span_driver import FADE_S, within


class Steady:
    """A driver that always shows 0.8 of the mouth."""

    def windows(self, middles_s, encode=None):
        return middles_s[:, None]

    def shown(self, middles_s):
        return np.full(len(middles_s), 0.8)


def test_outside_of_the_spans_nothing_is_shown():
    spans = [(Fraction(1), Fraction(2)), (Fraction(4), Fraction(6))]
    driver, middles_s = within(Steady(), spans), np.arange(0, 8, 0.01)
    shown = driver.shown(middles_s)
    inside = ((middles_s > 1) & (middles_s < 2)) | ((middles_s > 4) & (middles_s < 6))
    assert (shown[~inside] == 0).all()
    firm = ((middles_s > 1 + FADE_S) & (middles_s < 2 - FADE_S)) | ((middles_s > 4 + FADE_S) & (middles_s < 6 - FADE_S))
    np.testing.assert_allclose(shown[firm], 0.8)
    assert (shown[inside] > 0).all()
    np.testing.assert_array_equal(driver.windows(middles_s), middles_s[:, None])


def test_without_spans_the_driver_is_itself():
    driver = Steady()
    assert within(driver, ()) is driver

"""A Kalman filter for paths, smoothed backwards, too: what Rauch, Tung and Striebel 1965 do for what is a file anyway.

The published face swap filters the corners of the box by OpenCV's filter of constant velocity (process noise 3e-3,
measurement noise 1), but writes the prediction of the *next* frame: the box leads by a frame, and overshoots. Here the
corrected state counts, the filter begins at the first measurement, and a pass backwards takes its lag away.
"""

from __future__ import annotations

import numpy as np

PROCESS_NOISE = 3e-3  # variance of place and speed, pixels squared a frame, as published
MEASUREMENT_NOISE = 1.0  # variance, pixels squared, likewise


def smooth_path(values: np.ndarray, process: float = PROCESS_NOISE, measured: float = MEASUREMENT_NOISE) -> np.ndarray:
    """Return a path without its noise, and without lag.

    Each column has a state of its own, place and speed, that moves at constant speed.

    Parameters
    ----------
    values : shape (N, C), as measured
    process, measured : variances of the noise of the state and of the measurement, in squares of the values' unit

    Returns
    -------
    shape (N, C), the smoothed places (Rauch, Tung and Striebel 1965)
    """
    values = np.asarray(values, np.float64)
    if len(values) < 2:
        return values.copy()
    places, covariances, ahead, predicted = _filter(values, process, measured)
    smoothed = places.copy()
    for number in range(len(values) - 2, -1, -1):
        gain = covariances[number] @ _STEP.T @ np.linalg.inv(ahead[number + 1])
        smoothed[number] += gain @ (smoothed[number + 1] - predicted[number + 1])
    return smoothed[:, 0]


def filter_path(values: np.ndarray, process: float = PROCESS_NOISE, measured: float = MEASUREMENT_NOISE) -> np.ndarray:
    """Return the corrected places (N, C) of the filter alone, which knows nothing of what comes; see `smooth_path`."""
    values = np.asarray(values, np.float64)
    return _filter(values, process, measured)[0][:, 0] if len(values) else values.copy()


def predict_path(values: np.ndarray, process: float = PROCESS_NOISE, measured: float = MEASUREMENT_NOISE) -> np.ndarray:
    """Return what the published filter writes: for each frame the place that it expects in the next one, (N, C)."""
    states = _filter(np.asarray(values, np.float64), process, measured)[0]
    return states[:, 0] + states[:, 1]


_STEP = np.array([[1.0, 1.0], [0.0, 1.0]])


def _filter(
    values: np.ndarray, process: float, measured: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return corrected states (N, 2, C) and covariances (N, 2, 2), and the covariances and states as predicted."""
    count, columns = values.shape
    states, covariances = np.zeros((count, 2, columns)), np.zeros((count, 2, 2))
    predicted, ahead = np.zeros((count, 2, columns)), np.zeros((count, 2, 2))
    state = np.stack([values[0], np.zeros(columns)])
    covariance = np.diag([measured, 1.0])
    for number, value in enumerate(values):
        if number:
            state, covariance = _STEP @ state, _STEP @ covariance @ _STEP.T + process * np.eye(2)
        predicted[number], ahead[number] = state, covariance
        if number:
            gain = covariance[:, :1] / (covariance[0, 0] + measured)
            state = state + gain @ (value - state[0])[None]
            covariance = covariance - gain @ covariance[:1]
        states[number], covariances[number] = state, covariance
    return states, covariances, ahead, predicted

"""How a reference face lies in the pose of another frame: found on the eyes and the nose, which no word moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lipsync_cli.faces.depth import STRAIGHT, Pose, depth_map, turn_crop

if TYPE_CHECKING:
    from lipsync_cli.faces.crop import CropRule

STEP = 3  # pixels of the crop between the points that are compared
PART = 0.09, 0.66, 0.42  # of the face's box: top and bottom of the part that is compared, half its width
ROUNDS = 5  # of weighted least squares
STIFFNESS = 0.004  # of the points' mean square depth: how much a turn has to explain to be believed
OUTLIER = 0.7  # pixels: points that fit worse count less
TURNS = 2  # fits of a turn at most, one after the other
LOST = 0.8  # of the reference's contrast: what differs by more from where it is expected is looked for anew
NEAR_TURN = 0.02  # radians: the same of a turn
NEAR = 1.5  # pixels: a look from so close by needs no other
LIMITS = 0.25, 0.35  # largest change of scale or angle, largest shift in sides of the crop: more is a failure


class Aligner:
    """Finds the similarity (shift, angle, scale) between the upper faces of two crops.

    Dense optical flow (Kroeger et al. 2016, "Fast optical flow using dense inverse search") gives the motion of every
    point of forehead, eyes and nose; the similarity that most of them agree with is fitted by iteratively reweighted
    least squares.

    Parameters
    ----------
    rule : of the crops
    """

    def __init__(self, rule: CropRule) -> None:
        import cv2

        create: Any = cv2.DISOpticalFlow_create  # type: ignore[attr-defined]
        self._flow = create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        size = rule.size
        self._size = size
        rows, columns = np.mgrid[STEP // 2 : size : STEP, STEP // 2 : size : STEP]
        middle = 0.5 - rule.shift_y / rule.scale  # of the box, in the crop: about the nose's bridge
        x, y = ((columns + 0.5) / size - 0.5) * rule.scale, ((rows + 0.5) / size - middle) * rule.scale + 0.5
        top, bottom, half = PART
        depth = np.abs(y - (top + bottom) / 2) / ((bottom - top) / 2)
        inside = (np.abs(x) / half) ** 2.5 + depth**2.5 < 1
        self._rows, self._columns = rows[inside], columns[inside]
        self._origin = np.array([0.5 * size - 0.5, middle * size - 0.5])
        self._depth = depth_map(rule)
        depth = self._depth[self._rows, self._columns].astype(np.float64)
        x, y = self.points().T - self._origin[:, None]
        one, none = np.ones_like(x), np.zeros_like(x)
        # what scale, angle, shift x and y, turn x and y do to x and to y
        self._effects = [
            np.column_stack(each) for each in ([x, -y, one, none, depth, none], [y, x, none, one, none, depth])
        ]
        held = np.zeros(6)
        held[4:] = STIFFNESS * self._effects[0][:, 4] @ self._effects[0][:, 4]
        self._held = np.diag(held)
        self._place = (self._columns - self._origin[0]) + 1j * (self._rows - self._origin[1])

    def points(self) -> np.ndarray:
        """Return the points of the reference's crop that are compared, shape (n, 2), in pixel indices x, y."""
        return np.column_stack([self._columns, self._rows]).astype(np.float64)

    def align(self, target: np.ndarray, reference: np.ndarray, guess: np.ndarray | None = None) -> np.ndarray:
        """Return the map (2, 3) from pixel indices of the target's crop to those of the reference's.

        Dense flow falls short of large motions, so that it is looked for from where the head was a frame ago, and again
        from where a look has led as long as that is far off.

        Parameters
        ----------
        target, reference : shape (S, S) uint8, grey
        guess : a map that is expected to be close, as that of the frame before

        Returns
        -------
        a similarity; the identity where the upper faces do not fit
        """
        if guess is not None:
            step = self._look(warp_crop(target, guess), reference)
            if step is not None:
                return self._look_again(target, reference, compose_affine(step, guess), far=self._reach(step) > NEAR)
        pose = self._look(target, reference)
        return np.eye(2, 3) if pose is None else self._look_again(target, reference, pose)

    def _look_again(self, target: np.ndarray, reference: np.ndarray, pose: np.ndarray, far: bool = True) -> np.ndarray:
        """Return a pose that a look has led to, improved by a second one if it was far off; see `align`."""
        if far:
            step = self._look(warp_crop(target, pose), reference)
            pose = pose if step is None else compose_affine(step, pose)
        return np.eye(2, 3) if self._is_wrong(pose) else pose

    def _is_wrong(self, pose: np.ndarray) -> bool:
        """Tell whether a pose is not one that a face can have in its crop."""
        shift = pose[:, :2] @ self._origin + pose[:, 2] - self._origin
        return bool(
            np.abs(pose[:, :2] - np.eye(2)).max() > 2 * LIMITS[0] or np.abs(shift).max() > 2 * LIMITS[1] * self._size
        )

    def _reach(self, step: np.ndarray) -> float:
        """Return by how many pixels a map moves the point that it moves most."""
        points = self.points()
        return float(np.abs(points @ (step[:, :2] - np.eye(2)).T + step[:, 2]).max())

    def _look(self, target: np.ndarray, reference: np.ndarray) -> np.ndarray | None:
        """Return what the flow says of the pose, or None where it is no pose; see `align`."""
        flow = self._flow.calc(target, reference, None)
        shifts = flow[self._rows, self._columns].astype(np.float64)
        motion, place = shifts.view(complex)[:, 0], self._place
        weight = np.ones(len(place))
        for _ in range(ROUNDS):
            total = weight.sum()
            middle, usual = weight @ place / total, weight @ motion / total
            arms = place - middle
            held = weight * arms
            change = np.vdot(held, motion - usual) / np.vdot(held, arms).real
            weight = 1 / np.maximum(1, np.abs(motion - usual - change * arms) / OUTLIER)
        shift, turned = np.array([usual - change * middle]).view(float), np.array([change]).view(float)
        if np.abs(turned).max() > LIMITS[0] or np.abs(shift).max() > LIMITS[1] * self._size:
            return None
        linear = np.array([[1 + change.real, -change.imag], [change.imag, 1 + change.real]])
        return np.column_stack([linear, self._origin + shift - linear @ self._origin])

    def turn(self, target: np.ndarray, reference: np.ndarray, guess: Pose = STRAIGHT) -> tuple[Pose, float]:
        """Return how the reference's face lies in the target's crop, a turn of the head included.

        Where nothing is known yet, or what is known does not fit, the similarity of `align` comes first. What is left
        of the motion is fitted by another similarity and a shift in proportion to the points' depth, which is what a
        small turn of a rigid head does under a distant camera; and once more where that was far.

        Parameters
        ----------
        target, reference : shape (S, S) uint8, grey
        guess : a pose that is expected to be close, as that of the frame before

        Returns
        -------
        the pose, and how much the upper faces still differ: root mean square of levels
        """
        is_new = guess is STRAIGHT
        pose = Pose(self.align(target, reference), guess.turn) if is_new else guess
        for _ in range(TURNS):
            step, turn = self._fit_turn(turn_crop(target, pose, self._depth), reference, pose.turn)
            is_near = self._reach(step) <= NEAR and np.abs(turn - pose.turn).max() <= NEAR_TURN
            pose = Pose(compose_affine(step, pose.matrix), turn)
            if is_near and not is_new:
                break
        pose = STRAIGHT if self._is_wrong(pose.matrix) else pose
        misfit = self.difference(turn_crop(target, pose, self._depth), reference)
        if is_new or misfit < LOST * self.contrast(reference):
            return pose, misfit
        return min((pose, misfit), self.turn(target, reference), key=lambda found: found[1])

    def _fit_turn(self, posed: np.ndarray, reference: np.ndarray, turn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the similarity (2, 3) and the turn (2,) that bring a crop closer, which was brought as far as `turn`.

        The turn is held back by `STIFFNESS`, so that noise of the flow is none.
        """
        flow = self._flow.calc(posed, reference, None)
        shifts = flow[self._rows, self._columns].T.astype(np.float64)
        weight = np.ones(shifts.shape[1])
        back = self._held @ np.concatenate([np.zeros(4), turn])
        change = np.zeros(6)
        (of_x, of_y), (shift_x, shift_y) = self._effects, shifts
        for _ in range(ROUNDS):
            weighted_x, weighted_y = of_x.T * weight, of_y.T * weight
            left = weighted_x @ of_x + weighted_y @ of_y + self._held
            right = weighted_x @ shift_x + weighted_y @ shift_y - back
            change = np.linalg.solve(left, right)
            weight = 1 / np.maximum(1, np.hypot(of_x @ change - shift_x, of_y @ change - shift_y) / OUTLIER)
        linear = np.array([[1 + change[0], -change[1]], [change[1], 1 + change[0]]])
        return np.column_stack([linear, self._origin + change[2:4] - linear @ self._origin]), turn + change[4:]

    def alignment_rmse(self, target: np.ndarray, reference: np.ndarray) -> float:
        """Return how much the upper faces of two grey crops differ when aligned: root mean square of levels."""
        return self.turn(target, reference)[1]

    def difference(self, one: np.ndarray, other: np.ndarray) -> float:
        """Return how much the upper faces of two grey crops differ as they lie: root mean square of levels."""
        difference = one[self._rows, self._columns].astype(float) - other[self._rows, self._columns]
        return float(np.sqrt((difference**2).mean()))

    def contrast(self, face: np.ndarray) -> float:
        """Return the standard deviation of a grey crop's upper face, in levels, to compare a misfit with."""
        return float(face[self._rows, self._columns].astype(float).std())


def to_grey(crop: np.ndarray) -> np.ndarray:
    """Return a crop (S, S, 3) uint8 RGB as (S, S) uint8 grey."""
    import cv2

    return cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)


def warp_crop(crop: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """Return a crop (S, S) or (S, S, 3) moved by `pose` (2, 3); what comes in from outside repeats the border."""
    import cv2

    return cv2.warpAffine(crop, pose, crop.shape[1::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def compose_affine(second: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Return the affine map (2, 3) that does `first`, then `second`."""
    return np.column_stack([second[:, :2] @ first[:, :2], second[:, :2] @ first[:, 2] + second[:, 2]])


def invert(pose: np.ndarray) -> np.ndarray:
    """Return the affine map (2, 3) that undoes `pose`."""
    back = np.linalg.inv(pose[:, :2])
    return np.column_stack([back, -back @ pose[:, 2]])

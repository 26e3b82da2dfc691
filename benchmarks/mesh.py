"""How far mouths are open, read by MediaPipe's face mesh (Grishchenko et al. 2020, with attention to the lips).

A second reader beside dlib's 68 points: those were learnt from photos of whole faces and lose lips under a moustache.
Of the versions of MediaPipe that bring the network along, 0.10.21 is the last; it needs an older NumPy and an OpenCV
of its own, so it lives in an environment of its own, and `real_clips.py --mesh` calls it there:

    python -m venv mesh && mesh/bin/pip install mediapipe==0.10.21
    python benchmarks/real_clips.py --mesh mesh/bin/python

Usage: MESH_PYTHON benchmarks/mesh.py [--points] MAX_FRAMES FILM...

One line of JSON for each film: a list with the opening in every frame, or with --points those of the 68 points of dlib
that the mesh has, too (eyes, lips, ends of the jaw), as [number, x, y] in pixels; null: no face. FILM may be "-": then
names are read from the standard input, one a line.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

import cv2
import mediapipe
import numpy as np

PAIRS = ((81, 178), (82, 87), (13, 14), (312, 317), (311, 402))  # along the inner lips, upper and lower
EYES = 33, 263  # outer corners
# Of dlib's 68 points, the mesh's: ends of the jaw line, eyes, outer and inner lips.
AS_DLIB = {
    0: 234, 16: 454,
    36: 33, 37: 160, 38: 158, 39: 133, 40: 153, 41: 144, 42: 362, 43: 385, 44: 387, 45: 263, 46: 373, 47: 380,
    48: 61, 49: 39, 50: 37, 51: 0, 52: 267, 53: 269, 54: 291, 55: 405, 56: 314, 57: 17, 58: 84, 59: 181,
    60: 78, 61: 81, 62: 13, 63: 311, 64: 308, 65: 402, 66: 14, 67: 178,
}  # fmt: skip
SMALL = 500  # pixels: narrower films are doubled before the face is looked for


def read(film: str, max_frames: int, describe: Callable[[list, int, int], Any]) -> list[Any]:
    """Return what `describe` makes of the face in every frame by itself; None: no face."""
    video, opened = cv2.VideoCapture(film), []
    mesh = mediapipe.solutions.face_mesh.FaceMesh(
        static_image_mode=True, max_num_faces=1, refine_landmarks=True, min_detection_confidence=0.3
    )
    with mesh:
        while len(opened) < max_frames:
            there, frame = video.read()
            if not there:
                break
            height, width = frame.shape[:2]
            if width < SMALL:
                frame = cv2.resize(frame, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
            found = mesh.process(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)).multi_face_landmarks
            opened.append(describe(found[0].landmark, width, height) if found else None)
    return opened


def read_opening(landmarks: list, width: int, height: int) -> float:
    """Return the mean distance of inner lips over that of the eyes' outer corners."""
    points = np.array([(point.x * width, point.y * height) for point in landmarks])
    lips = np.mean([np.linalg.norm(points[upper] - points[lower]) for upper, lower in PAIRS])
    return float(lips / np.linalg.norm(points[EYES[0]] - points[EYES[1]]))


def read_points(landmarks: list, width: int, height: int) -> list[list[float]]:
    """Return number, x and y of those of dlib's points that the mesh has."""
    places = ((number, landmarks[index]) for number, index in AS_DLIB.items())
    return [[number, round(point.x * width, 3), round(point.y * height, 3)] for number, point in places]


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument != "--points"]
    wanted = read_points if "--points" in sys.argv else read_opening
    for path in (line.rstrip("\n") for line in sys.stdin) if arguments[1:] == ["-"] else arguments[1:]:
        print(json.dumps(read(path, int(arguments[0]), wanted)), flush=True)

"""How far mouths are open, read by MediaPipe's face mesh (Grishchenko et al. 2020, with attention to the lips).

A second reader beside dlib's 68 points: those were learnt from photos of whole faces and lose lips under a moustache.
Of the versions of MediaPipe that bring the network along, 0.10.21 is the last; it needs an older NumPy and an OpenCV
of its own, so it lives in an environment of its own, and `real_clips.py --mesh` calls it there:

    python -m venv mesh && mesh/bin/pip install mediapipe==0.10.21
    python benchmarks/real_clips.py --mesh mesh/bin/python

Usage: MESH_PYTHON benchmarks/mesh.py MAX_FRAMES FILM...        one line of JSON for each film: a list, null: no face
"""

import json
import sys

import cv2
import mediapipe
import numpy as np

PAIRS = ((81, 178), (82, 87), (13, 14), (312, 317), (311, 402))  # along the inner lips, upper and lower
EYES = 33, 263  # outer corners
SMALL = 500  # pixels: narrower films are doubled before the face is looked for


def read(film: str, max_frames: int) -> list[float | None]:
    """Return the mean distance of inner lips over that of the eyes' outer corners, in every frame by itself."""
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
            opened.append(_opening(found[0].landmark, width, height) if found else None)
    return opened


def _opening(landmarks: list, width: int, height: int) -> float:
    points = np.array([(point.x * width, point.y * height) for point in landmarks])
    lips = np.mean([np.linalg.norm(points[upper] - points[lower]) for upper, lower in PAIRS])
    return float(lips / np.linalg.norm(points[EYES[0]] - points[EYES[1]]))


if __name__ == "__main__":
    for path in sys.argv[2:]:
        print(json.dumps(read(path, int(sys.argv[1]))), flush=True)

"""The functions of `import lipsync_cli as lipsync`: what the commands do, as calls with typed results.

They print nothing and never exit; what the commands say on stderr goes to `progress`, `notify` and `on_failure`.
"""

from lipsync_cli.api.inference import infer
from lipsync_cli.api.preprocessing import detect_faces
from lipsync_cli.api.results import FacesResult, InferResult, ScoreResult, TrainResult
from lipsync_cli.api.scoring import score
from lipsync_cli.api.training import train

__all__ = ["FacesResult", "InferResult", "ScoreResult", "TrainResult", "detect_faces", "infer", "score", "train"]

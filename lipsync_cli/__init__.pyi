from lipsync_cli.api import FacesResult as FacesResult
from lipsync_cli.api import InferResult as InferResult
from lipsync_cli.api import ScoreResult as ScoreResult
from lipsync_cli.api import TrainResult as TrainResult
from lipsync_cli.api import detect_faces as detect_faces
from lipsync_cli.api import infer as infer
from lipsync_cli.api import score as score
from lipsync_cli.api import train as train
from lipsync_cli.errors import InputError as InputError
from lipsync_cli.errors import LipsyncError as LipsyncError
from lipsync_cli.errors import NothingToDoError as NothingToDoError
from lipsync_cli.errors import PartialError as PartialError
from lipsync_cli.errors import ReaderGoneError as ReaderGoneError
from lipsync_cli.errors import StoppedError as StoppedError
from lipsync_cli.errors import ToolError as ToolError
from lipsync_cli.errors import UsageError as UsageError

__version__: str

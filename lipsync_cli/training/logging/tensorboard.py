"""The log for TensorBoard, beside the JSON lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lipsync_cli.errors import ToolError

FOLDER = "tensorboard"


def check_tensorboard() -> None:
    """Raise ToolError if the package is not installed."""
    try:
        import torch.utils.tensorboard  # noqa: F401
    except ImportError as error:
        raise ToolError(
            f"--tensorboard needs the package tensorboard ({error})", hint="pip install 'lipsync-cli[tensorboard]'"
        ) from error


class TensorBoard:
    """Write lines of the log as scalars over the number of samples; notes become texts.

    Parameters
    ----------
    folder : of the run
    samples_seen : later points of an earlier, interrupted writing are hidden

    """

    def __init__(self, folder: Path, samples_seen: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder / FOLDER), purge_step=samples_seen + 1 if samples_seen else None)

    def write(self, line: dict[str, Any]) -> None:
        """Add one line of the log."""
        samples = line["samples"]
        for name, value in line.items():
            if name in ("kind", "samples"):
                continue
            if isinstance(value, str):
                self._writer.add_text(f"{line['kind']}/{name}", value, samples)
            else:
                self._writer.add_scalar(f"{line['kind']}/{name}", value, samples)
        self._writer.flush()

    def close(self) -> None:
        """End the writer's thread."""
        self._writer.close()

"""The generator by torch and by ONNX Runtime, one thread each: processor time of a frame, and of what comes before it.

Both draw what `lipsync infer` asks for: the face is encoded once, then mouths are moved, so many at once. They run in
turn, and medians count. Start-up is that of a fresh process each: import of the library, then loading the weights.

Usage: python benchmarks/backends.py [--weights FILE] [--rounds N]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

BATCHES = 2, 8, 16  # of live: 2, of infer: 8, of --preset fast: 16
CALLS = 6
STARTS = {
    "torch": "from lipsync_cli.pipelines.machine.start_torch import start_torch; start_torch()\n"
    "from lipsync_cli.formats.weights import load_weights; load_weights({weights!r})",
    "onnxruntime": "import onnxruntime; onnxruntime.InferenceSession({exported!r}, providers=['CPUExecutionProvider'])",
}


def cpu_ms(work: Callable[[], Any]) -> float:
    """Processor time of some calls, in milliseconds a call."""
    started = time.process_time()
    for _ in range(CALLS):
        work()
    return 1000 * (time.process_time() - started) / CALLS


def start_cpu_s(line: str) -> float:
    """Processor time of a program of one line."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", line], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def export_mover(generator: Any, code: Any, batch: int, path: Path) -> None:
    """Write what moves the mouths of one encoded face as ONNX."""
    import torch

    from lipsync_cli.formats.onnx import OPSET, quiet_exporter
    from lipsync_cli.models.generators.compact import FaceCode

    class Mover(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.generator = generator

        def forward(self, speech: Any, *parts: Any) -> Any:
            return self.generator.move(FaceCode(*parts), speech)

    example = torch.zeros(batch, 21, 384)
    names = [f"code{number}" for number in range(len(code))]
    with quiet_exporter():
        program = torch.onnx.export(
            Mover().eval(), (example, *code), input_names=["speech", *names], opset_version=OPSET, dynamo=True,
            verbose=False,
        )  # fmt: skip
    assert program is not None
    program.save(str(path), external_data=False)


def main() -> None:
    """Measure and print one JSON line."""
    import onnxruntime
    import torch

    from lipsync_cli.formats.weights import load_weights

    parser = argparse.ArgumentParser()
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    torch.set_num_threads(1)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    generator: Any = load_weights(given.weights)[0]
    generator.articulation = 1.4
    fast = load_weights(given.weights)[0].to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    fast.articulation = 1.4  # type: ignore[assignment]
    noise = np.random.default_rng(0)
    result: dict[str, Any] = {"rounds": given.rounds}
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        face = torch.from_numpy(noise.random((1, 3, generator.size, generator.size), np.float32))
        code, fast_code = generator.encode_face(face, face), fast.encode_face(face, face)  # type: ignore[operator]
        for batch in BATCHES:
            path = Path(folder, f"{batch}.onnx")
            export_mover(generator, code, batch, path)
            session = onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
            speech = noise.standard_normal((batch, 21, 384)).astype(np.float32)
            ask = {"speech": speech} | {f"code{number}": part.numpy() for number, part in enumerate(code)}
            ask = {each.name: ask[each.name] for each in session.get_inputs()}
            heard = torch.from_numpy(speech)
            want, got = fast.move(fast_code, heard)[0].numpy(), session.run(None, ask)[0]  # type: ignore[operator]
            assert np.abs(want - got).max() < 1e-3
            mine_of, theirs_of = partial(fast.move, fast_code, heard), partial(session.run, None, ask)  # type: ignore[arg-type]
            runs = [(cpu_ms(mine_of), cpu_ms(theirs_of)) for _ in range(given.rounds)]
            mine, theirs = (statistics.median(values) / batch for values in zip(*runs, strict=True))
            result[f"batch{batch}_ms"] = [round(mine, 2), round(theirs, 2)]
            result[f"batch{batch}_ratio"] = round(statistics.median(a / b for a, b in runs), 2)
        for name, line in STARTS.items():
            line = line.format(weights=given.weights and str(given.weights), exported=str(path))
            result[f"start_{name}_s"] = round(statistics.median(start_cpu_s(line) for _ in range(5)), 2)
    print(json.dumps(result))


if __name__ == "__main__":
    main()

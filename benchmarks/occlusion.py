"""What `lipsync infer` finds over real faces: nothing where nothing is, and things that are drawn over them.

Every clip is looked at as `infer` does it, each frame beside its resting and its open face: as it is (the control:
what is found there is wrong, or a hand that the clip has), and with a thing drawn over every frame, as the network has
learned them, by a seed that it has not seen. `network` is what the network says alone, `infer` what is made of it: a
mouth that is mostly hidden is left alone as a whole there.

found     share of what was drawn, and would be painted over, that is found
overlap   intersection over union with what was drawn
bare      share of the frames as they are in which something is found over 5 % of what would be drawn

Usage: python benchmarks/occlusion.py CLIP ... [--weights RUN_OR_FILE] [--every N] [--sheet PNG] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np
import torch

from lipsync_cli.datasets.transforms.occluders import draw_occluders
from lipsync_cli.faces.alignment import warp_crop
from lipsync_cli.faces.crop import crop_face
from lipsync_cli.faces.mask import lower_face_mask
from lipsync_cli.faces.occlusion import FAINT, TOLD, OcclusionClassifier, shrink
from lipsync_cli.formats.weights import find_weights, load_weights
from lipsync_cli.runtime.stopwatch import Stopwatch
from lipsync_cli.synthesis.job import JobSettings, prepare
from lipsync_cli.synthesis.rendering.scene import SceneBuilder

SEED = 2026
VOICE = Path(__file__).resolve().parent.parent / "examples" / "speech.flac"
MAX_S = 20  # of a clip


class Seen(NamedTuple):
    """A frame's face, (S, S, 3) uint8 in the rest frame's pose, what it is compared with, and the face's contrast."""

    crop: np.ndarray
    compared: np.ndarray
    contrast: float


def look_through(clip: Path, weights: Path, every: int) -> list[Seen]:
    """Return the faces of some frames of a clip, each beside the rest frame that fits it best."""
    seen, settings = [], JobSettings().with_options(end_s=Fraction(MAX_S), occlusion=weights)
    with (
        tempfile.TemporaryDirectory() as folder,
        prepare(clip, VOICE, Path(folder) / "x.mp4", settings) as job,
        SceneBuilder() as scenes,
    ):
        scene = scenes.open_scene(job.source, job.generator, job.schedule.num_source_frames, Stopwatch())
        boxes, rule = scene.boxes[0], scene.renderer.rule
        order = np.flatnonzero(~np.isnan(boxes[:, 0]))[::every]
        for number, frame in scene.video.frames(order):
            errors = [tracker.alignment_rmse(number, frame) for tracker in scene.renderer.speakers[0].trackers]
            tracker = scene.renderer.speakers[0].trackers[int(np.argmin(errors))]
            pose, _ = tracker.find(number, frame)
            crop = warp_crop(crop_face(frame, boxes[number], rule), pose)
            seen.append(Seen(crop, tracker.compared, tracker.contrast))
    return seen


def measure(
    seen: list[Seen], network: Any, verdict: OcclusionClassifier, mask: np.ndarray
) -> tuple[dict[str, float], np.ndarray]:
    """Return the figures of a clip, and a picture of some of its faces."""
    faces = torch.from_numpy(np.stack([each.crop for each in seen])).permute(0, 3, 1, 2).float() / 255
    generator = torch.Generator().manual_seed(SEED)
    drawn, opacity = draw_occluders(faces, torch.ones(len(seen), dtype=torch.bool), generator)
    half = len(mask)
    true = torch.nn.functional.avg_pool2d(opacity, 2)[:, 0].numpy()[:, -half:] > 0.5
    pictures = (255 * drawn).round().byte().permute(0, 2, 3, 1).numpy()
    counts = {"network": np.zeros(3), "infer": np.zeros(3)}
    flagged, tiles, matters = 0, [], mask > FAINT
    for each, picture, there in zip(seen, pictures, true, strict=True):
        bare = verdict.covered(_logits(network, shrink(each.crop), each.compared), shrink(each.crop), *each[1:])
        flagged += bare is not None and bare.share > TOLD
        logits = _logits(network, shrink(picture), each.compared)
        covered = verdict.covered(logits, shrink(picture), *each[1:])
        found = np.zeros(mask.shape, bool) if covered is None else covered.opacity > 0.5
        for name, what in (("network", logits[-half:] > 0), ("infer", found)):
            there_too, here = there & matters, what & matters
            counts[name] += ((there_too & here).sum(), (there_too | here).sum(), there_too.sum())
        tiles.append(_tile(picture, found))
    figures = {"frames": len(seen), "bare": flagged / len(seen)}
    for name, (both, either, all_there) in counts.items():
        figures |= {f"found_{name}": both / max(1, all_there), f"overlap_{name}": both / max(1, either)}
    chosen = np.linspace(0, len(tiles) - 1, 8).astype(int)
    return figures, np.hstack([tiles[number] for number in chosen])


def _logits(network: Any, shown: np.ndarray, compared: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        pictures = (torch.from_numpy(each).permute(2, 0, 1)[None].float() / 255 for each in (shown, *compared))
        logits: np.ndarray = network(*pictures)[0].numpy()
    return logits


def _tile(picture: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Return a face and under it the same with what was found in red."""
    marked = picture.astype(np.float32)
    half = marked[len(marked) // 2 :]
    over = cv2.resize(found.astype(np.float32), half.shape[1::-1])[:, :, None]
    half += 0.7 * over * (np.array([255.0, 0, 0], np.float32) - half)
    return np.vstack([picture, marked.astype(np.uint8)])


def main() -> None:
    """Print a table, and write the sheet and the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--every", type=int, default=3)
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    weights = find_weights(given.weights, "occlusion network")
    network, header = load_weights(weights, kind="occlusion network")
    verdict = OcclusionClassifier(header.crop_rule)
    mask = lower_face_mask(header.crop_rule, header.crop_rule.size // 2)[-header.crop_rule.size // 4 :]
    data, rows = {}, []
    print("| | frames | found: network, infer | overlap: network, infer | bare |\n|---|---|---|---|---|")
    for clip in given.clips:
        figures, row = measure(look_through(clip, weights, given.every), network, verdict, mask)
        data[clip.name] = {name: round(float(value), 4) for name, value in figures.items()}
        rows.append(row)
        found, overlap = (
            f"{figures[f'{what}_network']:.2f}, {figures[f'{what}_infer']:.2f}" for what in ("found", "overlap")
        )
        print(f"| {clip.name} | {figures['frames']} | {found} | {overlap} | {figures['bare']:.3f} |", flush=True)
    if given.sheet is not None:
        cv2.imwrite(str(given.sheet), np.vstack(rows)[:, :, ::-1])
    if given.json is not None:
        given.json.write_text(json.dumps({"weights": header.sha256, "clips": data}, indent=2) + "\n")


if __name__ == "__main__":
    main()

"""A film with other faces: found, steadied, drawn and written as a stream."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.faces.alignment import compose_affine
from lipsync_cli.faces.depth import depth_map
from lipsync_cli.media.video.encode import VideoWriter, constant_rate
from lipsync_cli.media.video.lengths import check_lengths
from lipsync_cli.runtime.atomic_files import atomic_output
from lipsync_cli.synthesis.compositing.head_turn_warp import turn_occlusion
from lipsync_cli.synthesis.rendering.occlusion_tracker import OcclusionTracker
from lipsync_cli.synthesis.swapping.face_path import find_path
from lipsync_cli.synthesis.swapping.swap_compositor import Occluder, SwapCompositor
from lipsync_cli.synthesis.swapping.swapped_source import SwappedFace, Swapper

if TYPE_CHECKING:
    from lipsync_cli.media.video.yuv_frame import Frame
    from lipsync_cli.synthesis.rendering.marking import Marking
    from lipsync_cli.synthesis.rendering.scene import Scene
    from lipsync_cli.synthesis.sources.source_clip import SourceClip
    from lipsync_cli.synthesis.swapping.swap_network import SwapNetwork
    from lipsync_cli.synthesis.swapping.swapped_source import FindOccluders

Progress = Callable[[int, "int | None", str], None]


def build_swapper(
    scene: Scene,
    network: SwapNetwork,
    decoders: Sequence[int],
    *,
    colour: str = "lab",
    is_masked: bool = True,
    smoothing: str = "gaussian",
    batch_size: int = 8,
    progress: Progress | None = None,
) -> Swapper:
    """Find the landmarks of the faces of a scene, and return what swaps them.

    Parameters
    ----------
    scene : the film, with the boxes of those whose faces are replaced
    network : what draws
    decoders : whose faces they get, by the number of the decoder
    colour, is_masked, smoothing : see `SwapCompositor` and `find_path`
    batch_size : faces that are drawn at once
    progress : told how many frames are done
    """
    total = scene.video.num_frames

    def tell(done: int) -> None:
        if progress is not None:
            progress(done, total, "finding landmarks")

    faces = []
    for place, (boxes, decoder) in enumerate(zip(scene.boxes, decoders, strict=True)):
        frames = scene.video.frames(np.arange(total))
        path = find_path(frames, boxes, smoothing, tell)
        faces.append(SwappedFace(path, decoder, _find_occluders(scene, place)))
    return Swapper(network, SwapCompositor(network.side, colour, is_masked), tuple(faces), batch_size)


def write_swapped(
    output: Path,
    clip: SourceClip,
    scene: Scene,
    swapper: Swapper,
    marking: Marking,
    *,
    crf: int = 18,
    force: bool = False,
    progress: Progress | None = None,
) -> int:
    """Write a film with its own sound and times, and other faces; return how many frames it has.

    Parameters
    ----------
    output : the film
    clip, scene : the film as it is
    swapper : swaps the faces
    marking : what says that it is synthetic
    crf : quality, 0 ... 51, lower is better
    force : replace an output that exists

    Raises
    ------
    InputError : the output exists, or cannot be written, or is not as long as the clip
    """
    video, timeline, header = scene.video, clip.timeline, swapper.network.header
    label = marking.draw(video.width, video.height, scene.boxes.reshape(-1, 4))
    assert clip.info.video is not None
    sound = clip.path if clip.info.audio is not None else None
    origin_s = Fraction(clip.info.video.start_s or 0) + clip.start_s
    with atomic_output(output, force) as temporary:
        writer = VideoWriter(
            temporary,
            video.width,
            video.height,
            timeline,
            sound,
            timeline.duration_s if sound is not None else None,
            audio_origin_s=origin_s if sound is not None else None,
            crf=crf,
            tags=marking.tags(header, clip.info.tags),
            color_tags=clip.picture.color_tags,
            sample_aspect=clip.sample_aspect,
            change_sound=marking.change_sound,
            least_rate=marking.least_rate,
            keep_clock=constant_rate(timeline) is None,
            is_yuv=video.matrix is not None,
        )
        with writer:
            for number, frame in swapper.swap(video.frames(np.arange(timeline.num_frames))):
                writer.write(frame if label is None else label.draw(frame))
                if progress is not None:
                    progress(number + 1, timeline.num_frames, "swapping the face")
        sound_s = timeline.duration_s if sound is not None else None
        check_lengths(temporary, timeline.num_frames, timeline.duration_s, sound_s, sound)
        marking.record(temporary, output, {"video": clip.path}, header, force)
    return timeline.num_frames


def _find_occluders(scene: Scene, place: int) -> FindOccluders | None:
    """Return what finds the occluders of one of a scene's faces in frames that come in order, None if nothing can."""
    renderer = scene.renderer
    speaker, rule, runner = renderer.speakers[place], renderer.rule, renderer.runner
    if not speaker.trackers or not runner.sees_occlusion:
        return None
    tracker_of_film, depth = OcclusionTracker(runner, rule), depth_map(rule)
    before: int | None = None

    def find(numbers: Sequence[int], frames: Sequence[Frame]) -> list[Occluder | None]:
        nonlocal before
        found: dict[int, Occluder | None] = {}
        views: dict[int, list[int]] = {}
        for index, (number, frame) in enumerate(zip(numbers, frames, strict=True)):
            before = speaker.view(number, frame, before)
            views.setdefault(before, []).append(index)
        for view, indices in views.items():
            tracker = speaker.trackers[view]
            here = [numbers[index] for index in indices], [frames[index] for index in indices]
            masks = tracker_of_film.finish(tracker_of_film.begin(tracker, *here), place)
            for index, mask in zip(indices, masks, strict=True):
                if mask is None:
                    continue
                pose = tracker.find(numbers[index], frames[index])
                matrix = compose_affine(pose.matrix, rule.matrix(speaker.boxes[numbers[index]]))
                turned = turn_occlusion(mask, pose.turn, depth)
                found[index] = Occluder(matrix, turned.opacity, rule.size)
        return [found.get(index) for index in range(len(numbers))]

    return find

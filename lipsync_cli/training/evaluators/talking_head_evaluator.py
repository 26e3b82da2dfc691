"""Talking heads: whole clips drawn from their first face, beside the real ones, a still, and mismatched audio."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from lipsync_cli.faces.landmarks import load_predictor
from lipsync_cli.faces.similarity import find_aligned_landmarks
from lipsync_cli.metrics.baselines import to_pixels
from lipsync_cli.metrics.image.reconstruction import measure
from lipsync_cli.metrics.mouth.movement import STILL, lip_opening
from lipsync_cli.models.generators.temporal import NOISE_DEVIATION, NOISE_DIM
from lipsync_cli.training.evaluators.validation import movement
from lipsync_cli.training.phases import PHASES

if TYPE_CHECKING:
    from lipsync_cli.datasets.clip_sequences import AlignedFaces
    from lipsync_cli.faces.crop import Region
    from lipsync_cli.training.engine.batch_source import Source

MOST_CLIPS = 10
SHOWN_CLIPS, SHOWN_FRAMES, ENLARGED = 4, 12, 2
_TOGETHER = 25  # frames drawn at once


class Drawn(NamedTuple):
    """A clip: its real frames, those drawn to its own sound, and to that of another one, (n, 128, 96, 3) uint8 each."""

    real: np.ndarray
    own: np.ndarray
    mismatched: np.ndarray


class TalkingHeadEvaluator:
    """Pictures beside the real ones and the still; the mouth's opening beside the real one, where it can be measured.

    Parameters
    ----------
    faces : of the split
    source : of the same split
    is_held_out : nothing of it is trained on
    region : rows and columns of the mouth in an aligned face
    get_phase : names the phase of the run; the best weights are those of the last phase
    """

    def __init__(
        self, faces: AlignedFaces, source: Source, is_held_out: bool, region: Region, get_phase: Callable[[], str]
    ) -> None:
        self._faces, self._source, self._region = faces, source, region
        self._is_held_out, self._get_phase = is_held_out, get_phase
        rows = faces.rows
        self._rows = [rows[place] for place in np.linspace(0, len(rows) - 1, min(MOST_CLIPS, len(rows))).astype(int)]
        self._real_openings: dict[int, np.ndarray] = {}

    def measure(self, network: Any) -> dict[str, Any]:
        """Measure; see `metrics.image.reconstruction.measure` for the names of pictures' figures."""
        if not self._is_held_out:
            return {}
        figures: dict[str, list[float]] = {}
        clips = []
        for row, drawn in self._draw_clips(network, self._rows):
            still = np.broadcast_to(drawn.real[:1], drawn.real.shape)
            for name, pictures in (("model", drawn.own), ("copy", still), ("wrong_audio", drawn.mismatched)):
                for metric, values in measure(pictures, drawn.real, self._region).items():
                    figures.setdefault(f"{name}/{metric}", []).append(float(values.mean()))
            for name, value in self._compare_openings(row, drawn).items():
                figures.setdefault(name, []).append(value)
            clips.append(drawn)
        means = {name: round(float(np.mean(values)), 4) for name, values in figures.items()}
        means["over_copy_db"] = round(means["model/mouth_psnr"] - means["copy/mouth_psnr"], 4)
        means["over_wrong_audio_db"] = round(means["model/mouth_psnr"] - means["wrong_audio/mouth_psnr"], 4)
        number = np.repeat(np.arange(len(clips)), [len(clip.real) for clip in clips])
        moves = [
            movement(np.concatenate([clip[field] for clip in clips]), self._region, number)
            for field in (Drawn._fields.index("own"), Drawn._fields.index("real"))
        ]
        means["model/movement"] = round(moves[0] / max(moves[1], 1e-9), 4)
        means["model/mouth_variation"], means["truth/mouth_variation"] = (round(each, 4) for each in moves)
        means["model/audio_variation"] = round(float(np.mean([self._apart(clip) for clip in clips])), 4)
        return {"split": self._source.split, "phase": PHASES.index(self._get_phase()), **means}

    def _apart(self, clip: Drawn) -> float:
        """Say by how many levels another sound changes the mouth."""
        row0, row1, column0, column1 = self._region
        one, other = (field[:, row0:row1, column0:column1].astype(np.float32) for field in (clip.own, clip.mismatched))
        return float(np.abs(one - other).mean() / 2)

    def _compare_openings(self, row: int, drawn: Drawn) -> dict[str, float]:
        """Correlate the opening of the mouth with the real one, and say how far it goes; nothing without landmarks."""
        predictor = load_predictor()
        if predictor is None:
            return {}
        if row not in self._real_openings:
            self._real_openings[row] = lip_opening(find_aligned_landmarks(predictor, drawn.real))
        real = self._real_openings[row]
        pair = drawn.own, drawn.mismatched
        own, mismatched = (lip_opening(find_aligned_landmarks(predictor, each)) for each in pair)
        if np.std(real) < STILL:
            return {}
        return {
            "mouth/opening": _correlate(own, real),
            "mouth/mismatched": _correlate(mismatched, real),
            "mouth/amplitude": float(np.std(own) / np.std(real)),
        }

    def rank(self, figures: dict[str, Any]) -> float:
        """Rank by the phase, then by the opening's correlation, or else by what the right sound is worth in dB."""
        return 10 * figures["phase"] + figures.get("mouth/opening", figures["over_wrong_audio_db"])

    def describe(self, figures: dict[str, Any]) -> str:
        """Put the figures into one line."""
        opening = ""
        if "mouth/opening" in figures:
            opening = (
                f"opening correlates {figures['mouth/opening']:.2f} with the real one, to mismatched audio "
                f"{figures['mouth/mismatched']:.2f}, amplitude {figures['mouth/amplitude']:.2f}; "
            )
        return (
            f"{opening}mouth PSNR {figures['model/mouth_psnr']:.2f} dB, {figures['over_copy_db']:+.2f} over the still, "
            f"{figures['over_wrong_audio_db']:+.2f} over mismatched audio, SSIM {figures['model/crop_ssim']:.4f}"
        )

    def tabulate(self, figures: dict[str, Any]) -> list[str]:
        """Make the table of the model and its baselines."""
        table = [
            f"Means over clips of the split `{figures['split']}`, each drawn from its first face:",
            "",
            "| | face PSNR (dB) | face SSIM | mouth PSNR (dB) | opening, correlation with the real one |",
            "|---|---|---|---|---|",
        ]
        rows = (("this model", "model", "mouth/opening"), ("the still", "copy", ""))
        for title, row, opening in (*rows, ("mismatched audio", "wrong_audio", "mouth/mismatched")):
            psnr, ssim, mouth = (figures[f"{row}/{name}"] for name in ("crop_psnr", "crop_ssim", "mouth_psnr"))
            told = f"{figures[opening]:.2f}" if opening in figures else ""
            table.append(f"| {title} | {psnr:.2f} | {ssim:.4f} | {mouth:.2f} | {told} |")
        return table

    def show(self, network: Any, path: Path) -> None:
        """Draw frames of some clips, generated below real ones, and a film of them beside it."""
        import cv2

        from lipsync_cli.runtime.atomic_files import atomic_output

        rows, films = [], []
        for _, drawn in self._draw_clips(network, self._rows[:SHOWN_CLIPS]):
            places = np.linspace(0, len(drawn.real) - 1, SHOWN_FRAMES).round().astype(int)
            rows += [np.hstack(list(field[places])) for field in (drawn.real, drawn.own)]
            films.append(np.concatenate([drawn.real, drawn.own, drawn.mismatched], 2))
        width = max(row.shape[1] for row in rows)
        rows = [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0))) for row in rows]
        sheet = cv2.resize(np.vstack(rows), None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_CUBIC)
        done, encoded = cv2.imencode(".png", sheet[:, :, ::-1])
        assert done
        with atomic_output(path, force=True) as temporary:
            temporary.write_bytes(encoded.tobytes())
        self._write_film(path.with_suffix(".mp4"), films)

    def _write_film(self, path: Path, films: list[np.ndarray]) -> None:
        """Write the clips one after the other: real, generated, and generated to mismatched audio; without sound."""
        from lipsync_cli.media.video.encode import VideoWriter
        from lipsync_cli.runtime.atomic_files import atomic_output

        clip = self._source.clips[self._rows[0]]
        rate = round(int(clip["fps_num"]) / int(clip["fps_den"]))
        height, width = films[0].shape[1:3]
        with (
            atomic_output(path, force=True) as temporary,
            VideoWriter(temporary, width, height, rate, threads=1) as writer,
        ):
            for frame in np.concatenate(films):
                writer.write(np.ascontiguousarray(frame))

    def _draw_clips(self, network: Any, rows: list[int]) -> Iterator[tuple[int, Drawn]]:
        """Draw clips from their first face, to their own sound and to that of the next clip."""
        for place, row in enumerate(rows):
            frames = self._faces.frames[row]
            other = self._faces.frames[rows[(place + 1) % len(rows)]]
            other = np.resize(other, len(frames)) if len(rows) > 1 else frames[::-1]
            real = to_pixels(self._faces.cut(frames))
            drawn = [self._draw(network, frames[:1], heard, row) for heard in (frames, other)]
            yield row, Drawn(real, *drawn)

    def _draw(self, network: Any, still: np.ndarray, heard: np.ndarray, seed: int) -> np.ndarray:
        generator = torch.Generator().manual_seed(seed)
        noise = NOISE_DEVIATION * torch.randn(len(heard), NOISE_DIM, generator=generator)
        pictures, state = [], None
        with torch.inference_mode():
            identity = network.identify(self._faces.cut(still))
            for first in range(0, len(heard), _TOGETHER):
                part = slice(first, first + _TOGETHER)
                speech = self._faces.table.fetch_speech(heard[part], self._faces.device)
                drawn, state = network.draw(identity, speech, noise[part].to(speech.device), state)
                pictures.append(to_pixels(drawn))
        return np.concatenate(pictures)


def _correlate(one: np.ndarray, other: np.ndarray) -> float:
    """Return Pearson's correlation, 0 where one of them does not move."""
    return 0.0 if min(np.std(one), np.std(other)) < 1e-9 else float(np.corrcoef(one, other)[0, 1])

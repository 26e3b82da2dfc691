"""lipsync score: how good the generated faces are, with control rows."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lipsync_cli.commands import options
from lipsync_cli.commands.progress import Progress
from lipsync_cli.commands.result import print_result
from lipsync_cli.errors import InputError, UsageError

if TYPE_CHECKING:
    from lipsync_cli.scoring.protocol import Sheet
    from lipsync_cli.scoring.scores import Scores

STDOUT = Path("-")


class SplitName(str, Enum):
    """Which clips of a pack."""

    test = "test"
    val = "val"
    train = "train"


def score(
    source: Annotated[Path, typer.Argument(help="What pack wrote, or with --reference a video.", show_default=False)],
    weights: Annotated[
        Path | None,
        typer.Option(help="Run folder or .safetensors file.", show_default="those that come with lipsync"),
    ] = None,
    reference: Annotated[
        Path | None, typer.Option(help="The real video that SOURCE should look like.", show_default=False)
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Folder for scores.jsonl, table.txt, boxes.png and samples.png; or one .jsonl file; or - for JSON "
            "Lines on stdout.",
            show_default=False,
        ),
    ] = None,
    split: Annotated[SplitName, typer.Option(help="Clips of the pack to score.")] = SplitName.test,
    max_frames: Annotated[
        int | None,
        typer.Option(
            min=1, help="Spread so many frames evenly over the clips.", show_default="every frame with a face"
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Frames generated at once.")] = 32,
    device: options.Device = "auto",
    seed: options.Seed = 0,
    jobs: options.Jobs = None,
    force: options.Force = False,
    dry_run: options.DryRun = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Measure how close generated faces are to the real ones.

    PSNR and SSIM of the crop and of the mouth, on a pack's test clips or of a video against the real one. Beside
    the model stand control rows: copying the reference frame, the model with the wrong audio, and the ground truth.
    What the model gains over the first two is what it has learnt. Without -o the table goes to stdout.

    \b
    Example:
      lipsync score grid.h5 --weights runs/lipgan
    """
    if output is not None:
        _check_output(output, force, [path for path in (source, weights, reference) if path is not None])
    with Progress(quiet, verbose) as progress:
        if reference is not None:
            if weights is not None:
                raise UsageError("--weights and --reference exclude each other")
            if dry_run:
                print_result(_plan_video(source, reference), json)
                return
            from lipsync_cli.scoring.video import score_video

            scores, sheet = score_video(source, reference, progress=progress.update), None
            heading = f"{source.name} against {reference.name}"
        else:
            _check_is_pack(source)
            from lipsync_cli.data.reader import Pack
            from lipsync_cli.data.weights import load_weights
            from lipsync_cli.scoring import protocol

            where = options.resolve_device(device)
            generator, header = load_weights(weights, where)
            with Pack(source, options.resolve_jobs(jobs)) as pack:
                protocol.check_fits(pack, header, weights or header.name)
                if dry_run:
                    print_result(protocol.plan_pack(pack, split.value, max_frames, seed), json)
                    return
                scores, draw = protocol.score_pack(
                    pack, generator, split.value, max_frames, seed, where, batch_size, progress.update
                )
                scores.facts["weights"] = protocol.describe_weights(header, generator)
                wants_sheet = output is not None and not _is_lines(output)
                sheet = protocol.draw_sheet(pack, generator, scores, draw, where) if wants_sheet else None
            heading = f"{header.architecture} weights {header.name} on the {split.value} clips of {source.name}"
        for text in scores.notes if json or output is not None else ():
            progress.detail(text)
        _hand_out(scores, sheet, heading, output, force, json, progress)


def _hand_out(
    scores: Scores, sheet: Sheet | None, heading: str, output: Path | None, force: bool, json: bool, progress: Progress
) -> None:
    """Print the result, and write what was asked for."""
    from lipsync_cli.scoring.folder import write_folder, write_text
    from lipsync_cli.scoring.report import make_lines, make_records, make_summary, make_table

    table = make_table(scores, heading)
    if output == STDOUT:
        typer.echo(make_lines(make_records(scores)), nl=False)
    elif output is not None and _is_lines(output):
        write_text(output, make_lines(make_records(scores)), force)
    elif output is not None:
        write_folder(output, scores, table, heading, sheet, force)
    if output is not None:
        progress.note(table)
    if json and output != STDOUT:
        print_result(make_summary(scores) | ({"output": str(output)} if output else {}), True)
    elif output is None:
        typer.echo(table)
    elif output != STDOUT:
        typer.echo(output)


def _is_lines(output: Path) -> bool:
    return output == STDOUT or output.suffix == ".jsonl"


def _check_output(output: Path, force: bool, inputs: list[Path]) -> None:
    from lipsync_cli.output import check_output
    from lipsync_cli.scoring.folder import check_folder

    if output == STDOUT:
        return
    if _is_lines(output):
        check_output(output, force, inputs)
    else:
        check_folder(output, force)


def _check_is_pack(source: Path) -> None:
    from lipsync_cli.media.tools import check_file

    check_file(source)
    with open(source, "rb") as file:
        start = file.read(8)
    if start != b"\x89HDF\r\n\x1a\n":
        raise InputError("is no pack", source, "to score a video, give --reference and the real one")


def _plan_video(output: Path, reference: Path) -> dict[str, Any]:
    from lipsync_cli.media.probe import probe

    for path in (output, reference):
        if probe(path).video is None:
            raise InputError("has no picture", path, "two videos are compared")
    return {"output": str(output), "reference": str(reference)}

"""lipsync score: how good the generated faces are, with control rows."""

from __future__ import annotations

import shlex
import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lipsync_cli import __version__
from lipsync_cli.commands import options
from lipsync_cli.commands.progress import Progress
from lipsync_cli.commands.result import print_result
from lipsync_cli.errors import InputError, UsageError

if TYPE_CHECKING:
    from lipsync_cli.scoring.scores import Scores
    from lipsync_cli.scoring.sheet import Sheet

STDOUT = Path("-")
WHAT_FOR = {  # a file that is named is wanted for these
    "inception": ("crop_fid",),
    "transcripts": ("words",),
    "syncnet": ("lse_d_25fps", "lse_c_25fps", "lse_offset_25fps", "lse_windows"),
}


class SplitName(str, Enum):
    """Which clips of a pack."""

    test = "test"
    val = "val"
    train = "train"


def score(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="SOURCE",
            help="What pack wrote, or a video, or a folder of videos; or .jsonl files of earlier scores.",
            show_default=False,
        ),
    ],
    weights: Annotated[
        Path | None,
        typer.Option(help="Run folder or .safetensors file.", show_default="those that come with lipsync"),
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(help="The real video that SOURCE should look like, or the folder of them.", show_default=False),
    ] = None,
    metrics: Annotated[
        str,
        typer.Option(
            help="Metrics or groups, with commas: reconstruction, distribution, sharpness, identity, words, sync, "
            "behaviour, standard, all."
        ),
    ] = "standard",
    align: Annotated[
        bool, typer.Option("--align", help="Compare what both videos have, if sizes, rates or lengths differ.")
    ] = False,
    expert: Annotated[
        Path | None,
        typer.Option(help="Sync expert: run folder or .safetensors file.", show_default="the one that comes with it"),
    ] = None,
    inception: Annotated[
        Path | None, typer.Option(help="Published Inception-v3 weights, for FID.", show_default=False)
    ] = None,
    syncnet: Annotated[
        Path | None, typer.Option(help="SyncNet's published weights, for LSE-D and LSE-C.", show_default=False)
    ] = None,
    lip_reader: Annotated[
        Path | None,
        typer.Option(help="Lip reader: run folder or .safetensors file.", show_default="the one that comes with it"),
    ] = None,
    transcripts: Annotated[
        Path | None,
        typer.Option(
            help="What is said when, to measure whether it can be read from the lips: a .align file of GRID, or of a "
            "folder or pack the folder of SPEAKER/CLIP.align.",
            show_default=False,
        ),
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
    report: Annotated[
        Path | None,
        typer.Option(
            help="Write an HTML file to look at: tables, plots, curves, pictures, films. Of several .jsonl files: a "
            "column each.",
            show_default=False,
        ),
    ] = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="Say which differences between .jsonl files exceed the noise.")
    ] = False,
    split: Annotated[SplitName, typer.Option(help="Clips of the pack to score.")] = SplitName.test,
    max_frames: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Spread so many frames of a pack evenly over the clips, for metrics that judge single frames.",
            show_default="every frame with a face",
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Frames generated at once.")] = 32,
    vtln: options.Vtln = "auto",
    device: options.Device = "auto",
    seed: options.Seed = 0,
    jobs: options.Jobs = None,
    force: options.Force = False,
    dry_run: options.DryRun = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Measure generated faces, with control rows beside every figure.

    Of a pack's test clips, as the weights speak them; of a video or a folder of videos against the real ones, or
    alone. Control rows say what a figure is worth: a copied or frozen face, the wrong audio, the ground truth. What
    cannot be computed is null, with its reason. Without -o the table goes to stdout. docs/reference/metrics.md defines
    every metric.

    \b
    Example:
      lipsync score grid.h5 --weights runs/lipgan
      lipsync score out.mp4 --reference real.mp4 --metrics sync,crop_psnr
      lipsync score films/ --reference real/ -o scores/
      lipsync score grid.h5 -o a.jsonl --report a.html
      lipsync score --compare a.jsonl b.jsonl
    """
    from lipsync_cli.commands import reports

    command = shlex.join(["lipsync", *sys.argv[1:]])
    if compare or any(map(reports.is_results, sources)):
        if output is not None or reference is not None or weights is not None:
            raise UsageError("-o, --reference and --weights are for scoring, not for scores")
        with Progress(quiet, verbose) as progress:
            where = options.resolve_device(device)
            reports.show_results(sources, compare, report, force, json, where, progress, command)
        return
    if len(sources) > 1:
        raise UsageError("one SOURCE is scored at a time", hint="score each with -o, then give the .jsonl files")
    source = sources[0]
    inputs = [path for path in (source, weights, reference) if path is not None]
    from lipsync_cli.data.transcript import Transcripts, find_transcript
    from lipsync_cli.scoring.metrics.registry import find_families
    from lipsync_cli.scoring.tools import Tools

    if output is not None:
        _check_output(output, force, inputs)
    if report is not None:
        reports.check_report(report, force, inputs)
    factor = options.parse_vtln(vtln)
    wanted = [name.strip() for name in metrics.split(",") if name.strip()]
    named = {"inception": inception, "syncnet": syncnet, "transcripts": transcripts}
    wanted += [name for file, names in WHAT_FOR.items() if named[file] is not None for name in names]
    find_families(wanted)  # a wrong name is refused before anything is read
    sheet = None
    with Progress(quiet, verbose) as progress:
        is_film = reference is not None or source.is_dir() or not _is_pack(source)
        if is_film and weights is not None:
            raise UsageError("--weights are for a pack", hint="a video is scored as it is")
        if is_film and factor is not None:
            raise UsageError("--vtln is for the weights that speak a pack", hint="a video is scored as it is")
        tools = Tools(
            options.resolve_device(device),
            _find_files({"expert": expert, "inception": inception, "syncnet": syncnet, "lip_reader": lip_reader}),
        )
        tools.check()
        is_single = is_film and not source.is_dir()
        spoken = None if transcripts is None or is_single else Transcripts(transcripts)
        kept_at = None if output is None or output == STDOUT else _beside(output)
        count = 1
        if is_film and source.is_dir():
            from lipsync_cli.scoring.films import find_films, score_folder

            if dry_run:
                films = find_films(source, reference, align, progress.failure, spoken)
                print_result({"output": str(source), "reference": str(reference or ""), "videos": len(films)}, json)
                return
            scores = score_folder(
                source,
                reference,
                align,
                wanted,
                tools,
                kept_at,
                options.resolve_jobs(jobs),
                progress.update,
                progress.failure,
                spoken,
            )
            count = len(scores.facts["files"])
            heading = f"{source.name} against {reference.name}" if reference is not None else source.name
        elif is_film:
            from lipsync_cli.scoring.films import score_video
            from lipsync_cli.scoring.pairing import pair_videos

            if reference is not None and reference.is_dir():
                raise InputError("is a folder", reference, "a video is compared with a video")
            transcript = find_transcript(transcripts, source)
            if dry_run:
                pair_videos(source, reference, align)
                print_result({"output": str(source), "reference": str(reference or "")}, json)
                return
            scores = score_video(source, reference, align, wanted, tools, progress.update, transcript)
            heading = f"{source.name} against {reference.name}" if reference is not None else source.name
        else:
            from lipsync_cli.data.heard import hear_pack
            from lipsync_cli.data.reader import Pack
            from lipsync_cli.data.weights import load_weights
            from lipsync_cli.scoring import protocol
            from lipsync_cli.scoring.kept import keep_parts
            from lipsync_cli.scoring.sheet import draw_sheet

            generator, header = load_weights(weights, tools.device)
            with Pack(source, options.resolve_jobs(jobs)) as pack:
                protocol.check_fits(pack, header, weights or header.name)
                if dry_run:
                    print_result(protocol.plan_pack(pack, split.value, max_frames, seed), json)
                    return
                files = {name: [str(path), path.stat().st_mtime_ns] for name, path in tools.files.items()}
                key = [pack.fingerprint, header.sha256, split.value, max_frames, seed, sorted(wanted), files, factor]
                heard, factors = hear_pack(pack, split.value, header.known_voices, factor)
                key += [spoken.fingerprint()] if spoken is not None else []
                with keep_parts(kept_at, key) as kept:
                    scores, draw = protocol.score_pack(
                        pack,
                        generator,
                        split.value,
                        max_frames,
                        seed,
                        tools,
                        find_families(wanted, has_frames=False),
                        batch_size,
                        kept,
                        progress.update,
                        spoken,
                        heard,
                    )
                scores.facts["vtln"] = {"asked": factor, "factors": factors}
                about = protocol.describe_weights(header, generator)
                scores.facts["weights"] = about | {"file": None if weights is None else str(weights)}
                if output is not None and not _is_lines(output):
                    sheet = draw_sheet(pack, generator, split.value, draw, tools.device, heard=heard)
            heading = f"{header.architecture} weights {header.name} on the {split.value} clips of {source.name}"
        scores.facts.update(version=__version__, command=command)
        for text in scores.notes if json or output is not None else ():
            progress.detail(text)
        _hand_out(scores, sheet, heading, output, force, json, progress)
        if report is not None:
            reports.report_scores(scores, heading, report, force, tools.device, progress, command)
        progress.raise_if_failed(count + progress.num_failures)


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


def _beside(output: Path) -> Path:
    """Name the place beside which finished clips are kept; a folder's own name may be taken by the folder."""
    return output if _is_lines(output) else output.with_name(f"{output.name}.scores")


def _find_files(named: dict[str, Path | None]) -> dict[str, Path]:
    """Name the files of the networks that were named: of a run folder, its best weights."""
    from lipsync_cli.data.weights import find_weights

    files = {name: path for name, path in named.items() if path is not None}
    for name in {"expert", "lip_reader"} & set(files):
        files[name] = find_weights(files[name])
    return files


def _is_pack(source: Path) -> bool:
    from lipsync_cli.media.tools import check_file

    check_file(source)
    with open(source, "rb") as file:
        return file.read(8) == b"\x89HDF\r\n\x1a\n"

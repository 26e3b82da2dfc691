"""What is told of a user's file names that file: which errors are made without one, and who adds it to them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from bad_bench import Bench
from fixtures import stores

from lipsync_cli.datasets.frame_table import FrameTable
from lipsync_cli.datasets.sync_windows import WindowTable
from lipsync_cli.errors import InputError, LipsyncError, NothingToDoError, UsageError, naming
from lipsync_cli.formats.pack_file import Pack
from lipsync_cli.metrics.sync_embeddings import draw_pairs
from lipsync_cli.preprocessing.pack import Split, pack
from lipsync_cli.scoring.report.replay import open_scenes
from lipsync_cli.scoring.results.bootstrap import compare
from lipsync_cli.scoring.results.records import Results

PACKAGE = Path(__file__).resolve().parent.parent / "lipsync_cli"
ABOUT_FILES = ("InputError", "NothingToDoError")
# By module and function: what only its caller knows the file of, and who names it.
NAMED_BY_CALLERS = {
    "faces/crop __post_init__": "formats.guarded_hdf5.damage_as_error, formats.weights.read_header",
    "faces/crop check_same": "formats.compatibility.check_fits and others that hold the weights' file",
    "faces/tracking/face_track _find_at": "faces.selection.find_faces",
    "faces/tracking/face_track choose": "faces.selection.find_faces",
    "faces/tracking/identity choose": "faces.selection.find_faces",
    "formats/weights _read_dims": "formats.weights.read_header",
    "metrics/sync_embeddings find_offset": "becomes the reason why a clip has no figure",
    "pipelines/inference/message_speech rehearse": "synthesis.messages.Message.locate",
    "pipelines/inference/message_speech speak": "synthesis.messages.Message.locate",
    "preprocessing/detect_faces faces_of_clip": "preprocessing.clip_jobs.collect",
    "preprocessing/frame_folders read_record": "read_record itself",
    "preprocessing/frames _write_clip": "preprocessing.frames.extract_frames",
    "preprocessing/mels _checked": "preprocessing.clip_jobs.collect",
    "runtime/json_values _check_tuple": "whoever has read the file",
    "runtime/json_values _check_union": "whoever has read the file",
    "runtime/json_values check_type": "whoever has read the file",
    "runtime/json_values make_dataclass": "whoever has read the file",
    "runtime/processes/workers answer_to": "preprocessing.clip_jobs.collect",
    "scoring/results/bootstrap _check_files": "compare itself",
    "scoring/results/bootstrap _check_tools": "compare itself",
    "scoring/results/bootstrap check_comparable": "compare",
    "scoring/results/bootstrap compare": "compare itself",
    "speech/dubbing dub": "pipelines.inference.words.dubbing.dubbed",
    "speech/mel __post_init__": "formats.guarded_hdf5.damage_as_error, formats.weights.read_header",
    "speech/mel check_same": "formats.compatibility.check_fits and others that hold the weights' file",
    "speech/phones/alignment align": "pipelines.inference.words.text_voices",
    "speech/phones/pronunciation _find": "pipelines.inference.words.text_voices",
    "speech/phones/script time_spans": "pipelines.inference.words.text_voices",
    "speech/speech_features check_same": "speech.speech_windows.make_windows, synthesis.generation.generator_choice",
    "speech/vtln from_dict": "formats.weights.read_header",
    "synthesis/sources/frame_schedule _variable": "synthesis.job.prepare",
    "synthesis/sources/frame_schedule plan_frames": "synthesis.job.prepare",
    "training/recipes/auxiliary/face_swap dims": "training.engine.setup.prepare",
}
# What no file is at fault of: texts and voices that were typed, and a worker that was ended.
NO_FILE = {
    "runtime/processes/workers obituary",
    "speech/synthesisers/espeak_ng _choose",
    "speech/synthesisers/scripts check_script",
    "speech/synthesisers/synthesiser run_program",
    "speech/synthesisers/synthesiser speak",
}


def find_unnamed(text: str) -> Iterator[str]:
    """Give the functions in which an error that is about files is made without one."""

    def walk(node: ast.AST, function: str) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            inner = child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else function
            if isinstance(child, ast.Call) and isinstance(child.func, ast.Name) and child.func.id in ABOUT_FILES:
                given = child.args[1] if len(child.args) > 1 else None
                given = next((each.value for each in child.keywords if each.arg == "path"), given)
                if given is None or (isinstance(given, ast.Constant) and given.value is None):
                    yield inner
            yield from walk(child, inner)

    return walk(ast.parse(text), "")


def test_errors_without_a_file_are_found() -> None:
    text = """
def a(): raise InputError("is odd")
def b(): raise InputError("is odd", path)
def c(): raise NothingToDoError("is odd", hint="mend it")
def d(): raise InputError("is odd", path=None)
def e(): raise UsageError("is odd")
def f():
    def g(): return InputError("is odd", hint="mend it", path=path)
"""
    assert list(find_unnamed(text)) == ["a", "c", "d"]


def test_only_known_errors_are_made_without_a_file() -> None:
    """A new one names the file that is at fault, or says here who adds it."""
    found = {
        f"{file.relative_to(PACKAGE).with_suffix('').as_posix()} {function}"
        for file in PACKAGE.rglob("*.py")
        for function in find_unnamed(file.read_text(encoding="utf-8"))
    }
    assert found == NAMED_BY_CALLERS.keys() | NO_FILE


@pytest.mark.parametrize("kind", [InputError, NothingToDoError])
def test_a_file_is_added_where_none_is_named(kind: type[LipsyncError]) -> None:
    with pytest.raises(kind, match=r"^a\.mp4: is odd; mend it$"), naming("a.mp4"):
        raise kind("is odd", hint="mend it")
    with pytest.raises(kind, match=r"^b\.mp4: is odd$"), naming("a.mp4"):
        raise kind("is odd", "b.mp4")


def test_no_file_is_added_to_options() -> None:
    with pytest.raises(UsageError, match=r"^--a is odd$"), naming("a.mp4"):
        raise UsageError("--a is odd")


def make_scores(name: str, **protocol: object) -> Results:
    rows = {"output": "output"} if "pack" not in protocol else {"model": "model"}
    return Results(
        name, {"metrics": {}, "rows": rows, **protocol}, {}, rows, clips=[("", "a")], path=Path(f"{name}.jsonl")
    )


def test_scores_that_cannot_be_shown_are_named(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"x")
    of_film = {"output": str(film), "output_sha256": "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"}
    cases: list[tuple[str, list[Results]]] = [
        ("two.jsonl: packs and videos are not shown", [make_scores("one", **of_film), make_scores("two", pack="p.h5")]),
        ("one.jsonl: does not say what was scored", [make_scores("one")]),
        ("is a folder", [make_scores("one", pack=str(tmp_path))]),
        ("one.jsonl: no video is known", [make_scores("one", **of_film)]),
    ]
    for said, results in cases:
        with pytest.raises(InputError, match=said):
            open_scenes(results)


def test_scores_that_cannot_be_compared_are_named() -> None:
    for other, kind in ((make_scores("two", output="b"), NothingToDoError), (make_scores("two", pack="p"), InputError)):
        other.clips = [("", "b")]
        with pytest.raises(kind, match=r"^two\.jsonl: .*one"):
            compare(make_scores("one"), other)


def test_a_pack_that_does_not_fit_the_recipe_is_named(bench: Bench, tmp_path: Path) -> None:
    stores.write_faces(tmp_path / "faces.h5", [("s1", "a", 14), ("s1", "b", 13)], size=224)
    stores.write_mels(tmp_path / "mels.h5", [("s1", "a", 45), ("s1", "b", 42)])
    pack(tmp_path / "faces.h5", tmp_path / "mels.h5", tmp_path / "large.h5", Split(0, 0, None, ()))
    for options in ([], ["--generator", "compact"]):
        line = ["train", tmp_path / "large.h5", tmp_path / "run", "--recipe", "wgan-gp", *options]
        bench.fails(3, *line, says=("large.h5: the ", "does not fit its crops", "224"))


def test_clips_too_short_for_pairs_are_told_with_their_pack(tmp_path: Path) -> None:
    stores.write_faces(tmp_path / "faces.h5", [("s1", "a", 13)])
    stores.write_mels(tmp_path / "mels.h5", [("s1", "a", 45)])
    pack(tmp_path / "faces.h5", tmp_path / "mels.h5", tmp_path / "short.h5", Split(0, 0, None, ()))
    with (
        Pack(tmp_path / "short.h5") as opened,
        pytest.raises(NothingToDoError, match=r"short\.h5: .* frames apart; leave short clips out"),
    ):
        draw_pairs(WindowTable(FrameTable(opened, "train")))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--recipe", "own-frame", "--speech", "encoder"), "hear mel, not encoder"),
        (("--recipe", "lipgan", "--generator", "lipgan"), "holds a compact generator"),
    ],
)
def test_weights_to_start_from_that_do_not_fit_are_named(options: tuple[str, ...], said: str, bench: Bench) -> None:
    line = ("train", bench.grid_h5, bench.folder / "run", "--init", bench.tiny_safetensors, *options)
    bench.fails(3, *line, says=("tiny.safetensors: ", said))

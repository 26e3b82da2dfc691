"""Files and options that keep their form but for one thing: whatever is read of them, no error is an unexpected one.

Each kind of file is written well once, then changed in one place, and read as the commands read it. Allowed is a good
result, or a LipsyncError whose exit code is not 1.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
import typer
from fixtures import stores
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from lipsync_cli import cli
from lipsync_cli.commands.train import read_place
from lipsync_cli.config.build import check_value
from lipsync_cli.config.option import entries_of
from lipsync_cli.config.toml_file import format_value, read_file
from lipsync_cli.datasets.frame_table import FrameTable
from lipsync_cli.errors import LipsyncError, find_memory_shortage
from lipsync_cli.faces.selection import parse_face_selection
from lipsync_cli.formats.pack_file import Pack
from lipsync_cli.formats.weights import FORMAT, load_weights, read_header
from lipsync_cli.pipelines.configs.infer import InferConfig
from lipsync_cli.pipelines.configs.score import ScoreConfig
from lipsync_cli.pipelines.configs.train import TrainJob
from lipsync_cli.pipelines.describe import describe
from lipsync_cli.preprocessing.frames import read_record, record_timeline
from lipsync_cli.preprocessing.pack import Split, pack
from lipsync_cli.scoring.results.records import read_results
from lipsync_cli.speech.transcript import read_transcript
from lipsync_cli.synthesis.messages import read_messages
from lipsync_cli.training.config import TrainConfig, check_same_run, save_config
from lipsync_cli.training.engine.checkpoint import TrainState
from lipsync_cli.training.logging.run_log import read_log

ODD_TEXTS = ["", "²", "1e20", "a\0b", "\ud800", "../x", "nan", "-1", "--5", "x" * 5000, "٣", "a\nb", "lipgan", "0"]
DEEP: Any = 1
for _ in range(300):
    DEEP = [DEEP]
ODD_VALUES = [*ODD_TEXTS, "inf", "-inf", "1e400", "9" * 400, "-0", "0x10", "1/0", "1:2:3:4", ".", "..", "/", "~", " "]
ODD_VALUES += ["/dev/null", "/dev/full", "/dev/zero", "/proc/self/mem", "[", "%s", "\x1b[2J", "a=b", "=", ",", "0,0"]
odd_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 300),
    st.sampled_from([2**31, 2**63, -(2**63), 10**30, 10**400, DEEP, [], {}, [[1, 2], [3]], {"a": None}]),
    st.floats(),
    st.sampled_from(ODD_TEXTS),
    st.text(max_size=8),
)
Draw = Callable[[Any], Any]


def change(tree: Any, draw: Draw, values: st.SearchStrategy[Any] = odd_values) -> Any:
    """Return a copy of nested lists and dictionaries with one place changed, removed, or added to."""
    tree = copy.deepcopy(tree)
    place = tree
    while isinstance(place, (dict, list)) and place:
        key = draw(st.sampled_from(sorted(place, key=str) if isinstance(place, dict) else range(len(place))))
        if isinstance(place[key], (dict, list)) and place[key] and draw(st.booleans()):
            place = place[key]
            continue
        what = draw(st.sampled_from(["change", "change", "change", "remove", "add"]))
        if what == "change":
            place[key] = draw(values)
        elif what == "remove":
            del place[key]
        elif isinstance(place, dict):
            place["more"] = draw(values)
        else:
            place.append(draw(values))
        return tree
    return draw(values)


def write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value))


@pytest.fixture(scope="module")
def good_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz")
    stores.write_faces(folder / "faces.h5", [("s1", "a", 14), ("s1", "b", 13)])
    stores.write_mels(folder / "mels.h5", [("s1", "a", 45), ("s1", "b", 42)], features=2)
    pack(folder / "faces.h5", folder / "mels.h5", folder / "pack.h5", Split(0, 0, None, ()))
    return folder


def attack_store(draw: Draw, folder: Path, good: Path) -> None:
    name = draw(st.sampled_from(["faces.h5", "mels.h5", "pack.h5"]))
    for each in ("faces.h5", "mels.h5", "pack.h5"):
        (folder / each).write_bytes((good / each).read_bytes())
    with h5py.File(folder / name, "r+") as file:
        names: list[str] = []
        file.visit(names.append)
        what = draw(st.sampled_from(["parameters", "attribute", "numbers", "dataset", "remove"]))
        target = draw(st.sampled_from([each for each in names if isinstance(file[each], h5py.Dataset)]))
        if what == "parameters":
            file.attrs["parameters"] = json.dumps(change(json.loads(file.attrs["parameters"]), draw))
        elif what == "attribute":
            owner = file[draw(st.sampled_from(["/", *names]))]
            key = draw(st.sampled_from([*owner.attrs, "more"]))
            odd: list[Any] = [3, -1.5, "text", "", b"\xff", np.zeros((2, 2)), h5py.Empty("f4"), ["a", "b"], file.ref]
            owner.attrs[key] = draw(st.sampled_from(odd))
        elif what == "numbers" and target != "clips":
            flat = file[target][()].reshape(-1)
            odd = [0, 1, 255, 7e37, -5, np.nan, np.inf, 2**62]
            with np.errstate(all="ignore"):
                flat[draw(st.integers(0, flat.size - 1))] = np.array(draw(st.sampled_from(odd))).astype(flat.dtype)
            file[target][...] = flat.reshape(file[target].shape)
        elif what == "numbers":
            rows = file["clips"][()]
            column = draw(st.sampled_from(rows.dtype.names))
            odd = [b"\xff", b"/", b""] if rows[column].dtype.kind == "S" else [0, -1, 5, 2**40, 2**62]
            rows[column][draw(st.integers(0, 1))] = draw(st.sampled_from(odd))
            file["clips"][...] = rows
        else:
            del file[target]
            if what == "dataset":
                shape = tuple(draw(st.lists(st.sampled_from([0, 1, 3, 27, 28, 80, 96, 1 << 40]), max_size=4)))
                dtype = draw(st.sampled_from(["f2", "f4", "f8", "u1", "i8", ">i4", "S3", "c8", "?"]))
                if np.prod(shape, dtype=float) < 2.0**62:
                    file.create_dataset(target, shape, dtype)
    if name == "pack.h5":
        with Pack(folder / name) as opened:
            opened.read_crops(np.arange(len(opened)))
            for hears in ("mel", "encoder"):
                table = FrameTable(opened, "train", hears=hears)
                table.fetch_speech(table.frames[table.rows[0]], "cpu")
    else:
        pack(folder / "faces.h5", folder / "mels.h5", folder / "out.h5", Split(0, 0, None, ()), force=True)
    describe(folder / name)


def attack_weights(draw: Draw, folder: Path, good: Path) -> None:
    path = folder / "w.safetensors"
    tensors, header = load_file(good), json.dumps(read_header(good).to_dict())
    if draw(st.booleans()):
        header = json.dumps(change(json.loads(header), draw))
    else:
        name = draw(st.sampled_from(sorted(tensors)))
        odd = [torch.zeros(3), torch.tensor(torch.nan), tensors[name].int(), tensors[name] * torch.nan, None]
        if (value := draw(st.sampled_from(odd))) is None:
            del tensors[name]
        else:
            tensors[name] = value
    save_file(tensors, path, {FORMAT: header})
    load_weights(path)
    describe(path)


def attack_state(draw: Draw, folder: Path, _: Path) -> None:
    def make() -> TrainState:
        network = torch.nn.Linear(3, 2)
        return TrainState(network, torch.optim.Adam(network.parameters()), ema=True)

    state = make()
    state.generator(torch.ones(1, 3)).sum().backward()
    state.optimizer.step()
    state.save(folder / "state.pt")
    values = torch.load(folder / "state.pt", weights_only=True)
    tensors = st.sampled_from([torch.zeros(7), torch.tensor(torch.nan), torch.ones(2, 3) * torch.inf])
    torch.save(change(values, draw, st.one_of(odd_values, tensors)), folder / "state.pt")
    state = make()
    state.load(folder / "state.pt", "cpu")
    state.generator(torch.ones(1, 3)).sum().backward()
    state.optimizer.step()


def attack_run(draw: Draw, folder: Path, _: Path) -> None:
    save_config(folder / "config.json", TrainConfig(), "0" * 64)
    if draw(st.booleans()):
        write_json(folder / "config.json", change(json.loads((folder / "config.json").read_text()), draw))
    write_json(folder / "log.jsonl", change({"kind": "train", "samples": 3, "generator/l1": 0.5}, draw))
    read_log(folder / "log.jsonl")
    check_same_run(folder / "config.json", TrainConfig(), "0" * 64)


METRIC = {"title": "PSNR", "group": "image", "unit": "dB", "per": "frame", "direction": "higher"}
RECORDS = [
    {"kind": "protocol", "metrics": {"psnr": METRIC}, "rows": {"model": "model", "copy": "copy"}, "pack": "p.h5"},
    {"kind": "summary", "group": "all", "row": "model", "metric": "psnr", "mean": 3.0, "low": 2.0, "high": 4.0},
    {"kind": "clip", "row": "model", "speaker": "s1", "clip": "a", "psnr": 3.0},
    {"kind": "frames", "row": "model", "speaker": "s1", "clip": "a", "frame": [0, 1], "psnr": [3.0, None]},
]


def attack_results(draw: Draw, folder: Path, _: Path) -> None:
    changed = change(RECORDS, draw)
    lines = changed if isinstance(changed, list) else [changed]
    (folder / "scores.jsonl").write_text("\n".join(map(json.dumps, lines)))
    read_results(folder)


def attack_messages(draw: Draw, folder: Path, _: Path) -> None:
    message = {"speech": "a.wav", "output": "a.mp4", "extend": "bounce", "silence": "model", "driving_audio": "b.wav"}
    told: list[LipsyncError] = []
    lines = [json.dumps(change(message, draw)), json.dumps(change(message, draw))]
    for made in read_messages(lines, "list", folder, folder, told.append):
        made.speech.exists()
        made.output.exists()
        str(made.output).encode()
    assert all(error.exit_code != 1 for error in told)


def attack_transcript(draw: Draw, folder: Path, _: Path) -> None:
    words = change([["0", "1000", "sil"], ["1000", "5000", "bin"], ["5000", "9000", "blue"]], draw)
    text = "\n".join(" ".join(map(str, row)) if isinstance(row, list) else str(row)[:9999] for row in words or [])
    (folder / "a.align").write_bytes(text.encode("utf-8", "surrogatepass"))
    read_transcript(folder / "a.align")


def attack_frames(draw: Draw, folder: Path, _: Path) -> None:
    record = {
        "format": "lipsync-frames",
        "format_version": 1,
        "source": {"file": "a.mp4", "bytes": 3, "sha256": "0" * 64},
        "image": {"format": "jpg", "quality": 95},
        "num_frames": 3,
        "time_base": "1/25",
        "pts": [0, 1, 2, 3],
        "sound": None,
    }
    write_json(folder / "frames.json", change(record, draw))
    describe(folder)
    record_timeline(read_record(folder), folder)


def attack_toml(draw: Draw, folder: Path, _: Path) -> None:
    config = draw(st.sampled_from([TrainJob, InferConfig, ScoreConfig]))
    entry = draw(st.sampled_from([each for each in entries_of(config) if each.option.in_file]))
    value = draw(st.one_of(odd_values, st.lists(odd_values, max_size=2)))
    written = repr(value) if isinstance(value, list) else format_value(value)
    path = folder / "options.toml"
    key = ".".join(entry.key)
    path.write_bytes(f"{key} = {written if len(written) < 5000 else 3}\n".encode("utf-8", "surrogatepass"))
    read_file(config, path, lambda text: None)


def attack_options(draw: Draw, folder: Path, _: Path) -> None:
    config = draw(st.sampled_from([TrainJob, InferConfig, ScoreConfig]))
    entry = draw(st.sampled_from(list(entries_of(config))))
    value = draw(st.one_of(odd_values, st.lists(odd_values, max_size=2)))
    text = draw(st.sampled_from([each for each in ODD_TEXTS if "\0" not in each and "\ud800" not in each]))
    result = CliRunner().invoke(cli.app, ["train", "p.h5", "run", "--dry-run", "--seed", text, "--batch-size", text])
    assert result.exit_code in (0, 2), result.output
    for read in (
        lambda: check_value(entry, value),
        lambda: parse_face_selection(text),
        lambda: read_place({"RANK": text, "WORLD_SIZE": text}),
    ):
        expect_words(read)


def attack_command_line(draw: Draw, folder: Path, good: Path) -> None:
    """One option or argument of any command is odd; nothing is made where the command can look first."""
    example = Path(__file__).resolve().parent.parent / "examples"
    (folder / "clip").mkdir(exist_ok=True)
    inputs = {
        "pack": [good / "faces.h5", good / "mels.h5", folder / "new.h5"],
        "mels": [folder / "clip", folder / "new.h5"],
        "extract-frames": [folder / "clip", folder / "frames"],
        "detect-faces": [folder / "clip", folder / "new.h5"],
        "export": [folder / "w.safetensors", folder / "new.onnx"],
        "say": ["Hello.", folder / "new.wav"],
        "infer": [example / "astronaut.jpg", example / "speech.flac"],
        "score": [good / "pack.h5"],
        "train": [good / "pack.h5", folder / "run"],
        "info": [good / "pack.h5"],
        "config": ["train"],
    }
    verb = draw(st.sampled_from(sorted(inputs)))
    parameters = typer.main.get_command(cli.app).commands[verb].params  # type: ignore[attr-defined]
    named = [each for each in parameters if each.param_type_name == "option" and not each.is_flag]
    target = draw(st.sampled_from([*named, *[each for each in parameters if each.param_type_name == "argument"]]))
    value = draw(st.one_of(st.sampled_from(ODD_VALUES), st.text(max_size=6)))
    given = list(map(str, inputs[verb]))
    line = [verb, "--dry-run"] if any("--dry-run" in each.opts for each in parameters) else [verb]
    if target.param_type_name == "option":
        line += [f"{target.opts[-1]}={value}"] if target.opts[-1].startswith("--") else [target.opts[-1], value]
    else:
        given[min(draw(st.integers(0, len(given) - 1)), len(given) - 1)] = value
    before = os.getcwd()
    os.chdir(folder)  # where names without a folder are written
    try:
        result = CliRunner().invoke(cli.app, [*line, "--", *given])
    finally:
        os.chdir(before)
    told = f"{line} {given} -> {result.exit_code} {result.stderr} {result.exception!r}"
    assert result.exit_code in (0, 2, 3, 4, 5, 6), told
    assert "Traceback" not in result.stderr, told


ATTACKS = {
    name.removeprefix("attack_"): attack for name, attack in list(globals().items()) if name.startswith("attack_")
}


# Examples of the fast tests, fewer of the kinds that cost most; the slow ones have 2,200 in all.
FAST = dict.fromkeys(ATTACKS, 12) | {"store": 3, "weights": 2}
SLOW = 200


def expect_words(read: Callable[[], object], names_file: bool = False) -> None:
    """Run what reads, and accept an error only if it has an exit code that is no bug's, and names a file if it must."""
    code = 0
    try:
        read()
    except Exception as error:
        code = cli.tell(error, verbose=False)
        reason = error
    assert code != 1, repr(reason)
    assert not code or find_memory_shortage(reason) is None, repr(reason)  # what a file declares is checked before
    assert not code or not names_file or getattr(reason, "path", None) is not None, repr(reason)


def attack(kind: str, examples: int, folder: Path, good: Path) -> None:
    @settings(
        max_examples=examples, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(st.data())
    def once(data: st.DataObject) -> None:
        expect_words(lambda: ATTACKS[kind](data.draw, folder, good), names_file=kind not in ("options", "command_line"))

    once()


@pytest.mark.parametrize("kind", ATTACKS)
def test_something_odd_is_told_in_words(kind: str, good_store: Path, tiny_weights: Path, tmp_path: Path) -> None:
    attack(kind, FAST[kind], tmp_path, tiny_weights if kind == "weights" else good_store)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ATTACKS)
def test_many_odd_things_are_told_in_words(kind: str, good_store: Path, tiny_weights: Path, tmp_path: Path) -> None:
    attack(kind, SLOW, tmp_path, tiny_weights if kind == "weights" else good_store)

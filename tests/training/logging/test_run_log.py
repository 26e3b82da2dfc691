"""The log and what is drawn and written of it."""

import json
import sys
from types import SimpleNamespace

import pytest
import torch
from fixtures.quick_training import train

from lipsync_cli.errors import InputError, ToolError
from lipsync_cli.training.engine.distributed import World
from lipsync_cli.training.engine.gradient_norms import measure_norms
from lipsync_cli.training.logging.curves import collect_panels, plot_curves
from lipsync_cli.training.logging.model_card import write_card
from lipsync_cli.training.logging.run_log import Statistics, read_log
from lipsync_cli.training.recipe_config import make_config


def test_means_chance_levels_and_what_an_interruption_leaves(tmp_path):
    log = tmp_path / "log.jsonl"
    statistics = Statistics(log, 0)
    statistics.add({"critic/real": 0.5, "generator/l1": 2.0})
    statistics.add({"critic/real": 1.5})
    statistics.write_means(8, {"critic/real": 1.0, "critic/fake": 1.0})
    assert statistics.describe_chance_levels() == "critic/real 1 (chance 1)"
    statistics.write("validation", 16, {"over_copy_db": 0.1})
    line = {"kind": "train", "samples": 8, "critic/real": 1.0, "critic/real/chance": 1.0, "generator/l1": 2.0}
    assert read_log(log)[0] == line
    with open(log, "a") as file:
        file.write('{"kind": "tr')  # killed while it wrote
    assert len(read_log(log)) == 2
    assert Statistics(log, 8).lines == [line]
    assert json.loads(log.read_text()) == line


def test_a_log_of_an_older_version_is_read_with_the_names_of_today(tmp_path):
    old = {"kind": "alarm", "samples": 8, "alarm": "deaf", "saw": "nothing"}
    new = {"kind": "diagnostic", "samples": 8, "diagnostic": "audio_insensitive", "saw": "nothing"}
    other = {**old, "samples": 9, "alarm": "flat_loss"}
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in (old, other)))
    assert read_log(tmp_path / "log.jsonl") == [new, {**new, "samples": 9, "diagnostic": "flat_loss"}]
    Statistics(tmp_path / "log.jsonl", 8)  # a resumed run cuts it back to its checkpoint, and says nothing twice
    assert [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()] == [new]


def test_a_log_that_cannot_be_written_is_said(tmp_path):
    statistics = Statistics(tmp_path / "log.jsonl", 0)
    statistics.path = tmp_path / "gone" / "log.jsonl"
    with pytest.raises(InputError, match="cannot be written"):
        statistics.write("train", 1, {})


def test_curves_put_control_rows_and_chance_levels_beside_what_they_are_for(tmp_path):
    lines = [
        {"kind": "train", "samples": n, "critic/real": 1.0, "critic/real/chance": 1.0, "critic/real/gradient_norm": 2.0}
        for n in (1, 2)
    ]
    figures = {"split": "test", "model/mouth_psnr": 20.0, "copy/mouth_psnr": 19.0, "over_copy_db": 1.0}
    lines.append({"kind": "validation", "samples": 2, **figures})
    lines.append({"kind": "train", "samples": 2, "training_batch/mouth_psnr": 21.0})
    lines.append({"kind": "alarm", "samples": 2, "alarm": "deaf", "saw": "nothing"})
    panels = collect_panels(lines)
    assert panels["loss, critic"] == {"real": [(1, 1.0), (2, 1.0)], "real/chance": [(1, 1.0), (2, 1.0)]}
    assert panels["gradient norm, critic"] == {"real": [(1, 2.0), (2, 2.0)]}
    assert panels["PSNR of the mouth (dB)"] == {
        "model": [(2, 20.0)],
        "copy": [(2, 19.0)],
        "training_batch": [(2, 21.0)],
    }
    assert sum("copy" in panel for panel in panels.values()) == 2
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    plot_curves(tmp_path / "log.jsonl", tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_a_missing_tensorboard_is_one_line_and_no_folder(small_pack, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ToolError, match=r"pip install 'lipsync-cli\[tensorboard\]'"):
        train(small_pack, tmp_path / "run", make_config("l1", generator="compact"), tensorboard=True)
    assert not (tmp_path / "run").exists()


def test_tensorboard_gets_every_line(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    from lipsync_cli.training.logging.tensorboard import FOLDER, TensorBoard

    board = TensorBoard(tmp_path, 0)
    statistics = Statistics(tmp_path / "log.jsonl", 0, board)
    statistics.write("validation", 16, {"split": "test", "over_copy_db": 0.5})
    board.close()
    written = EventAccumulator(str(tmp_path / FOLDER)).Reload()
    (scalar,) = written.Scalars("validation/over_copy_db")
    assert (scalar.step, scalar.value) == (16, 0.5)


def test_gradient_norms_by_hand_leave_the_graph_and_the_gradients_alone():
    weight, other = torch.nn.Parameter(torch.tensor([3.0, 4.0])), torch.nn.Parameter(torch.ones(1))
    terms = {"g/square": weight.square().sum() / 2, "g/sum": 2 * weight.sum() + other.sum(), "g/fixed": torch.ones(())}
    norms = measure_norms(terms, [weight, other], World())
    assert {name: float(norm) for name, norm in norms.items()} == {
        "g/square/gradient_norm": 5.0,
        "g/sum/gradient_norm": 3.0,
    }
    assert weight.grad is None
    terms["g/square"].backward()
    assert weight.grad.tolist() == [3.0, 4.0]


@pytest.mark.parametrize("figures", ['"model/mouth_psnr": null', '"a": 3'])
def test_a_log_without_what_is_measured_is_told_in_words(figures, tmp_path):
    line = f'{{"kind": "validation", "samples": 4, {figures}}}\n'
    with pytest.raises(InputError, match=r"log\.jsonl: a validation in it lacks"):
        write_odd_card(tmp_path, line * 2)


@pytest.mark.parametrize("line", ["[" * 100_000, '{"a": "\\ud800"}', '{"kind": '])
def test_a_log_that_is_cut_short_has_no_validations(line, tmp_path):
    write_odd_card(tmp_path, line)
    assert "nothing was measured" in (tmp_path / "MODEL_CARD.md").read_text()


def write_odd_card(folder, text):
    (folder / "log.jsonl").write_text(text)
    data = {"clips": 1, "frames": 1, "speakers": ["a"], "fingerprint": "0" * 64}
    header = SimpleNamespace(architecture="compact", recipe="l1", samples_seen=4, data=data)
    evaluator = SimpleNamespace(rank=lambda figures: figures["model/mouth_psnr"], tabulate=lambda figures: [])
    write_card(folder, header, make_config("l1", generator="compact"), folder / "log.jsonl", evaluator)


def test_a_log_that_is_damaged_amid_its_lines_is_not_cut_short(tmp_path):
    """Of a killed run only the last line may be cut; a resumed run would write the log anew, without the others."""
    log = tmp_path / "log.jsonl"
    log.write_text('{"kind": "train", "samples": 1}\n{"kind": "tr\n{"kind": "train", "samples": 3}\n')
    before = log.read_bytes()
    with pytest.raises(InputError, match="line 2 is no line of a log"):
        Statistics(log, 3)
    assert log.read_bytes() == before

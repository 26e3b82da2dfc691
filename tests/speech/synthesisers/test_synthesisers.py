"""Speech synthesisers: programs, plug-ins and command lines, and the languages that they speak."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest
import soundfile

from lipsync_cli.errors import InputError, LipsyncError, NothingToDoError, ToolError, UsageError
from lipsync_cli.pipelines.doctor import examine_synthesisers
from lipsync_cli.speech.synthesisers.registry import find_synthesiser, list_synthesisers
from lipsync_cli.speech.synthesisers.synthesiser import NotInstalledError, Voice, speak

ESPEAK = f"""#!{sys.executable}
import sys, wave
if "--version" in sys.argv:
    sys.exit(print("eSpeak NG text-to-speech: 1.51  Data at: /usr"))
if "--voices" in sys.argv:
    print("Pty Language       Age/Gender VoiceName          File                 Other Languages")
    print(" 5  de              --/M      German             gmw/de")
    print(" 2  en-gb           --/M      English_(Great_Britain) gmw/en            (en 2)")
    sys.exit()
with wave.open(sys.argv[sys.argv.index("-w") + 1], "wb") as file:
    file.setnchannels(1), file.setsampwidth(2), file.setframerate(22050)
    file.writeframes(b"\\1\\2" * 100 * len(sys.stdin.read()))
open(__file__ + ".log", "w").write(" ".join(sys.argv[1:]))
"""
COMMAND = """
import json, sys, wave
with wave.open(sys.argv[1], "wb") as file:
    file.setnchannels(1), file.setsampwidth(2), file.setframerate(8000)
    file.writeframes(b"\\1\\2" * 800)
print(json.dumps([sys.argv[2:], sys.stdin.read()]), file=open(sys.argv[0] + ".json", "w"))
"""
PLUGIN = """
import shutil
class Copier:
    name = "copier"
    def examine(self): return "copies a file"
    def language_of(self, voice): return "fr"
    def speak(self, text, path, voice):
        if text == "boom": raise RuntimeError("no\\nvoice")
        if text != "nothing": shutil.copy(voice.name, path)
"""


@pytest.fixture
def espeak(tmp_path, monkeypatch):
    """A PATH with nothing but an espeak-ng that speaks German and English; gives what it was last called with."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "espeak-ng"
    program.write_text(ESPEAK)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return lambda: (folder / "espeak-ng.log").read_text()


@pytest.fixture
def command(tmp_path):
    """A command line that writes a sound file, without its fields; and what it was last given."""
    script = tmp_path / "my tts.py"
    script.write_text(COMMAND)
    return shlex.join([sys.executable, str(script)]), lambda: json.loads(Path(f"{script}.json").read_text())


@pytest.fixture
def plugins(tmp_path, monkeypatch):
    """Two packages that register speech synthesisers, one of which is broken."""
    site = tmp_path / "site"
    info = site / "copier-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "copier.py").write_text(PLUGIN)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: copier\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[lipsync_cli.synthesisers]\ncopier = copier:Copier\nbroken = copier:Missing\n"
    )
    monkeypatch.syspath_prepend(site)


def test_language_becomes_a_voice_of_espeak_ng(espeak, tmp_path):
    for voice, told in (
        (Voice(language="de"), "-v de"),
        (Voice(language="de_AT"), "-v de"),
        (Voice("+f3", "de"), "-v de+f3"),
        (Voice("en-gb", "en"), "-v en-gb"),
        (Voice("en-gb"), "-v en-gb"),
    ):
        speak(find_synthesiser("auto", voice), "Hallo", tmp_path / "a.wav", voice)
        assert espeak().startswith(f"{told} -b 1")


@pytest.mark.parametrize(
    ("voice", "told"),
    [
        (Voice(language="dee"), "no voice for the language dee; did you mean de?"),
        (Voice("de", "en-gb"), "the voice de speaks de, not en-gb; try en-gb"),
    ],
)
def test_a_language_without_a_voice_is_told(voice, told, espeak, tmp_path):
    with pytest.raises(InputError) as caught:
        speak(find_synthesiser("auto", voice), "Hallo", tmp_path / "a.wav", voice)
    assert told in str(caught.value)
    assert not (tmp_path / "a.wav").exists()


def test_a_voice_file_of_piper_says_its_language(espeak, tmp_path):
    program = tmp_path / "bin" / "piper"
    program.write_text(ESPEAK.replace('"-w"', '"--output_file"'))
    program.chmod(0o755)
    model = tmp_path / "eva.onnx"
    Path(f"{model}.json").write_text(json.dumps({"language": {"code": "de_DE"}}))
    for language in (None, "de"):
        voice = Voice(str(model), language)
        speak(find_synthesiser("auto", voice), "Hallo", tmp_path / "a.wav", voice)
    with pytest.raises(InputError, match=r"eva.onnx: speaks de-de, not fr; give another --voice"):
        speak(find_synthesiser("piper"), "Salut", tmp_path / "a.wav", Voice(str(model), "fr"))


def test_letters_that_the_language_is_not_written_in_are_told(espeak, tmp_path):
    for text, voice, told in (
        (
            "Доброе утро, Ada",
            Voice(),
            "in Cyrillic letters, and the voice speaks en; name the text's language .* as ru",
        ),
        ("صباح الخير", Voice(language="ru"), "in Arabic letters, and the voice speaks ru; .* as ar"),
    ):
        with pytest.raises(InputError, match=told):
            speak(find_synthesiser(), text, tmp_path / "a.wav", voice)
    speak(find_synthesiser(), "Ada und Борис 👋", tmp_path / "a.wav", Voice(language="de"))


def test_a_command_is_given_values_as_whole_arguments(command, tmp_path):
    words, told = command
    text = "$(touch x) 'O`Neil' \"{out}\"; --version\n👋"
    synthesiser = find_synthesiser(f"{words} {{out}} --voice={{voice}} {{lang}} {{text}}")
    speak(synthesiser, text, tmp_path / "a b.wav", Voice("ann", "de"))
    assert told() == [["--voice=ann", "de", text], ""]
    assert soundfile.info(tmp_path / "a b.wav").frames == 800


def test_a_command_without_a_field_for_it_reads_the_text(command, tmp_path):
    words, told = command
    speak(find_synthesiser(f"{words} {{out}} '{{{{x}}}}'"), "Grüße", tmp_path / "a.wav")
    assert told() == [["{x}"], "Grüße"]


def test_a_text_with_a_leading_dash_is_no_option_of_a_command(command, tmp_path):
    words, told = command
    speak(find_synthesiser(f"{words} {{out}} {{text}}"), "-rf", tmp_path / "a.wav")
    assert told()[0] == [" -rf"]


@pytest.mark.parametrize(
    ("tail", "told"),
    [
        ("{text}", "does not say where the sound goes; put {out}"),
        ("{out} {txt}", r"unknown field {txt}; did you mean text\?"),
        ("{out} '{text}", "a quote that is not closed"),
        ("{out", "without its partner"),
        ("{out} {lang}", "--tts has {lang}, and none is given; give one with --lang"),
    ],
)
def test_a_command_that_makes_no_sense_is_refused(tail, told, command, tmp_path):
    with pytest.raises(UsageError, match=told):
        speak(find_synthesiser(f"{command[0]} {tail}"), "hello", tmp_path / "a.wav")


def test_a_command_that_is_not_there(tmp_path):
    with pytest.raises(NotInstalledError, match="the command 'no-such-tts' of --tts is not there"):
        find_synthesiser("no-such-tts {out}")


def test_a_command_that_fails_or_makes_no_sound_is_told(tmp_path):
    script = tmp_path / "bad.py"
    script.write_text("import sys\nsys.exit(sys.argv[2])")
    fails = find_synthesiser(shlex.join([sys.executable, str(script), "{out}", "{text}"]))
    with pytest.raises(InputError, match=r"cannot say this \(out of paper\)"):
        speak(fails, "out of paper", tmp_path / "a.wav")
    with pytest.raises(NothingToDoError, match="made no sound"):
        speak(find_synthesiser(shlex.join([sys.executable, "-c", "", "{out}"])), "hello", tmp_path / "a.wav")


@pytest.mark.parametrize(("text", "told"), [(" \n", "the text is empty"), ("a\0b", "holds a NUL character")])
def test_texts_that_nobody_can_say(text, told, command, tmp_path):
    with pytest.raises(LipsyncError, match=told):
        speak(find_synthesiser(f"{command[0]} {{out}}"), text, tmp_path / "a.wav")


def test_plugins_are_found_by_their_entry_point(plugins, tmp_path, example_voice):
    assert list_synthesisers()[:2] == ("espeak-ng", "piper")
    assert {"copier", "broken"} <= set(list_synthesisers())
    copier, voice = find_synthesiser("copier"), Voice(str(example_voice))
    speak(copier, "bonjour", tmp_path / "a.wav", voice)
    assert (tmp_path / "a.wav").read_bytes() == example_voice.read_bytes()
    with pytest.raises(InputError, match=r"copier cannot say this \(RuntimeError: no voice\)"):
        speak(copier, "boom", tmp_path / "b.wav", voice)
    with pytest.raises(NothingToDoError, match="copier made no sound"):
        speak(copier, "nothing", tmp_path / "b.wav", voice)
    with pytest.raises(ToolError, match=r"broken cannot be loaded \(AttributeError: .*; reinstall copier"):
        find_synthesiser("broken")
    with pytest.raises(
        UsageError, match=r"'copyer'; did you mean copier\?; choose from auto, espeak-ng, piper, broken"
    ):
        find_synthesiser("copyer")


def test_doctor_lists_them_and_says_which_work(plugins, espeak):
    found = {check.name: check for check in examine_synthesisers()}
    status = {name.removeprefix("speech synthesiser "): check.status for name, check in found.items()}
    assert status == {"espeak-ng": "ok", "piper": "absent", "broken": "fail", "copier": "ok"}
    assert found["speech synthesiser espeak-ng"].fact == "1.51, speaks 2 languages"
    assert found["speech synthesiser piper"].mend == "pip install piper-tts"


@pytest.fixture
def library(monkeypatch, tmp_path):
    """The library of espeakng-loader, where no program espeak-ng is on PATH."""
    pytest.importorskip("espeakng_loader")
    monkeypatch.setenv("PATH", str(tmp_path))
    return find_synthesiser("espeak-ng")


def test_espeak_library_speaks_many_languages(library, tmp_path):
    assert len(library.languages) > 100
    for text, language in (("Guten Morgen", "de"), ("Buenos días", "es"), ("صباح الخير", "ar")):
        speak(library, text, tmp_path / "a.wav", Voice(language=language))
        assert soundfile.info(tmp_path / "a.wav").duration > 0.3


def test_espeak_library_writes_ipa(library):
    assert library.transcribe("Hello, world", Voice(language="en-us")) == "h_ə_l_ˈoʊ w_ˈɜː_l_d"  # noqa: RUF001
    assert library.transcribe("Straße", Voice(language="de")) == "ʃ_t_ɾ_ˈɑː_s_ə"  # noqa: RUF001


def test_espeak_library_says_which_voice_it_has_not(library, tmp_path):
    with pytest.raises(InputError, match="the specified espeak-ng voice does not exist: nobody"):
        speak(library, "hello", tmp_path / "a.wav", Voice("nobody"))


def test_espeak_library_runs_nothing_of_the_folder_it_is_called_in(library, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("wave", "espeakng_loader"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('run')")
    speak(library, "hello", tmp_path / "a.wav")
    assert soundfile.info(tmp_path / "a.wav").samplerate == 22050

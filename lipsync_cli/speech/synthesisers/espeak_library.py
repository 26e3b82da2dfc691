"""The program espeak-ng, made of its shared library: for machines where only `pip install espeakng-loader` is possible.

Run as a program of its own, as the real one is, so that a crash of the library is not the end of ours::

    python -I espeak_library.py [-v VOICE] [-w FILE | -q --ipa --sep=_] < TEXT

It knows those arguments of espeak-ng that `EspeakNg` gives. The library is under the GNU General Public License 3, and
no part of this package.
"""

from __future__ import annotations

import argparse
import ctypes
import sys
import wave
from importlib.util import find_spec
from pathlib import Path

PACKAGE = "espeakng_loader"
# names and values of espeak-ng's speak_lib.h
_SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS: to a callback
_NO_EXIT = 0x8000  # espeakINITIALIZE_DONT_EXIT
_UTF8 = 1  # espeakCHARS_UTF8
_END_PAUSE = 0x1000  # espeakENDPAUSE
_IPA = 2  # of espeak_TextToPhonemes; the separator's code follows from bit 8 on
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.POINTER(ctypes.c_char)),  # a priority, a tag and a zero each, then a zero
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


class LibraryError(Exception):
    """What the library refuses."""


class EspeakLibrary:
    """The loaded library.

    Raises
    ------
    LibraryError : it is not there, or does not start
    """

    def __init__(self) -> None:
        folder = find_library()
        if folder is None:
            raise LibraryError(f"{PACKAGE} is not installed")
        path = next(iter(sorted(folder.glob("*espeak-ng*.[sd]*"))), folder)
        try:
            self._library = ctypes.CDLL(str(path))
        except OSError as error:
            raise LibraryError(str(error)) from error
        self._library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self._library.espeak_Info.restype = ctypes.c_char_p
        self._library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        self.sample_rate = self._library.espeak_Initialize(_SYNCHRONOUS, 0, str(folder).encode(), _NO_EXIT)
        if self.sample_rate <= 0:
            raise LibraryError("the library does not start")

    def version(self) -> str:
        """Return its number."""
        return str(self._library.espeak_Info(None).decode("utf-8", "replace"))

    def voices(self) -> list[tuple[str, list[str]]]:
        """Return each voice's name and its languages' tags."""
        listed, found = self._library.espeak_ListVoices(None), []
        for place in range(10_000):
            if not listed[place]:
                break
            voice = listed[place].contents
            found.append((voice.name.decode("utf-8", "replace"), _tags(voice.languages)))
        return found

    def choose(self, voice: str) -> None:
        """Speak with a voice, such as de, en-gb or de+f3."""
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise LibraryError(f"the specified espeak-ng voice does not exist: {voice}")

    def speak(self, text: str) -> bytes:
        """Return a text as 16-bit mono samples."""
        parts: list[bytes] = []

        def take(samples: ctypes._Pointer[ctypes.c_short], count: int, _events: int | None) -> int:
            if samples and count > 0:
                parts.append(ctypes.string_at(samples, 2 * count))
            return 0

        callback = _Callback(take)
        self._library.espeak_SetSynthCallback(callback)
        data = text.encode() + b"\0"
        flags = _UTF8 | _END_PAUSE
        refused = self._library.espeak_Synth(data, ctypes.c_size_t(len(data)), 0, 1, 0, flags, None, None)
        if refused or self._library.espeak_Synchronize():
            raise LibraryError("the library cannot say this")
        return b"".join(parts)

    def transcribe(self, text: str) -> list[str]:
        """Return a text's clauses in the International Phonetic Alphabet, sounds parted by underscores."""
        data = ctypes.create_string_buffer(text.encode())
        place, clauses = ctypes.c_void_p(ctypes.addressof(data)), []
        while place.value:
            said = self._library.espeak_TextToPhonemes(ctypes.byref(place), _UTF8, _IPA | ord("_") << 8)
            clauses.append((said or b"").decode("utf-8", "replace").strip())
        return [clause for clause in clauses if clause]


def find_library() -> Path | None:
    """Return the folder of the library and its data, if they are installed."""
    spec = find_spec(PACKAGE)
    return None if spec is None or spec.origin is None else Path(spec.origin).parent


def main() -> int:
    """Do what espeak-ng does with these arguments."""
    parser = argparse.ArgumentParser(prog="espeak-ng")
    parser.add_argument("-v", dest="voice", default="en")
    parser.add_argument("-w", dest="output")
    parser.add_argument("-b", dest="encoding", choices=("1",), default="1")
    for name in ("-q", "--ipa", "--stdin", "--voices", "--version"):
        parser.add_argument(name, action="store_true")
    parser.add_argument("--sep", choices=("_",))
    given = parser.parse_args()
    try:
        library = EspeakLibrary()
        if given.version:
            print(f"eSpeak NG text-to-speech: {library.version()}")
            return 0
        if given.voices:
            print("Pty Language       Age/Gender VoiceName          File          Other Languages")
            for name, (tag, *others) in library.voices():
                print(" 5 ", tag, "--/M", name.replace(" ", "_"), "-", *(f"({other} 5)" for other in others))
            return 0
        library.choose(given.voice)
        text = sys.stdin.buffer.read().decode("utf-8", "replace")
        if given.ipa:
            sys.stdout.buffer.write("\n".join(library.transcribe(text)).encode() + b"\n")
        if given.output and not given.q:
            with wave.open(given.output, "wb") as sound:
                sound.setnchannels(1)
                sound.setsampwidth(2)
                sound.setframerate(library.sample_rate)
                sound.writeframes(library.speak(text))
    except (LibraryError, OSError) as error:
        print(f"espeak-ng: {error}", file=sys.stderr)
        return 1
    return 0


def _tags(languages: ctypes._Pointer[ctypes.c_char]) -> list[str]:
    found, place = [], 0
    while languages[place] != b"\0":
        tag = ctypes.string_at(ctypes.addressof(languages.contents) + place + 1)
        found.append(tag.decode("utf-8", "replace"))
        place += 2 + len(tag)
    return found or ["und"]


if __name__ == "__main__":
    sys.exit(main())

"""The options of `lipsync infer`: one field each, from which the command line, files and the docs are made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lipsync_cli.config.cluster import cluster_option
from lipsync_cli.config.option import argument, group, option
from lipsync_cli.config.quantities import (
    EXTEND,
    EXTEND_SYNONYMS,
    parse_colour,
    parse_duration,
    parse_point,
    parse_rate,
    parse_span,
    parse_time,
)
from lipsync_cli.config.shard import shard_option
from lipsync_cli.config.shared_options import (
    audio_track_option,
    device_option,
    force_option,
    lang_option,
    seed_option,
    tts_option,
    voice_option,
    vtln_option,
)
from lipsync_cli.config.word_options import dub_option, phone_weights_option, words_option
from lipsync_cli.pipelines.configs.stream import StreamOptions

LARGEST = "largest"
# Options that leave no trace in the video, and are not told in its sidecar.
OF_THE_RUN = ("private_key", "profile", "report", "force")
# What --preset sets, where it is not given otherwise.
PRESETS = {
    "fast": {"occlusion": "ignore", "reference": "neutral", "batch_size": 16, "crf": 23},
    "best": {"adapt": "1m", "crf": 14},
    "hd": {"crf": 12, "keep_tracks": True},
}


@dataclass(frozen=True)
class FileOptions:
    """What goes in and what comes out."""

    face: Path = argument("Video or photo of a face; - is stdin.")
    speech: tuple[Path, ...] = argument(
        "Sound file, video with sound, or words such as .srt; several make one video each; - is stdin.", ()
    )
    output: Path | None = option(
        "Video to write, - is stdout; of several speeches: folder for the videos.",
        None,
        names=("-o", "--output"),
        shown="FACE.SPEECH.mp4 beside the face",
        writes=True,
    )
    messages: Path | None = option(
        'List of speeches or texts: a .csv or .tsv table, or one JSON object a line, such as {"speech": "a.wav", '
        '"output": "a.mp4"} or {"text": "Hello"}; - is stdin.',
        None,
    )
    faces: Path | None = option(
        "File of detect-faces that says where the face is; made if it is not there.", None, shown="a cache by content"
    )
    weights: Path | None = option(
        "Run folder of train, .safetensors file, or grid: those in the package that were trained on GRID alone.",
        None,
        shown="embedded weights",
    )
    start: str | None = option(
        "Where to begin in the video: seconds or hh:mm:ss.mmm.",
        None,
        check=parse_time,
        is_number=True,
        metavar="TIME",
        example="0.5",
    )
    end: str | None = option(
        "Where the video ends, in its own time.", None, check=parse_time, is_number=True, metavar="TIME", example="2.5"
    )
    only: tuple[str, ...] = option(
        "Move the mouth from one time of the output to another only; frames outside pass through. May be given again.",
        (),
        check=parse_span,
        metavar="TIME-TIME",
        example="00:10-00:20",
    )
    video_track: int | None = option(
        "Which picture of the video counts, of several: a number from 0.", None, least=0, shown="the file's default"
    )
    audio_track: int | None = audio_track_option("speech")
    keep_tracks: bool = option("Keep further sound tracks, subtitles and chapters of the video.", False)
    keep_metadata: bool = option("Keep title, date and place of the video, which are left out otherwise.", False)
    force: bool = force_option()


@dataclass(frozen=True)
class OneFaceOptions:
    """Whose mouth is moved, and with which pixels."""

    who: str = option(
        "Whose mouth is moved, of several people: largest, left, right, a number counted from the left and from 0, or "
        "a photo of the person.",
        LARGEST,
        names=("--face",),
        key="face",
        is_number=True,
        names_file=True,
    )
    detector: str = option(
        "How faces are found: hog, mmod (a slow network), mtcnn, or auto: hog, and mmod where hog finds nothing, if "
        "lipsync-cli[models] is installed.",
        "auto",
        choices=("auto", "hog", "mmod", "mtcnn"),
    )
    reference: str = option(
        "Whose pixels form the mouth: one rest frame, or each frame's own. auto: the former, and "
        "several rest frames, each where it fits, when the head turns.",
        "auto",
        choices=("auto", "neutral", "current"),
    )
    occlusion: str = option(
        "What lies over the face, such as a hand: keep it in front of the mouth that is generated, or ignore "
        "it and render the mouth over it; or the weights of a network of your own that finds it.",
        "keep",
        choices=("keep", "ignore"),
        other="FILE",
        names_file=True,
        old_values={"paint": "ignore"},
    )


@dataclass(frozen=True)
class FaceOptions(OneFaceOptions):
    """Whose mouths are moved, and with which pixels."""

    speaker: tuple[str, ...] = option(
        "One of several people who speak, as for --face, and this one's voice, such as 0=ann.wav; given once for each. "
        "The voices are heard together.",
        (),
        metavar="WHO=SPEECH",
        example="0=ann.wav",
        names_file=True,
    )
    face_at: str | None = option(
        "Whose mouth is moved: the face that is at this place of the picture at this time, in seconds and pixels.",
        None,
        metavar="TIME,X,Y",
        example="12.5,640,360",
        check=parse_point,
    )
    extend: str = option(
        "When the speech is longer than the video: play back and forth (pingpong means the same), start again, hold "
        "the last frame, or end with the video (cut_off). Also remap: retime the video to the speech, slower or "
        "faster; and silence: show all of the video, at rest after the speech, or hold its last frame.",
        "bounce",
        choices=EXTEND,
        synonyms=EXTEND_SYNONYMS,
    )


@dataclass(frozen=True)
class LipOptions:
    """How far the lips move, and when."""

    articulation: float | None = option(
        "How much the mouth moves; 1 is what the weights learned, which is less than real mouths.",
        None,
        least=0,
        most=3,
        shown="1.4",
    )
    silence: str = option(
        "What the mouth does in the speech's pauses: close gently, keep what the video shows, or what the model makes "
        "of breath and noise.",
        "close",
        choices=("close", "keep", "model"),
    )
    vtln: str = vtln_option()


@dataclass(frozen=True)
class VoiceOptions(LipOptions):
    """What moves the lips, how far, and what is heard."""

    driving_audio: Path | None = option(
        "Sound that moves the lips, such as a voice without music.",
        None,
        old=("--drive-audio",),
        old_keys=("drive_audio",),
        shown="SPEECH",
    )
    final_audio: Path | None = option("Sound that is heard; the video is as long as it.", None, shown="SPEECH")
    words: Path | None = words_option()
    dub: bool = dub_option()
    phone_weights: Path | None = phone_weights_option()


@dataclass(frozen=True)
class MessageOptions:
    """What the messages of a table say, and who speaks them."""

    text: str | None = option(
        "What each message says, with fields for columns, such as 'Hello {name}, your parcel comes on {day}.'",
        None,
        shown="the column text",
    )
    names: str | None = option(
        "What each video is called, with fields for columns, such as '{name}.mp4'.",
        None,
        shown="the column output, or after speech or text",
        example="'{name}.mp4'",
    )
    tts: str = tts_option()
    voice: str | None = voice_option()
    lang: str | None = lang_option()
    shard: str | None = shard_option("messages", "many messages")
    cluster: str | None = cluster_option("many messages")
    report: Path | None = option("HTML page to write with a frame of each video.", None, writes=True)


@dataclass(frozen=True)
class PictureOptions:
    """How good the picture is, and how the source is read."""

    crf: int = option("Quality of the video; lower is better.", 18, least=0, most=51)
    fps: str = option(
        "Frames per second if the face is a photo, such as 25 or 30000/1001.", "25", check=parse_rate, is_number=True
    )
    background: str = option(
        "Colour behind a photo's transparent parts: white, black, grey, red, green, blue, or #rrggbb.",
        "white",
        check=parse_colour,
        metavar="COLOUR",
    )
    deinterlace: bool | None = option(
        "Make whole frames of interlaced ones, or take them as they are.",
        None,
        both=True,
        shown="refuse interlaced video",
    )
    tonemap: bool = option("Convert high dynamic range (PQ, HLG) to the standard one.", False)


@dataclass(frozen=True)
class QualityOptions(PictureOptions):
    """How good the picture is, and what is done for it."""

    preset: str | None = option(
        "Several options at once, which may still be given beside it: fast (no look for what lies over the face, one "
        "rest frame, a smaller file), best (adapt for 1m, a larger file), hd (a larger file for large pictures, with "
        "all tracks).",
        None,
        choices=tuple(PRESETS),
        example="fast",
        presets=PRESETS,
    )
    adapt: str | None = option(
        "First fine-tune the weights for so long, such as 1m, on what the face itself says in the video. What does not "
        "get better by it goes on as it is.",
        None,
        metavar="TIME",
        example="1m",
        check=parse_duration,
        is_number=True,
    )
    save_weights: Path | None = option(
        "Keep what --adapt has made, for --weights.", None, shown="in the cache", writes=True
    )


@dataclass(frozen=True)
class LabelOptions:
    """What shows that the video is synthetic."""

    visible_watermark: bool = option(
        "Burn a small visible label into a corner away from the face.", False, old=("--label",), old_keys=("label",)
    )
    label_text: str = option("What the visible watermark says.", "synthetic")


@dataclass(frozen=True)
class MarkingOptions(LabelOptions):
    """What says that the video is synthetic."""

    high_watermark: bool = option("Mark the sound above 15 kHz, too: lost where a code leaves that band out.", False)
    sidecar: bool = option("Write OUTPUT.json too: hashes of the inputs, weights and video, the options.", False)
    credentials: bool = option("Sign the video with content credentials (C2PA); needs lipsync-cli[c2pa].", False)
    certificate: Path | None = option(
        "Certificate chain (PEM) for --credentials.", None, shown="one made for this video"
    )
    private_key: Path | None = option("Private key (PEM) of --certificate.", None)
    no_mark: str | None = option(
        "Do not mark the video as synthetic; the reason is kept in OUTPUT.json.", None, metavar="REASON"
    )


@dataclass(frozen=True)
class PerformanceOptions:
    """Where and how the work is done."""

    device: str = device_option()
    batch_size: int = option("Frames generated at once.", 8, least=1)
    no_cache: bool = option("Neither use nor keep what is known of a video's face.", False)
    resume: bool = option(
        "Render a long video in segments of 20 s that outlive a kill; the same command again renders the missing ones.",
        False,
    )
    profile: bool = option("Say how long each stage of the work took.", False)


@dataclass(frozen=True)
class AdvancedOptions:
    """What few people need."""

    debug_video: Path | None = option(
        "Write a second video that shows over every frame the face, the mask and the points it was posed by, and below "
        "it the time, the state and the sound that moves the lips.",
        None,
        writes=True,
    )
    seed: int = seed_option(10)


@dataclass(frozen=True)
class InferConfig:
    """Everything that decides a video.

    Examples
    --------
    make(InferConfig, face="ann.mp4", speech=["hello.wav"], articulation=1.2)
    """

    files: FileOptions = group(panel="input and output")
    face: FaceOptions = group(FaceOptions, "face")
    voice: VoiceOptions = group(VoiceOptions, "voice")
    message: MessageOptions = group(MessageOptions, "many messages")
    stream: StreamOptions = group(StreamOptions, "pipes")
    quality: QualityOptions = group(QualityOptions, "quality")
    marking: MarkingOptions = group(MarkingOptions, "marking")
    performance: PerformanceOptions = group(PerformanceOptions, "performance")
    advanced: AdvancedOptions = group(AdvancedOptions, "advanced")

    @property
    def is_batch(self) -> bool:
        """Whether several videos are asked for, so that the output is a folder."""
        return not self.face.speaker and (len(self.files.speech) > 1 or self.files.messages is not None)

"""What to do about a file that was refused; FILE and NEW stand for names, as in a manual.

Any recent ffmpeg will do; ``imageio_ffmpeg.get_ffmpeg_exe()`` says where the environment has one.
"""

# Another container for the same pictures; or the same film coded by H.264.
REWRAP = "`ffmpeg -i FILE -c copy NEW.mkv`"
ENCODE = "`ffmpeg -i FILE -c:v libx264 -crf 18 NEW.mp4`"

# What can be decoded of a damaged file, with its holes filled in by the decoder.
SALVAGE = "`ffmpeg -fflags +discardcorrupt -i FILE -c:v libx264 -crf 18 NEW.mp4`"

# A rate for a raw stream: 15 stands for any.
RATE = "`ffmpeg -r 15 -i FILE -c:v libx264 -crf 18 NEW.mp4`"

COPY = "copy the file again from where it came"
REMOVE = "remove it from the source's folder"
SHRINK = "`ffmpeg -i FILE -vf scale=-2:1080 -c:v libx264 -crf 18 NEW.mp4`"
PARTS = "`ffmpeg -i FILE -c copy -f segment -segment_time 3600 -reset_timestamps 1 NEW%03d.mkv`"
SLOWER = "`ffmpeg -i FILE -r 25 -c:v libx264 -crf 18 NEW.mp4`"
TO_BT709 = "`ffmpeg -i FILE -vf setparams=colorspace=bt709 -c:v libx264 -crf 18 NEW.mp4`"

EXPORT_PICTURES = "export it again with its pictures, or remove it from the source's folder"
DAMAGED = (
    f"{COPY}; if it is damaged there too, raise ingest.max_loss_s in params.yaml to keep it up to "
    f"the damage, or make the best of it by {SALVAGE}"
)
MORE_MEMORY = f"raise ingest.memory_mib in params.yaml, or make its pictures smaller: {SHRINK}"
MORE_TIME = f"raise ingest.timeout_s in params.yaml, or cut it into parts: {PARTS}"
TOO_LONG = f"raise ingest.max_duration_s in params.yaml, or cut it into parts: {PARTS}"
DECRYPT = "export it without encryption, in the program of the recorder or service it came from"
REPAIR = (
    f"{COPY}; if the recording broke off, a repair tool such as untrunc can rebuild it from a "
    "whole video of the same camera"
)
CONVERT = f"if a player shows it, convert it: {REWRAP}, or {ENCODE}; else {REMOVE}"
CRASHED = f"wrap it anew: {REWRAP}; if that is refused, too, encode it anew: {ENCODE}"
WRITTEN = "run it again when nothing writes to the file any more"
JOIN = (
    "put the videos there that it was joined from, or join those by "
    "`ffmpeg -f concat -safe 0 -i LIST -c copy NEW.mkv`; LIST has a line `file 'NAME'` for each"
)

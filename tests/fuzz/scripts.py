"""Playlists and scripts under video names: each names the canary and an address that listens."""

from pathlib import Path

from tests.fuzz.traps import Traps

# By kind: file name and text; {video} and {text} are canaries, {port} listens on this machine.
SCRIPTS = {
    "hls of a file": (
        "a.mp4",
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXTINF:1.2,\n{video}\n"
        "#EXT-X-ENDLIST\n",
    ),
    "hls of an address": (
        "a.ts",
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1.2,\nhttp://127.0.0.1:{port}/a.ts\n"
        "#EXT-X-ENDLIST\n",
    ),
    "hls master": (
        "a.mkv",
        "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000\nhttp://127.0.0.1:{port}/a.m3u8\n",
    ),
    "hls with a key": (
        "a.m3u8",
        '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-KEY:METHOD=AES-128,URI="file://{text}"\n'
        '#EXT-X-MAP:URI="http://127.0.0.1:{port}/a"\n#EXTINF:1.2,\n{video}\n#EXT-X-ENDLIST\n',
    ),
    "hls of concat": (
        "a.avi",
        "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10.0,\n"
        "concat:http://127.0.0.1:{port}/a?|file://{text}\n#EXT-X-ENDLIST\n",
    ),
    "hls in an avi": (  # GAB2 subtitles that are a playlist: CVE-2017-9993.
        "gab2.avi",
        "RIFF\x40\x00\x00\x00AVI LIST\x14\x01\x00\x00hdrltxts\x08\x01\x00\x00GAB2\x00\x02\x00"
        "#EXTM3U\n#EXTINF:1,\nfile://{text}\n#EXTINF:1,\nhttp://127.0.0.1:{port}/\n",
    ),
    "concat of a file": ("a.mp4", "ffconcat version 1.0\nfile '{video}'\nduration 1\n"),
    "concat of an address": (
        "a.mov",
        "ffconcat version 1.0\nfile 'tcp://127.0.0.1:{port}'\noption safe 0\n",
    ),
    "concat with options": (
        "a.ffconcat",
        "ffconcat version 1.0\nfile '{video}'\noption protocol_whitelist file,http,tcp\n",
    ),
    "dash": (
        "a.mpd",
        '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT2S"><Period><AdaptationSet mimeType="video/mp4">'
        '<Representation id="1" bandwidth="1" width="64" height="48">'
        "<BaseURL>http://127.0.0.1:{port}/a.mp4</BaseURL></Representation></AdaptationSet>"
        "</Period></MPD>\n",
    ),
    "dash of a file": (
        "a.mp4",
        '<MPD type="static" mediaPresentationDuration="PT2S" profiles="urn:mpeg:dash:profile:'
        'isoff-on-demand:2011"><Period><AdaptationSet><Representation id="1">'
        "<BaseURL>file://{video}</BaseURL></Representation></AdaptationSet></Period></MPD>\n",
    ),
    "sdp": (
        "a.sdp",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
        "m=video {port} RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    ),
    "smooth streaming": (
        "a.ism",
        '<SmoothStreamingMedia MajorVersion="2"><StreamIndex Type="video" '
        'Url="http://127.0.0.1:{port}/q"/></SmoothStreamingMedia>\n',
    ),
    "asx": (
        "a.wmv",
        '<asx version="3.0"><entry><ref href="http://127.0.0.1:{port}/a"/></entry></asx>',
    ),
    "asf redirect": ("a.asf", "[Reference]\nRef1=http://127.0.0.1:{port}/a\nRef2={video}\n"),
    "real redirect": ("a.ram", "rtsp://127.0.0.1:{port}/a\n"),
    "imf": (
        "a.mxf",
        '<?xml version="1.0"?><CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/'
        '2016"><Asset><Path>{video}</Path></Asset></CompositionPlaylist>',
    ),
    "quicktime reference": (
        "a.qt",
        '<?xml version="1.0"?><?quicktime type="application/x-quicktime-media-link"?>'
        '<embed src="http://127.0.0.1:{port}/a.mov"/>',
    ),
    "filter graph": ("a.lavfi", "movie={video}[out0]\n"),
    "avisynth": ("a.avs", 'DirectShowSource("{video}")\n'),
    "vapoursynth": ("a.vpy", "open({text!r}).read()\n"),
    "image list": ("frame%03d.mp4", "{video}\n"),
    "link in words": ("a.mp4", "{video}"),
    "address in words": ("a.mp4", "http://127.0.0.1:{port}/a.mp4"),
    "subtitles": ("a.idx", "# VobSub index file, v7\nid: en, index: 0\n# alt: {text}\n"),
}


def write_script(kind: str, folder: Path, traps: Traps) -> Path:
    """Write one into ``folder``."""
    name, text = SCRIPTS[kind]
    filled = text.format(video=str(traps.video), text=str(traps.text), port=traps.port)
    (folder / name).write_text(filled, encoding="latin-1")
    return folder / name

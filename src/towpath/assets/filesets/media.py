"""What kind of file a name says it is."""

from __future__ import annotations

from mimetypes import MimeTypes

UNKNOWN = "application/octet-stream"
_PACKED = {".gz": "application/gzip", ".bz2": "application/x-bzip2", ".xz": "application/x-xz"}
_MORE = {
    ".arrow": "application/vnd.apache.arrow.file",
    ".avif": "image/avif",
    ".flac": "audio/flac",
    ".heic": "image/heic",
    ".jsonl": "application/jsonl",
    ".m4a": "audio/mp4",
    ".md": "text/markdown",
    ".ndjson": "application/jsonl",
    ".npy": "application/x-npy",
    ".npz": "application/x-npz",
    ".ogg": "audio/ogg",
    ".onnx": "application/onnx",
    ".opus": "audio/opus",
    ".parquet": "application/vnd.apache.parquet",
    ".safetensors": "application/x-safetensors",
    ".webm": "video/webm",
    ".webp": "image/webp",
    ".zst": "application/zstd",
}
# Python's own table, without what this machine's files say: the same name means the same everywhere.
_KNOWN = {**MimeTypes(filenames=()).types_map[True], **_PACKED, **_MORE}


def media_type(path: str) -> str:
    """Return the media type (RFC 6838) that goes with a path's ending."""
    stem, dot, ending = path.rpartition("/")[2].rpartition(".")
    return _KNOWN.get(dot + ending.lower(), UNKNOWN) if stem else UNKNOWN

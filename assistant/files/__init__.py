"""Recordings as files: decoding audio and video, cutting into utterances, subtitles, joining and exporting."""

"""Alignment and averaging of frames."""

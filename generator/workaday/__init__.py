"""Workaday: one project file in; a reviewable GPU platform out."""

__version__ = "0.1.0"

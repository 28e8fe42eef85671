"""Presets: named pipelines."""

"""Pipelines: operations, outputs, presets, image formats, sizes and limits."""

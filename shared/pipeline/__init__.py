"""Pipelines: operations, outputs, presets, assets, image formats, sizes and limits."""

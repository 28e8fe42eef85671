"""Lookup of presets by name, first among the built-in presets, then among the presets of the caller."""

from shared.aws.dynamodb.preset_table import PresetTable
from shared.errors import PresetBuiltIn, PresetNotFound
from shared.names import is_name
from shared.pipeline.preset import BUILT_IN, Preset


def get_preset(table: PresetTable, owner: str, name: str, version: int | None = None) -> Preset:
    """Return the given version of a preset, by default the newest. Raises PresetNotFound if it does not exist."""
    if (built_in := BUILT_IN.get(name)) is not None:
        if version not in {None, built_in.version}:
            raise PresetNotFound
        return built_in
    if not is_name(name):
        raise PresetNotFound
    return table.get(owner, name, version)


def list_preset_names(table: PresetTable, owner: str, limit: int) -> list[str]:
    """Return the names of the built-in presets and of the first ``limit`` presets of the caller."""
    return [*BUILT_IN, *(preset.name for preset in table.page(owner, limit=limit).entries)]


def require_own_preset(name: str) -> None:
    """Raise PresetBuiltIn if the name belongs to a built-in preset."""
    if name in BUILT_IN:
        raise PresetBuiltIn

"""Lookup of presets by name, first among the built-in presets, then among the presets of the caller."""

from typing import Final

from shared.aws.dynamodb.preset_table import PresetTable
from shared.errors import PresetBuiltIn, PresetNotFound
from shared.names import is_name
from shared.pipeline.preset import BUILT_IN, Preset

#: How many presets of a caller are compared with a name that does not exist.
_MAX_LISTED: Final = 100


def get_preset(table: PresetTable, owner: str, name: str, version: int | None = None) -> Preset:
    """Return the given version of a preset, by default the newest. Raises PresetNotFound if it does not exist."""
    if (built_in := BUILT_IN.get(name)) is not None:
        if version not in {None, built_in.version}:
            raise PresetNotFound
        return built_in
    if not is_name(name):
        raise PresetNotFound
    return table.get(owner, name, version)


def list_preset_names(table: PresetTable, owner: str) -> list[str]:
    """Return the names of the built-in presets and of the first presets of the caller."""
    return [*BUILT_IN, *(preset.name for preset in table.page(owner, limit=_MAX_LISTED).entries)]


def require_own_preset(name: str) -> None:
    """Raise PresetBuiltIn if the name belongs to a built-in preset."""
    if name in BUILT_IN:
        raise PresetBuiltIn

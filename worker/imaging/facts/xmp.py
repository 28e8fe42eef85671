"""XMP (ISO 16684-1), read as a stream of XML events.

A document type ends the reading, so no entity is ever expanded. Depth, number of elements and size are limited.
"""

from collections.abc import Collection, Mapping
from typing import Final
from xml.parsers import expat

from shared.pipeline.facts import MAX_CAPTION

#: Only the start of a longer packet is read. The rest is the history of edits, or padding.
MAX_BYTES: Final = 128 * 1024
_MAX_DEPTH: Final = 64
_MAX_ELEMENTS: Final = 5000
#: Maximum number of values of a property.
_MAX_VALUES: Final = 20

_RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns# "
_ROOT, _DESCRIPTION, _ITEM = f"{_RDF}RDF", f"{_RDF}Description", f"{_RDF}li"
_LANGUAGE: Final = "http://www.w3.org/XML/1998/namespace lang"
_DEFAULT_LANGUAGE: Final = "x-default"

#: Values by property. The name of a property is its namespace, a space and its local name.
Properties = Mapping[str, tuple[str, ...]]


class _Refused(Exception):
    """The packet exceeds a limit or has a document type."""


def read_xmp(packet: bytes, wanted: Collection[str]) -> tuple[Properties, bool]:
    """Return the wanted properties of the image, and whether the packet is damaged.

    A text in several languages has one value: the default one.
    """
    reader = _Reader(wanted)
    # A declared encoding would make Python import its codec, which is impossible in the sandbox. XMP is UTF-8.
    parser = expat.ParserCreate("UTF-8", " ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.add_text
    try:
        parser.Parse(packet[:MAX_BYTES].strip(b"\0 \r\n\t"), False)
    except (expat.ExpatError, _Refused):
        return reader.properties, True
    return reader.properties, not reader.has_root


def _refuse(*_: object) -> None:
    raise _Refused


class _Reader:
    """Collects properties from XML events. A property is a child or an attribute of a description in the root."""

    def __init__(self, wanted: Collection[str]) -> None:
        self._wanted = wanted
        self._elements = 0
        self._path: list[str] = []
        self._text: list[str] = []
        self._size = 0
        self._languages: list[str | None] = []
        self._values: list[str] = []
        self.properties: dict[str, tuple[str, ...]] = {}
        self.has_root = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Handle the start of an element."""
        self._elements += 1
        if len(self._path) >= _MAX_DEPTH or self._elements > _MAX_ELEMENTS:
            raise _Refused
        parent = self._path[-1] if self._path else ""
        self._path.append(name)
        self._text, self._size = [], 0
        self.has_root |= name == _ROOT
        if name == _DESCRIPTION and parent == _ROOT:
            for key, value in attributes.items():
                self._store(key, (value,))
        elif self._is_property():
            self._values, self._languages = [], []
        elif name == _ITEM:
            self._languages.append(attributes.get(_LANGUAGE))

    def end(self, name: str) -> None:
        """Handle the end of an element."""
        text = "".join(self._text).strip()
        if name == _ITEM:
            if len(self._values) < _MAX_VALUES:
                self._values.append(text)
        elif self._is_property():
            self._store(name, self._choose() if self._values else (text,))
        self._text, self._size = [], 0
        self._path.pop()

    def add_text(self, text: str) -> None:
        """Handle characters."""
        if self._size < 4 * MAX_CAPTION:
            self._text.append(text)
            self._size += len(text)

    def _is_property(self) -> bool:
        return self._path[-3:-1] == [_ROOT, _DESCRIPTION]

    def _choose(self) -> tuple[str, ...]:
        """Return the values of a list, or of alternatives the default."""
        for value, language in zip(self._values, self._languages, strict=False):
            if language == _DEFAULT_LANGUAGE:
                return (value,)
        return (self._values[0],) if any(self._languages) else tuple(self._values)

    def _store(self, name: str, values: tuple[str, ...]) -> None:
        kept = tuple(value[: 4 * MAX_CAPTION] for value in values if value)
        if name in self._wanted and kept:
            self.properties.setdefault(name, kept)

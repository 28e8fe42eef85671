"""How values look: lines, tables and JSON. Nothing here asks the API for anything."""

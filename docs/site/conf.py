"""Sphinx configuration of the docs site (``make docs``).

The source folder is the whole checkout, so links between README, docs and code are the same as on GitHub. Neither the
build nor the site loads anything from the network.
"""

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from pygments.lexers.special import TextLexer

from shared.version import VERSION

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
#: Mermaid as installed by npm. Without it, diagrams are shown as text.
MERMAID = ROOT / "tests" / "diagrams" / "node_modules" / "mermaid" / "dist"

project = "Safelight"
release = version = VERSION
project_copyright = "Safelight's authors; Apache-2.0"
root_doc = "README"
include_patterns = ["*.md", "docs/*.md", "docs/postman/README.md", "safelight/demo_images/ATTRIBUTION.md"]
exclude_patterns = [".*", "**/node_modules", "build", "dist"]
suppress_warnings = ["toc.not_included"]  # what the README does not list is reached by links
extensions = ["myst_parser"]
myst_heading_anchors = 4
html_theme = "furo"
html_title = f"Safelight {VERSION}"
html_static_path = [str(ROOT / "docs" / "site" / "static")]
html_extra_path = [str(ROOT / "docs" / "site" / "extra")]
html_js_files = ["diagrams.js"]
html_copy_source = False
html_show_sphinx = False
if MERMAID.exists():
    html_static_path.append(str(MERMAID / "mermaid.min.js"))
    html_js_files.insert(0, "mermaid.min.js")


def setup(app: "Sphinx") -> None:
    """Give the first page the list of all, as the sidebar needs it, and a name to what Pygments does not know."""
    for language in ("mermaid", "csv"):
        app.add_lexer(language, TextLexer)
    app.connect("source-read", _add_contents)


def _add_contents(_app: "Sphinx", page: str, source: list[str]) -> None:
    if page != root_doc:
        return
    # In the order of the index, whose links are relative to docs.
    index = (ROOT / "docs" / "README.md").read_text("utf-8")
    targets = re.findall(r"^\| \[[^]]+\]\(([\w/.-]+)\.md\)", index, re.MULTILINE)
    listed = ["docs/README", *(posixpath.normpath(f"docs/{target}") for target in targets)]
    source[0] += "\n".join(["\n```{toctree}", ":hidden:", "", *listed, "```\n"])

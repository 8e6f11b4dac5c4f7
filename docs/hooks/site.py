"""What MkDocs calls while it builds the site: pages from code and from other folders, links, the policy of scripts."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from typing import Any, Final

from mkdocs.structure.files import File, Files

from docs.hooks.reference import reference_pages

ROOT: Final = Path(__file__).parents[2]
ELSEWHERE: Final = {
    "schemas/README.md": "reference/formats.md",
    "infra/README.md": "how-to/run-it.md",
    "services/ARCHITECTURE.md": "explanation/architecture.md",
    "services/counterfoil/console/README.md": "explanation/console.md",
    "CONTRIBUTING.md": "how-to/contribute.md",
}
"""Pages that stand elsewhere in the project, by their name on the site."""
INSTEAD: Final = {
    f"schemas/{name}.md": f"reference/{name}.md"
    for name in ("commands", "events", "problems", "programme", "refusals", "reports", "rules", "state")
} | {"README.md": "index.md"}
"""Pages of the project that the site has in another form."""
POLICY: Final = "script-hashes.txt"
"""In the built site: the inline scripts of its pages, as sources of a Content-Security-Policy, one a line."""
_LINK: Final = re.compile(r"\[([^\]]+)\]\((?!https?:|mailto:|#)([^)\s#]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are not in ``docs/``."""
    for path, text in reference_pages().items():
        files.append(File.generated(config, path, content=text))
    for source, path in ELSEWHERE.items():
        files.append(File.generated(config, path, content=(ROOT / source).read_text("utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Let links lead to pages of the site; what it does not have is named, not linked."""
    path = page.file.src_uri
    source = next((each for each, there in ELSEWHERE.items() if there == path), f"docs/{path}")
    return rewritten(markdown, source, path, {each.src_uri for each in files})


def rewritten(markdown: str, source: str, path: str, pages: set[str]) -> str:
    """The text of a page that stands at `source` in the project and at `path` on the site, whose pages are `pages`."""
    site = {f"docs/{each}": each for each in pages} | INSTEAD | ELSEWHERE

    def lead(found: re.Match[str]) -> str:
        text, target, anchor = found[1], found[2], found[3] or ""
        there = site.get(normpath(str(PurePosixPath(source).parent / target)))
        if there is None:
            return text
        return f"[{text}]({relpath(there, str(PurePosixPath(path).parent))}{anchor})"

    return _LINK.sub(lead, markdown)


class _Scripts(HTMLParser):
    """Collects the inline scripts of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._inside = (
            tag == "script" and "src" not in given and given.get("type", "module") in ("module", "text/javascript")
        )
        if self._inside:
            self.found.append("")

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.found[-1] += data

    def handle_endtag(self, tag: str) -> None:
        self._inside = False


def on_post_build(config: Any) -> None:
    """Write the hashes of the inline scripts, by which a server lets them run and no others; drop what nobody loads."""
    folder = Path(config["site_dir"])
    for each in [*folder.rglob("*.map"), *folder.glob("assets/javascripts/lunr/**/*.js"), folder / "sitemap.xml.gz"]:
        each.unlink(missing_ok=True)
    hashes = set()
    for page in sorted(folder.rglob("*.html")):
        scripts = _Scripts()
        scripts.feed(page.read_text("utf-8"))
        hashes |= {f"'sha256-{b64encode(sha256(each.encode()).digest()).decode()}'" for each in scripts.found}
    (folder / POLICY).write_text("".join(f"{each}\n" for each in sorted(hashes)))

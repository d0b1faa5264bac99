"""Links inside the built documentation: ``python docs/check_links.py docs/_build/html`` fails if any leads nowhere."""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The places of a page that can be linked to, and the links that it has."""

    def __init__(self, text):
        super().__init__()
        self.places, self.links = set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if value and (name == "id" or (tag == "a" and name == "name")):
                self.places.add(value)
            if value and name in ("href", "src"):
                self.links.add(value)


def dead_links(folder):
    """Pairs of a page and a link on it to a file or a place that does not exist."""
    paths = [path for path in sorted(folder.resolve().rglob("*.html")) if "_static" not in path.parts]  # templates
    pages = {path: Page(path.read_text("utf-8")) for path in paths}
    for path, page in pages.items():
        for link in sorted(page.links):
            url = urlsplit(link)
            if url.scheme or url.netloc or not (url.path or url.fragment):
                continue
            target = (path.parent / unquote(url.path)).resolve() if url.path else path
            is_there = target.exists()
            if is_there and url.fragment and target in pages:
                is_there = unquote(url.fragment) in pages[target].places
            if not is_there:
                yield path.relative_to(folder.resolve()), link


def main(folder):
    """Print the dead links of the pages of a folder, and how many there are."""
    found = list(dead_links(Path(folder)))
    for page, link in found:
        print(f"{page}: {link}")
    print(f"{len(found)} dead links")
    return min(len(found), 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

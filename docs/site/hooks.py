"""What the site adds to the pages: links from names in code to the API reference, a search that
works from a folder, and warnings, which fail the build, where a link or a page leads nowhere."""
import html.parser
import json
import logging
import pathlib
import posixpath
import re
import xml.etree.ElementTree

log = logging.getLogger("mkdocs.hooks.roga")
reference = {}


def on_config(config):
    """Doxygen's tag file says where a name of the library is documented."""
    tags = xml.etree.ElementTree.parse(pathlib.Path(config.docs_dir, "reference", "roga.tag"))
    for scope in tags.iter("compound"):
        if scope.get("kind") not in ("class", "struct", "concept", "namespace"):
            continue
        name = scope.findtext("name").replace("::v1", "")
        reference[name] = scope.findtext("filename")
        for member in scope.iter("member"):
            place = member.findtext("anchorfile") + "#" + member.findtext("anchor")
            reference.setdefault(name + "::" + member.findtext("name"), place)
    return config


def on_nav(nav, config, files):
    for file in files.documentation_pages():
        if file.page not in nav.pages:
            log.warning("%s is not in nav of docs/site/mkdocs.yml", file.src_path)
    for link in nav.items:
        for child in link.children or []:
            if child.is_link:  # a path that begins with / may lead out of the pages
                child.url = child.url.lstrip("/")
    return nav


def on_page_content(content, page, config, files):
    """Links `roga::wrap(...)` and `StepReport` anywhere, and `sam` where a row of a table begins
    with it; marks cells of text, for site.css."""
    def linked(code):
        name = re.sub(r"\(.*", "", code.group("name"))
        scopes = ["roga::recipes::"] if code.group("cell") else ["", "roga::"]
        found = [reference[scope + name] for scope in scopes if scope + name in reference]
        if not found:
            return code.group(0)
        target = posixpath.relpath("reference/" + found[0], posixpath.dirname(page.url) or ".")
        return f'{code.group("cell") or ""}<a href="{target}"><code>{code.group("name")}</code></a>'
    content = re.sub(r"(?:(?P<cell><tr>\s*<td>)|(?<!\">))<code>"
                     r"(?P<name>(?(cell)\w+|(?:roga::|[A-Z])[^<]+))</code>(?!</a>)", linked, content)

    def cell(match):
        text = match.group(1).replace("\\|", "|")
        is_long = len(re.sub(r"<[^>]*>", "", text)) > 25
        return f'<td class="text">{text}</td>' if is_long else f"<td>{text}</td>"
    return re.sub(r"<td>(.*?)</td>", cell, content, flags=re.S)


class Anchors(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.ids, self.links = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids |= {attributes.get("id"), attributes.get("name")}
        if tag == "a" and not re.match(r"\w+:", attributes.get("href") or "none:"):
            self.links.append(attributes["href"])


def on_post_build(config):
    site = pathlib.Path(config.site_dir)
    pages = {page.resolve(): Anchors(page.read_text()) for page in site.rglob("*.html")
             if page.name != "404.html"}
    for page, content in pages.items():
        written = page.name == "index.html" or "reference" not in page.parts  # the others by Doxygen
        for link in content.links if written else []:
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            if target.is_dir():
                target /= "index.html"
            known = pages[target].ids if target in pages else {anchor}
            if not target.exists() or (anchor and anchor not in known):
                log.warning("%s: no %s", page.relative_to(site.resolve()), link)

    # A page from a folder may not fetch, so it gets the search's index and worker as a script.
    worker, = site.glob("assets/javascripts/workers/search.*.js")
    (site / "search" / "offline.js").write_text(
        'if (location.protocol === "file:") var __search = {index: Promise.resolve('
        + (site / "search" / "search_index.json").read_text()
        + "), worker: URL.createObjectURL(new Blob([" + json.dumps(worker.read_text()) + "]))};\n")

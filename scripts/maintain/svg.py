"""Pictures of the documentation: one style, light and dark, with a text for screen readers."""
import html
import pathlib

FIGURES = pathlib.Path(__file__).resolve().parents[2] / "docs" / "figures"


def text(x, y, words, kind="ink", anchor="start", size=13, **more):
    extra = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in more.items())
    return (f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
            f'font-size="{size}"{extra}>{html.escape(words)}</text>')


def rect(x, y, width, height, kind, radius=6):
    return (f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
            f'height="{height:.1f}" rx="{radius}"/>')


def line(points, kind, width=1.5):
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f'<path class="line {kind}" stroke-width="{width}" d="M{path}"/>'


def arrow(points, kind):
    """Along horizontal and vertical pieces; the last one is horizontal, or goes up or down."""
    (x0, y0), (x, y) = points[-2:]
    dx, dy = (x > x0) - (x < x0), (y > y0) - (y < y0)
    back = [(x - 8 * dx + side * dy, y - 8 * dy + side * dx) for side in (-4, 4)]
    head = "L".join(f"{a:.1f} {b:.1f}" for a, b in [(x, y), *back])
    return (line([*points[:-1], (x - 7 * dx, y - 7 * dy)], kind)
            + f'<path class="{kind}" d="M{head}Z"/>')


def write(name, width, height, title, description, parts):
    style = (FIGURES / "figures.css").read_text()
    (FIGURES / name).write_text("\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-labelledby="title desc">',
        f'<title id="title">{html.escape(title)}</title>',
        f'<desc id="desc">{html.escape(description)}</desc>',
        f"<style>\n{style}</style>",
        f'<rect class="card" x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="8"/>',
        *parts, "</svg>\n"]))

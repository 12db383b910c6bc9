"""A page of sections, tables and drawings: no file but itself, nothing fetched, everything quoted escaped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from seqcli.reporting.fan_svg import DARK, FONT, LIGHT, styles
from seqcli.reporting.panel_figure import MORE_DARK, MORE_LIGHT, more_styles
from seqcli.reporting.svg import escaped
from seqcli.reporting.tables import is_numeric, shown
from seqcli.results import ResultTable

MOST_ROWS = 200
"""Rows of a table that are shown."""


@dataclass(frozen=True)
class Section:
    """A heading, and HTML under it that was escaped where it was made."""

    title: str
    parts: Sequence[str]


def page(title: str, subtitle: str, sections: Sequence[Section]) -> str:
    """The whole HTML document. Sections without parts are left out."""
    body = "\n".join(
        f"<section>\n<h2>{escaped(section.title)}</h2>\n{chr(10).join(section.parts)}\n</section>"
        for section in sections
        if section.parts
    )
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{escaped(title)}</title>\n<style>\n{_sheet()}</style>\n</head>\n<body>\n<main>\n"
        f'<h1>{escaped(title)}</h1>\n<p class="sub">{escaped(subtitle)}</p>\n{body}\n'
        "</main>\n</body>\n</html>\n"
    )


def figures(drawings: Sequence[str], wide: bool = False) -> str:
    """Drawings (SVG elements) beside each other as far as there is room; a ``wide`` one may be scrolled."""
    kept = [drawing for drawing in drawings if drawing]
    kind = "figure wide" if wide else "figure"
    inside = "\n".join(f'<div class="{kind}">\n{drawing}</div>' for drawing in kept)
    return f'<div class="{"one" if wide else "figures"}">\n{inside}\n</div>' if kept else ""


def table_html(table: ResultTable, title: bool = True) -> str:
    """A result table; numbers stand to the right, and what is too wide is scrolled."""
    right = [is_numeric(table, place) for place in range(len(table.columns))]
    wraps = [column.wrap or column.name == "text" for column in table.columns]
    kinds = [
        " class=n" if number else " class=w" if wrap else ""
        for number, wrap in zip(right, wraps, strict=True)
    ]
    head = "".join(
        f'<th scope="col"{kind}>{escaped(column.name)}</th>'
        for column, kind in zip(table.columns, kinds, strict=True)
    )
    lines = []
    for row in table.rows[:MOST_ROWS]:
        cells = (
            f"<td{kind}>{escaped(shown(cell, column))}</td>"
            for cell, column, kind in zip(row, table.columns, kinds, strict=True)
        )
        lines.append(f"<tr>{''.join(cells)}</tr>")
    heading = f"<h3>{escaped(table.title)}</h3>\n" if title and table.title else ""
    left = len(table.rows) - MOST_ROWS
    notes = [*([f"{left:,} more rows"] if left > 0 else []), *([table.caption] if table.caption else [])]
    below = "".join(f'\n<p class="sub">{escaped(note)}</p>' for note in notes)
    body = "\n".join(lines)
    return (
        f'{heading}<div class="scroll"><table>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody>\n</table></div>{below}"
    )


def markdown_sections(text: str) -> dict[str, str]:
    """Heading of the second level → what stands under it in a model card, as HTML: lists, lines, code.

    Only what a card of ours has is understood; the rest is shown as it stands.
    """
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in text.splitlines():
        if line.startswith("## "):
            current = found.setdefault(line[3:].strip(), [])
        else:
            current.append(line)
    return {title: _blocks(lines) for title, lines in found.items()}


def _blocks(lines: Sequence[str]) -> str:
    made: list[str] = []
    listed = code = False
    for line in lines:
        if line.startswith("```"):
            made.append("</pre>" if code else "<pre>")
            code = not code
        elif code:
            made.append(escaped(line))
        elif line.startswith("- "):
            made.append(f"{'' if listed else '<ul>'}<li>{_inline(line[2:])}</li>")
            listed = True
        else:
            made += ["</ul>"] if listed else []
            listed = False
            made += [f"<p>{_inline(line)}</p>"] if line.strip() else []
    made += ["</ul>"] if listed else []
    made += ["</pre>"] if code else []
    return "\n".join(made)


def _inline(text: str) -> str:
    """A line, what stands in back quotes as code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escaped(text))


def _sheet() -> str:
    """The style sheet of page and drawings, light or dark as its reader has it."""
    light, dark = ({**first, **more} for first, more in ((LIGHT, MORE_LIGHT), (DARK, MORE_DARK)))
    names = ";".join(f"--{name}:{colour}" for name, colour in light.items())
    dark_names = ";".join(f"--{name}:{colour}" for name, colour in dark.items())
    return (
        f":root{{{names}}}\n{styles(LIGHT)}{more_styles(MORE_LIGHT, LIGHT)}\n"
        f"@media (prefers-color-scheme:dark){{:root{{{dark_names}}}"
        f"{styles(DARK)}{more_styles(MORE_DARK, DARK)}}}\n"
        f"body{{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 {FONT}}}\n{_RULES}"
    )


_RULES = """main{max-width:1040px;margin:0 auto;padding:16px}
h1{font-size:26px;margin:8px 0 0;overflow-wrap:anywhere}
h2{font-size:19px;margin:32px 0 8px;border-bottom:1px solid var(--grid);padding-bottom:4px}
h3{font-size:15px;margin:20px 0 6px}
.sub{color:var(--faint);margin:4px 0;overflow-wrap:anywhere}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,400px),1fr));gap:12px;margin-top:12px}
.figure svg{display:block;width:100%;max-width:560px;height:auto}
.wide{overflow-x:auto}
.wide svg{max-width:none;min-width:640px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{text-align:left;vertical-align:top;padding:4px 18px 4px 0;border-bottom:1px solid var(--grid)}
th,td{white-space:nowrap}
th{color:var(--faint);font-weight:400}
th.n,td.n{text-align:right}
td.w{white-space:normal;overflow-wrap:anywhere;min-width:180px}
li,p{overflow-wrap:anywhere}
pre{overflow-x:auto;padding:10px;border:1px solid var(--grid);border-radius:6px;font-size:13px}
"""

"""The page's frame: style, script, tables that sort and are saved as CSV, figures that are saved as SVG."""

from collections.abc import Iterable, Sequence
from html import escape

STYLE = """
:root { color-scheme: light dark; --text: #1b1b1b; --paper: #ffffff; --faint: #d8d8d8; --first: #0072b2;
  --second: #d55e00; --third: #009e73; --fourth: #e69f00; --fifth: #56b4e9; --sixth: #cc79a7;
  --seventh: #f0e442; --eighth: #8a8a8a; }
@media (prefers-color-scheme: dark) { :root { --text: #ececec; --paper: #16181b; --faint: #44484d;
  --first: #56b4e9; --second: #e69f00; --third: #2fc79b; --fourth: #d55e00; --fifth: #0072b2; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--paper); margin: 0 auto;
  padding: 0 12px 48px; max-width: 60rem; }
h1 { font-size: 1.6rem; } h2 { margin-top: 3rem; border-top: 1px solid var(--faint); padding-top: 1rem; }
figure { margin: 1rem 0; overflow-x: auto; } figcaption { font-size: 0.9rem; }
svg { width: 100%; max-width: 640px; min-width: 32rem; height: auto; }
svg text { fill: var(--text); font: 12px system-ui, sans-serif; }
.first { fill: var(--first); } .second { fill: var(--second); } .third { fill: var(--third); }
.fourth { fill: var(--fourth); } .fifth { fill: var(--fifth); } .sixth { fill: var(--sixth); }
.seventh { fill: var(--seventh); } .eighth { fill: var(--eighth); }
.faint { fill: var(--faint); } .line { stroke: var(--text); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.9rem; }
th, td { padding: 2px 8px; text-align: right; border-bottom: 1px solid var(--faint); }
th:first-child, td:first-child { text-align: left; }
th button { all: unset; cursor: pointer; } th button:focus-visible, .save:focus-visible {
  outline: 2px solid var(--first); }
.save { font-size: 0.8rem; margin: 4px 0; }
"""
SCRIPT = """
function save(name, type, text) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], {type}));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
for (const table of document.querySelectorAll('table')) {
  table.querySelectorAll('th button').forEach((button, column) => button.addEventListener('click', () => {
    const body = table.tBodies[0], up = button.dataset.up !== 'yes';
    button.dataset.up = up ? 'yes' : 'no';
    const key = row => row.cells[column].dataset.value ?? row.cells[column].textContent;
    const order = (a, b) => (key(a) - key(b)) || key(a).localeCompare(key(b));
    [...body.rows].sort((a, b) => up ? order(a, b) : order(b, a)).forEach(row => body.append(row));
  }));
}
document.querySelectorAll('.save').forEach(button => button.addEventListener('click', () => {
  const shown = button.parentElement.querySelector('table, svg');
  if (shown.matches('table')) {
    const cell = one => '"' + (one.dataset.value ?? one.textContent).replaceAll('"', '""') + '"';
    save(button.dataset.name + '.csv', 'text/csv', [...shown.rows].map(
      row => [...row.cells].map(cell).join(',')).join('\\n') + '\\n');
  } else {
    const copy = shown.cloneNode(true), style = document.createElement('style');
    style.textContent = document.querySelector('style').textContent;
    copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
    copy.prepend(style);
    save(button.dataset.name + '.svg', 'image/svg+xml', copy.outerHTML);
  }
}));
"""

Cell = str | int | float | None


def document(title: str, body: Iterable[str]) -> str:
    """The whole file."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>\n"
        + "\n".join(body)
        + f"\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )


def standalone(drawing: str) -> str:
    """A drawing as a file of its own."""
    head, _, rest = drawing.partition(">")
    return f'{head} xmlns="http://www.w3.org/2000/svg"><style>{STYLE}</style>{rest}\n'


def section(identity: str, title: str, body: Iterable[str], level: int = 3) -> str:
    """A part of the page with a heading."""
    parts = "\n".join(body)
    return f'<section id="{escape(identity)}">\n<h{level}>{escape(title)}</h{level}>\n{parts}\n</section>'


def paragraph(text: str) -> str:
    """A paragraph of plain text."""
    return f"<p>{escape(text)}</p>"


def table(name: str, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """A table whose columns sort and that is saved as CSV; a number is sorted and saved unrounded."""
    head = "".join(f'<th scope="col"><button type="button">{escape(title)}</button></th>' for title in header)
    body = "\n".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return (
        f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>\n'
        f"{_save(name, 'CSV')}</div>"
    )


def _cell(value: Cell) -> str:
    if value is None:
        return "<td>-</td>"
    if isinstance(value, float):
        return f'<td data-value="{value!r}">{value:.4g}</td>'
    return f"<td>{escape(str(value))}</td>"


def figure(name: str, drawing: str, caption: str) -> str:
    """A drawing with its caption, saved as SVG."""
    return f"<figure>\n{drawing}\n<figcaption>{escape(caption)}</figcaption>\n{_save(name, 'SVG')}</figure>"


def _save(name: str, kind: str) -> str:
    return f'<button type="button" class="save" data-name="{escape(name)}">save as {kind}</button>'

"""The one page that lists every refusal: the `type` of each problem+json points at its line here."""
import html

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Nxtgauge: errors</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}}
table{{border-collapse:collapse}}td,th{{text-align:left;padding:.3rem .8rem;border-bottom:1px solid #ccc;vertical-align:top}}
tr:target{{background:#ffd}}</style>
<h1>Errors</h1>
<p>Every refusal is <code>application/problem+json</code> (RFC 9457) with one of these codes. Where the last column
says yes, the same request may succeed later; <code>Retry-After</code> says when to try.</p>
<table><tr><th>Code<th>Status<th>What to do<th>Try again</tr>
{rows}
</table></html>
"""


def page(lines):
    """HTML from what a daemon prints as --errors, without the header line."""
    rows, seen = [], set()
    for line in lines.splitlines():
        code, status, retriable, doc = (html.escape(word) for word in line.split("\t"))
        mark = "" if code in seen else f' id="{code}"'
        seen.add(code)
        rows.append(f"<tr{mark}><td><code>{code}</code><td>{status}<td>{doc}<td>{retriable}</tr>")
    return PAGE.format(rows="\n".join(rows))

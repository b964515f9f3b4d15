"""The page's looks, light and dark; nothing is fetched."""

from typing import Final

CSS: Final = """
:root { color-scheme: light dark; --ink: #1b1f24; --dim: #59636e; --paper: #fff; --edge: #d8dee4; --tint: #f5f7f9;
        --good: #116329; --bad: #a40e26; --mark: #fff3c4; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --dim: #9aa4af; --paper: #0f1318; --edge: #2b333c; --tint: #171d24;
          --good: #56d364; --bad: #ff7b72; --mark: #574500; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem; background: var(--paper); color: var(--ink);
       font: 15px/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.5rem; } h2 { margin: 0 0 .5rem; font-size: 1.05rem; }
header p, small, dt, thead, i { color: var(--dim); } small { font-weight: normal; } p { margin: .25rem 0; }
section { margin-top: 2rem; } a { color: inherit; }
code { font: 13px ui-monospace, monospace; overflow-wrap: anywhere; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: 1rem; margin-top: 1.25rem; }
.cards a { padding: 1rem; border: 1px solid var(--edge); border-radius: .5rem; background: var(--tint); text-decoration: none; }
.cards a[aria-current] { border-color: var(--ink); }
dl { display: flex; justify-content: space-between; margin: .75rem 0 0; } dt { font-size: .8rem; }
dd { margin: 0; font-size: 1.15rem; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; border: 1px solid var(--edge); border-radius: .5rem; }
table { width: 100%; border-collapse: collapse; } th { text-align: left; font-weight: 500; }
th, td { padding: .4rem .75rem; vertical-align: top; border-bottom: 1px solid var(--edge); }
tbody tr:last-child td { border-bottom: 0; }
.values { display: flex; flex-wrap: wrap; gap: .1rem 1rem; overflow-wrap: anywhere; }
.values b { font-weight: 500; color: var(--dim); }
.good { color: var(--good); } .bad { color: var(--bad); } mark { background: var(--mark); color: inherit; }
"""

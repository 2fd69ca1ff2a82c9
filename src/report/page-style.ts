/**
 * How the HTML report looks: light and dark, on paper, on a phone. The states' colours can be told apart
 * by eyes without red or green (after Okabe and Ito), and each has strokes or a shade of its own.
 */
export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --text: #1b1f24; --dim: #57606a; --line: #d0d7de; --stroke: #1b1f24;
  --proved: #b9d7ea; --altered: #d55e00; --missing: #1b1f24; --gap: #f0c808;
  --unreadable: #cc79a7; --not-due: #eaeef2;
  --good: #0b5c8a; --bad: #a63c00; --warn: #7a5c00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #0d1117; --text: #e6edf3; --dim: #9da7b3; --line: #30363d; --stroke: #0d1117;
    --proved: #1f4e6b; --altered: #e8743b; --missing: #ffffff; --gap: #f0c808;
    --unreadable: #d995bd; --not-due: #21262d;
    --good: #79c0ff; --bad: #ff9b6b; --warn: #f0c808;
  }
}
@media print {
  :root {
    --paper: #ffffff; --text: #000000; --dim: #444444; --line: #bbbbbb; --stroke: #000000;
    --proved: #dcebf5; --altered: #d55e00; --missing: #000000; --gap: #f0c808;
    --unreadable: #cc79a7; --not-due: #f2f2f2; --good: #000; --bad: #000; --warn: #000;
  }
  .bar, .map, #map-said { display: none !important; }
  #map-paper canvas { display: block; width: 100%; break-inside: avoid; }
  #findings tbody tr[hidden] { display: table-row !important; }
  details > * { display: block; }
  section { break-inside: auto; }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 90rem; padding: 1rem; background: var(--paper); color: var(--text);
  font: 15px/1.5 system-ui, sans-serif;
}
h1 { font-size: 1.4rem; margin: 0 0 .5rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
.verdict { font-size: 1.3rem; font-weight: 700; padding: .5rem .8rem; border: 3px solid; border-radius: .4rem; }
.valid { color: var(--good); } .invalid, .violation { color: var(--bad); }
.incomplete, .unproved { color: var(--warn); } .notice { color: var(--dim); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; }
dt { color: var(--dim); } dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .5rem; border-bottom: 1px solid var(--line); }
td { overflow-wrap: break-word; } .nowrap { white-space: nowrap; } .hint { min-width: 14rem; }
.what { min-width: 14rem; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
code { font: .85em ui-monospace, monospace; overflow-wrap: anywhere; }
@media screen { #map-paper { display: none; } }
.map { position: relative; }
#map { overflow: auto; border: 1px solid var(--line); min-height: 4rem; }
#map-canvas { position: sticky; top: 0; display: block; width: 100%; height: 100%; touch-action: pan-y; }
#map-canvas:focus { outline: 3px solid var(--good); outline-offset: -3px; }
#map-spacer { position: absolute; top: 0; width: 1px; visibility: hidden; }
.tip {
  position: absolute; pointer-events: none; background: var(--text); color: var(--paper);
  padding: .2rem .5rem; border-radius: .3rem; font-size: .85rem; max-width: 30rem; z-index: 1;
}
.bar { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; margin: .5rem 0; }
.bar[hidden] { display: none; }
button, input[type='search'] {
  font: inherit; padding: .2rem .6rem; border: 1px solid var(--dim); border-radius: .3rem;
  background: var(--paper); color: var(--text);
}
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1rem; padding: 0; list-style: none; }
.legend canvas { vertical-align: -2px; border: 1px solid var(--dim); }
footer { margin-top: 2rem; color: var(--dim); font-size: .85rem; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
@media screen and (max-width: 40rem) {
  table, tbody, tr, td { display: block; } thead { display: none; }
  tr { padding: .4rem 0; border-bottom: 1px solid var(--line); } tr[hidden] { display: none; }
  td { border: 0; padding: .1rem 0; } td:empty { display: none; }
  td.share::after { content: ' of the time covered'; }
}
`;

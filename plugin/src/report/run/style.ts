/** The style of the HTML report: light and dark, screen and paper. */
export const style = `
:root { color-scheme: light dark; --fg: #1c2430; --muted: #5b6675; --bg: #fff; --line: #dde2e8; --good: #18794e; --bad: #c62a2f;
  --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #cc79a7; --c4: #b58900; --c5: #6b7280; }
@media (prefers-color-scheme: dark) { :root { --fg: #e6e9ee; --muted: #9aa5b3; --bg: #14181d; --line: #2e3640; --good: #4cc38a; --bad: #ff6369;
  --c0: #56b4e9; --c1: #f28e4c; --c2: #3ccf9f; --c3: #e3a3c6; --c4: #e0c04c; --c5: #9ca3af; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--fg); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 860px; margin: 0 auto; padding: 24px 16px 48px; }
h1 { font-size: 24px; margin: 0; } h2 { font-size: 18px; margin: 32px 0 8px; }
header p, .note, figcaption, small { color: var(--muted); } header p { overflow-wrap: anywhere; margin: 4px 0; }
.good { color: var(--good); } .bad { color: var(--bad); }
.facts { display: flex; flex-wrap: wrap; gap: 12px; margin: 16px 0; }
.facts div { border: 1px solid var(--line); border-radius: 8px; padding: 8px 16px; min-width: 120px; }
dt { color: var(--muted); font-size: 13px; } dd { margin: 0; font-size: 22px; font-weight: 600; }
.checks { list-style: none; padding: 0; } .note { margin: 6px 0; }
table { border-collapse: collapse; width: 100%; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 4px 8px; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
th { color: var(--muted); font-weight: 600; } .number { text-align: right; white-space: nowrap; }
figure { margin: 16px 0; } figcaption { font-size: 13px; margin-bottom: 4px; } svg { width: 100%; height: auto; display: block; }
.grid { stroke: var(--line); } .tick, .axis { fill: var(--muted); font-size: 11px; }
.line { fill: none; stroke-width: 1.8; stroke: var(--c); } .dashed { stroke-dasharray: 5 4; } .dot, .part { fill: var(--c); }
.band { fill: var(--c); fill-opacity: .18; stroke: none; } .heat { fill: var(--c1); } .frame { fill: none; stroke: var(--line); }
.part { stroke: var(--bg); stroke-width: 1; } .legend { font-size: 13px; margin: 4px 0; }
.key { display: inline-block; width: 11px; height: 11px; border-radius: 2px; margin: 0 6px 0 8px; background: var(--c); }
.color0 { --c: var(--c0); } .color1 { --c: var(--c1); } .color2 { --c: var(--c2); } .color3 { --c: var(--c3); } .color4 { --c: var(--c4); } .color5 { --c: var(--c5); }
@media print { body { background: #fff; font-size: 11px; } main { max-width: none; padding: 0; } section, figure, tr { break-inside: avoid; } * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
`.trim();

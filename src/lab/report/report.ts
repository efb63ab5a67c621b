import { tmpdir } from 'node:os';
import { type Machine, machineOf } from '../machine.ts';
import { counted } from './amounts.ts';
import { readAsset } from './assets.ts';
import { Html, html } from './html.ts';
import { list } from './list.ts';
import { type ReportRun, runMarkup, runSection } from './run-section.ts';
import { summaryTable } from './summary-table.ts';

/** Bars in all lanes of a report: about 15 bytes each. */
const MOST_SPANS = 200_000;
/** However many runs there are, each shows so many. */
const LEAST_SPANS = 2_000;
const HEADING = new Html('<h1>Stress report</h1>');

/** Whether a file is such a page. */
export function isReport(file: Buffer): boolean {
  return file.includes(HEADING.text);
}

/**
 * A page about runs of the lab: one HTML file with all that it needs in it, which loads nothing and may load nothing.
 * `machine`: what they ran on; default: this one.
 */
export function makeReport(runs: readonly ReportRun[], machine: Machine = machineOf(placeOf(runs))): string {
  const sections = runs.map((run, i) => runSection(run, `run-${i + 1}`, shareOf(run, runs)));
  const failed = runs.filter(({ result }) => !result.ok).length;
  const names = [...new Set(runs.map(({ result }) => result.scenario))];
  const title = `${failed > 0 ? 'FAIL' : 'PASS'}: ${names.length === 1 ? names[0] : counted(runs.length, 'run')}`;
  const [script, style] = [readAsset('page.js'), readAsset('page.css')];
  const policy = `default-src 'none'; script-src ${script.hash}; style-src ${style.hash}; img-src data:; base-uri 'none'; form-action 'none'`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${new Html(style.text)}</style>
</head>
<body>
<header class="top">
${HEADING}
<p class="facts">${counted(runs.length, 'run')}, ${failed === 0 ? 'all hold' : `${failed} failed`} · made ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC</p>
</header>
<main>
${sections.length > 1 && summaryTable(sections)}
${sections.map(runMarkup)}
<section class="run" aria-labelledby="machine"><h2 id="machine">Machine</h2>
${list('facts-list', machineFacts(machine))}
</section>
</main>
<footer><p class="quiet">Made by jsonl-wal. Charts by uPlot, © Leon Sorokin, MIT licence: its text is in this file's script.</p></footer>
<div class="unseen" aria-live="polite" id="told"></div>
<script>${new Html(script.text)}</script>
</body>
</html>
`.text;
}

/** Where the runs were, or would be by default. */
function placeOf(runs: readonly ReportRun[]): string {
  return runs.find(({ result }) => result.directory !== undefined)?.result.directory ?? tmpdir();
}

/** Long runs may have more than short ones. */
function shareOf({ record }: ReportRun, runs: readonly ReportRun[]): number {
  const sizeOf = ({ operations, turns }: ReportRun['record']) => operations.length + turns.length;
  const all = runs.reduce((sum, { record }) => sum + sizeOf(record), 0);
  if (all <= MOST_SPANS) return MOST_SPANS;
  return Math.max(LEAST_SPANS, Math.floor((MOST_SPANS * sizeOf(record)) / all));
}

function machineFacts({ cpu, cores, memoryGB, system, node, fileSystem }: Machine): [string, string][] {
  return [
    ['processor', cpu],
    ['cores', String(cores)],
    ['memory', `${memoryGB} GB`],
    ['system', system],
    ['Node', node],
    ['file system', fileSystem],
  ];
}

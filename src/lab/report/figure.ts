import { type Html, html, type Part } from './html.ts';

export interface Figure {
  /** Which chart of the page's script is drawn in it. */
  readonly chart: 'timeline' | 'throughput' | 'latency';
  /** Of the run. */
  readonly anchor: string;
  /** Lanes of the timeline. */
  readonly lanes?: number;
  readonly title: string;
  /** What the chart shows, for those who do not see it. */
  readonly summary: Part;
  readonly legend: Part;
  /** Under the chart. */
  readonly more: Part;
}

const KEYS = 'Keys on a chart: arrows move, + and - zoom, 0 shows all.';

/** A chart's place in the page, with its text and tables; the page's script draws the chart, and brings the buttons to life. */
export function figure({ chart, anchor, lanes, title, summary, legend, more }: Figure): Html {
  const id = `${anchor}-${chart}`;
  return html`<figure class="chart" id="${id}" data-chart="${chart}" data-run="${anchor}"${lanes !== undefined && html` data-lanes="${lanes}"`}>
<figcaption>
<h3>${title}</h3>
<p class="summary" id="${id}-summary">${summary}</p>
</figcaption>
${legend}
<div class="plot" aria-label="${title}" aria-describedby="${id}-summary ${id}-keys">
<p class="quiet">The picture needs JavaScript; the tables say the same.</p>
</div>
<div class="controls" hidden>
<button type="button" data-act="in" aria-label="Zoom in" aria-describedby="${id}-told">+</button>
<button type="button" data-act="out" aria-label="Zoom out" aria-describedby="${id}-told">−</button>
<button type="button" data-act="back" aria-label="Move left">←</button>
<button type="button" data-act="on" aria-label="Move right">→</button>
<button type="button" data-act="all">Show all</button>
<p class="pointed" aria-hidden="true"></p>
<p class="told" id="${id}-told"></p>
<p class="${chart === 'timeline' ? 'keys' : 'unseen'}" id="${id}-keys">${KEYS} Or drag over a stretch of it, pinch, or turn the wheel with Ctrl held.</p>
</div>
${more}
</figure>
`;
}

/** A key of the legend: a swatch whose look the style sheet gives. */
export function swatch(look: string, word: Part): Html {
  return html`<li><svg class="swatch" viewBox="0 0 18 12" aria-hidden="true"><rect class="${look}" width="18" height="12"/></svg>${word}</li>`;
}

// The page's script: draws each chart when it comes near to the screen.
import { duration, moment } from '../amounts.ts';
import type { RunData } from '../run-data.ts';
import { drawLatency, LATENCY_HEIGHT } from './latency.ts';
import type { Drawn, Place } from './place.ts';
import { steerByHand, steerByPointer } from './steering.ts';
import { drawThroughput, THROUGHPUT_HEIGHT } from './throughput.ts';
import { drawTimeline, timelineHeight } from './timeline.ts';
import { View } from './view.ts';

interface Run {
  readonly data: RunData;
  readonly time: View;
  readonly latency: View;
}

interface Kind {
  readonly draw: (place: Place, data: RunData) => Drawn;
  readonly height: (lanes: number) => number;
  readonly viewOf: (run: Run) => View;
  /** What is shown, in words. */
  readonly shown: (view: View) => string;
}

const shownTime = ({ from, to, length, isWhole, last, first }: View) =>
  isWhole
    ? 'The whole run is shown.'
    : `Shown: ${moment(from, length / 100)} to ${moment(to, length / 100)}, ${duration(length)} of ${duration(last - first)}.`;
const shownLatency = ({ from, to, isWhole }: View) =>
  isWhole ? 'All latencies are shown.' : `Shown: ${duration(10 ** from)} to ${duration(10 ** to)}.`;

const KINDS: Readonly<Record<string, Kind>> = {
  timeline: { draw: drawTimeline, height: timelineHeight, viewOf: ({ time }) => time, shown: shownTime },
  throughput: {
    draw: drawThroughput,
    height: () => THROUGHPUT_HEIGHT,
    viewOf: ({ time }) => time,
    shown: shownTime,
  },
  latency: {
    draw: drawLatency,
    height: () => LATENCY_HEIGHT,
    viewOf: ({ latency }) => latency,
    shown: shownLatency,
  },
};

const element = (within: ParentNode, selector: string) => within.querySelector(selector) as HTMLElement;
const runs = new Map<string, Run>();

function runOf(anchor: string): Run {
  const known = runs.get(anchor);
  if (known !== undefined) return known;
  const data = JSON.parse(document.getElementById(`${anchor}-data`)?.textContent ?? '') as RunData;
  const edges = data.latency.edges.map(Math.log10);
  const run: Run = {
    data,
    time: new View(data.from, data.to, 20),
    latency: new View(edges[0] ?? 0, edges.at(-1) ?? 1, 0.2),
  };
  runs.set(anchor, run);
  return run;
}

function draw(figure: HTMLElement): void {
  const kind = KINDS[figure.dataset.chart ?? ''] as Kind;
  const run = runOf(figure.dataset.run ?? '');
  const view = kind.viewOf(run);
  const plot = element(figure, '.plot');
  const told = element(figure, '.told');
  const pointed = element(figure, '.pointed');
  const { chart, note } = kind.draw(
    {
      plot,
      view,
      tell: (text) => {
        pointed.textContent = text;
      },
    },
    run.data,
  );
  const describe = () => {
    const text = `${kind.shown(view)} ${note()}`.trim();
    if (told.textContent !== text) told.textContent = text;
  };
  chart.hooks.draw?.push(describe);
  describe();
  // Said aloud for the chart that was steered, not for those that follow it; a frame later, when it is drawn.
  const say = () =>
    requestAnimationFrame(() => {
      element(document, '#told').textContent = told.textContent;
    });
  steerByHand(plot, element(figure, '.controls'), view, say);
  steerByPointer(chart, view);
}

const watch = new IntersectionObserver(
  (seen) => {
    for (const { isIntersecting, target } of seen) {
      if (!isIntersecting) continue;
      watch.unobserve(target);
      draw(target as HTMLElement);
    }
  },
  { rootMargin: '800px' },
);
for (const figure of document.querySelectorAll<HTMLElement>('figure.chart')) {
  const kind = KINDS[figure.dataset.chart ?? ''] as Kind;
  // Room is made before anything is drawn, so that nothing jumps.
  const plot = element(figure, '.plot');
  plot.replaceChildren();
  plot.style.minHeight = `${kind.height(Number(figure.dataset.lanes))}px`;
  watch.observe(figure);
}

import uPlot from 'uplot';
import { colour, FONT } from './palette.ts';
import type { View } from './view.ts';

/** Pixels that every chart keeps free at its left, so that those of one axis stand one above the other. */
const LEFT = 96;
export const X_AXIS_HEIGHT = 32;

export interface ChartOptions {
  readonly place: HTMLElement;
  readonly view: View;
  readonly height: number;
  readonly data: uPlot.AlignedData;
  readonly series?: readonly uPlot.Series[];
  readonly x: uPlot.Axis;
  readonly y: uPlot.Axis;
  readonly yScale: uPlot.Scale;
  readonly draw?: (chart: uPlot) => void;
  /** The pointer is over a place of the axis, or (undefined) over none. */
  readonly point: (chart: uPlot, at: number | undefined) => void;
}

/** A chart that shows what its view shows, as wide as its place. */
export function makeChart(options: ChartOptions): uPlot {
  const { place, view, height, data, series = [], x, y, yScale, draw, point } = options;
  const axis = (own: uPlot.Axis): uPlot.Axis => ({
    font: FONT,
    stroke: () => colour('soft'),
    grid: { stroke: () => colour('line'), width: 1 },
    ticks: { stroke: () => colour('line'), width: 1, size: 4 },
    ...own,
  });
  const chart = new uPlot(
    {
      width: widthOf(place),
      height,
      padding: [4, 24, 0, 0],
      legend: { show: false },
      scales: { x: { time: false, auto: false, min: view.from, max: view.to }, y: yScale },
      axes: [axis({ size: X_AXIS_HEIGHT, ...x }), axis({ size: LEFT, ...y })],
      series: [{}, ...series],
      cursor: {
        y: false,
        points: { show: false },
        drag: { x: true, y: false, setScale: false },
        bind: {
          dblclick: () => () => {
            view.showAll();
            return null;
          },
        },
      },
      hooks: {
        draw: [(chart) => draw?.(chart)],
        setCursor: [(chart) => point(chart, pointedAt(chart))],
        setSelect: [
          (chart) => {
            const { left, width } = chart.select;
            if (width < 2) return;
            chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            view.show(chart.posToVal(left, 'x'), chart.posToVal(left + width, 'x'));
          },
        ],
      },
    },
    data,
    place,
  );
  view.onChange(() => chart.setScale('x', { min: view.from, max: view.to }));
  new ResizeObserver(() => {
    const width = widthOf(place);
    if (width !== chart.width) chart.setSize({ width, height });
  }).observe(place);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => chart.redraw(false, true));
  return chart;
}

function widthOf(place: HTMLElement): number {
  return Math.max(160, Math.floor(place.clientWidth));
}

function pointedAt(chart: uPlot): number | undefined {
  const { left = -1 } = chart.cursor;
  return left < 0 ? undefined : chart.posToVal(left, 'x');
}

/** From values of an axis to device pixels of the canvas, faster than uPlot's own for very many. */
export function toPixels(chart: uPlot): (value: number) => number {
  const { left, width } = chart.bbox;
  const { min = 0, max = 1 } = chart.scales.x as uPlot.Scale;
  const each = width / (max - min);
  return (value) => left + (value - min) * each;
}

/** Draws in the chart's frame only. */
export function inFrame(chart: uPlot, draw: (context: CanvasRenderingContext2D) => void): void {
  const { left, top, width, height } = chart.bbox;
  chart.ctx.save();
  chart.ctx.beginPath();
  chart.ctx.rect(left, top, width, height);
  chart.ctx.clip();
  draw(chart.ctx);
  chart.ctx.restore();
}

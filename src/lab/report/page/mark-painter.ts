import type uPlot from 'uplot';
import { MARK_KINDS, MARK_SIGNS, type MarkKind } from '../marks.ts';
import type { RunData } from '../run-data.ts';
import { toPixels } from './chart.ts';
import { colour } from './palette.ts';

/** Pixels of a sign, and of the picture it is in. */
const SIGN_SIZE = 10;
const STAMP_SIZE = 16;
/** More signs in view than that are drawn smaller. */
const CROWD = 500;

/** Every mark in view, as a sign in its lane; what was done to nobody in particular with a line through all lanes. */
export function paintMarks(
  chart: uPlot,
  context: CanvasRenderingContext2D,
  marks: RunData['marks'],
  middleOf: (lane: number) => number,
  laneHeight: number,
): void {
  const { min = 0, max = 0 } = chart.scales.x as uPlot.Scale;
  const { top, height } = chart.bbox;
  const x = toPixels(chart);
  const inView = marks.filter(([at]) => at >= min && at <= max);
  const size = inView.length > CROWD ? 0.6 : Math.min(1.1, Math.max(0.8, laneHeight / SIGN_SIZE));
  const scale = devicePixelRatio * size;
  const stamps = new Map(MARK_KINDS.map((kind) => [kind, stampOf(kind, scale)]));
  for (const [at, kind, lane] of inView) {
    const stamp = stamps.get(kind) as HTMLCanvasElement;
    const place = Math.round(x(at));
    if (lane < 0) {
      context.fillStyle = colour(kind);
      context.fillRect(place, top, devicePixelRatio, height);
    }
    const middle = Math.round(top + middleOf(lane) * devicePixelRatio);
    context.drawImage(stamp, place - stamp.width / 2, middle - stamp.height / 2);
  }
}

/** A sign, ready to be put down often: drawing it each time takes much longer. */
function stampOf(kind: MarkKind, scale: number): HTMLCanvasElement {
  const stamp = document.createElement('canvas');
  stamp.width = stamp.height = 2 * Math.ceil((STAMP_SIZE * scale) / 2);
  const context = stamp.getContext('2d') as CanvasRenderingContext2D;
  context.translate(stamp.width / 2, stamp.height / 2);
  context.scale(scale, scale);
  const shape = new Path2D(MARK_SIGNS[kind].path);
  context.lineWidth = 2.5;
  context.lineJoin = 'round';
  context.strokeStyle = colour('card');
  context.stroke(shape);
  context.fillStyle = colour(kind);
  context.fill(shape);
  return stamp;
}

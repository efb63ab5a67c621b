import type uPlot from 'uplot';
import { OUTCOMES, type RunData } from '../run-data.ts';
import { inFrame, toPixels } from './chart.ts';
import { eachVisible } from './each-visible.ts';
import { paintMarks } from './mark-painter.ts';
import { colour } from './palette.ts';
import { Spans } from './spans.ts';

/** Pixels of the row above the lanes: for what was done to nobody in particular. */
export const HEAD = 20;
/** How much of its colour a bar has at least. */
const PALEST = 0.2;

export interface PaintedLane {
  readonly name: string;
  readonly role: string;
  readonly turns: Spans;
  readonly waited: readonly number[];
  readonly operations: Spans;
  /** A place in OUTCOMES for each operation. */
  readonly outcomes: Uint8Array;
}

export function paintedLanes({ lanes }: RunData): PaintedLane[] {
  return lanes.map(({ name, role, turns, operations }) => ({
    name,
    role,
    turns: new Spans(turns),
    waited: turns.waited,
    operations: new Spans(operations),
    outcomes: Uint8Array.from(operations.outcome, Number),
  }));
}

/** Paints the lanes; answers how many bars had no pixel of their own. */
export class LanePainter {
  readonly #data: RunData;
  readonly #lanes: readonly PaintedLane[];
  readonly #laneHeight: number;
  /** Bars that were drawn as one with another, last time. */
  hidden = 0;

  constructor(data: RunData, lanes: readonly PaintedLane[], laneHeight: number) {
    this.#data = data;
    this.#lanes = lanes;
    this.#laneHeight = laneHeight;
  }

  paint(chart: uPlot): void {
    this.hidden = 0;
    inFrame(chart, (context) => {
      this.#paintOverlaps(chart, context);
      this.#paintOperations(chart, context);
      this.#paintTurns(chart, context);
      this.#paintAway(chart, context);
      paintMarks(chart, context, this.#data.marks, (lane) => this.#middleOf(lane), this.#laneHeight);
    });
  }

  /** In CSS pixels from the frame's top. */
  #middleOf(lane: number): number {
    return lane < 0 ? HEAD / 2 : HEAD + (lane + 0.5) * this.#laneHeight;
  }

  #paintOverlaps(chart: uPlot, context: CanvasRenderingContext2D): void {
    const { top, height } = chart.bbox;
    const x = toPixels(chart);
    context.fillStyle = colour(this.#data.hasLock ? 'many-wash' : 'free-wash');
    let drawnTo = -Infinity;
    for (const [from, to] of this.#data.overlaps) {
      const end = Math.max(Math.floor(x(from)) + devicePixelRatio, Math.round(x(to)));
      const begin = Math.max(drawnTo, Math.floor(x(from)));
      if (end > begin) context.fillRect(begin, top, end - begin, height);
      drawnTo = Math.max(drawnTo, end);
    }
  }

  /** From a kill to the restart, and from a stop to the continuation. */
  #paintAway(chart: uPlot, context: CanvasRenderingContext2D): void {
    const x = toPixels(chart);
    const since = new Map<number, number>();
    const paint = (lane: number, from: number, to: number) => {
      const { top, height } = this.#barOf(chart, lane, 1);
      context.fillRect(x(from), top, x(to) - x(from), height);
    };
    context.fillStyle = colour('away');
    for (const [at, kind, lane] of this.#data.marks) {
      const from = since.get(lane);
      if (from !== undefined && (kind === 'restarted' || kind === 'continued')) {
        paint(lane, from, at);
        since.delete(lane);
      } else if (kind === 'killed' || kind === 'stopped') since.set(lane, from ?? at);
    }
    for (const [lane, from] of since) paint(lane, from, this.#data.to);
  }

  #paintOperations(chart: uPlot, context: CanvasRenderingContext2D): void {
    const colours = OUTCOMES.map((outcome) => colour(`op-${outcome}`));
    for (const [lane, { operations, outcomes }] of this.#lanes.entries()) {
      const bar = this.#barOf(chart, lane, 0.72);
      // The worse over the better: one that failed is not hidden by many that did not.
      for (const [outcome, fill] of colours.entries()) {
        context.fillStyle = fill;
        this.hidden += eachVisible(
          chart,
          operations,
          (from, to, share) => {
            context.globalAlpha = Math.max(PALEST, share);
            context.fillRect(from, bar.top, to - from, bar.height);
          },
          (i) => outcomes[i] === outcome,
        );
      }
    }
    context.globalAlpha = 1;
  }

  #paintTurns(chart: uPlot, context: CanvasRenderingContext2D): void {
    const x = toPixels(chart);
    const wait = colour('wait');
    const hold = colour('hold');
    for (const [lane, { turns, waited }] of this.#lanes.entries()) {
      const thin = this.#barOf(chart, lane, 0.26);
      const thick = this.#barOf(chart, lane, 0.72);
      context.fillStyle = wait;
      let drawnTo = -Infinity;
      const { min = 0, max = 0 } = chart.scales.x as uPlot.Scale;
      for (let i = turns.firstReaching(min); i < turns.count; i++) {
        const from = (turns.from[i] as number) - (waited[i] as number);
        if (from > max) break;
        const [left, right] = [Math.max(drawnTo, x(from)), x(turns.from[i] as number)];
        if (right - left < 0.5) continue;
        context.fillRect(left, thin.top, right - left, thin.height);
        drawnTo = right;
      }
      context.fillStyle = hold;
      this.hidden += eachVisible(chart, turns, (from, to, share) => {
        context.globalAlpha = Math.max(PALEST, share);
        context.fillRect(from, thick.top, to - from, thick.height);
      });
      context.globalAlpha = 1;
    }
  }

  /** The part of a lane, in device pixels, that a bar of such a share of its height takes. */
  #barOf({ bbox }: uPlot, lane: number, share: number): { readonly top: number; readonly height: number } {
    const height = Math.max(1, Math.round(this.#laneHeight * share * devicePixelRatio));
    return { top: Math.round(bbox.top + this.#middleOf(lane) * devicePixelRatio - height / 2), height };
  }
}

import type uPlot from 'uplot';
import { moment } from '../amounts.ts';
import type { View } from './view.ts';

/** An axis of microseconds. */
export function timeAxis(view: View): uPlot.Axis {
  return {
    space: 84,
    incrs: Array.from({ length: 12 }, (_, power) => [1, 2, 5].map((factor) => factor * 10 ** power)).flat(),
    values: (_, splits) => {
      const step = (splits[1] ?? view.to) - (splits[0] ?? view.from);
      return splits.map((at) => (at === 0 ? '0' : moment(at, step)));
    },
  };
}

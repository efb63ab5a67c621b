import type uPlot from 'uplot';
import type { View } from './view.ts';

/** Where a chart is drawn, and what it shows. */
export interface Place {
  readonly plot: HTMLElement;
  readonly view: View;
  /** Says what the pointer is on. */
  readonly tell: (pointed: string) => void;
}

export interface Drawn {
  readonly chart: uPlot;
  /** What is to be said of how it is drawn just now. */
  readonly note: () => string;
}

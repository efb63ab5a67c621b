import type { Preceding } from '../log/pending.ts';
import { Overlay } from './overlay.ts';
import { recordsIn } from './records.ts';
import type { State } from './state.ts';
import type { View } from './view.ts';

/** The table as it will be once the lines that precede in the write being made have landed. */
export class Speculation<V> {
  #overlay: Overlay<V> | undefined;
  #round = 0;
  #lines = 0;

  /** `state` must be at the log's head. Throws what the fold throws. */
  over(state: State<V>, preceding: Preceding): View<V> {
    if (preceding.count === 0) return state;
    if (this.#overlay === undefined || this.#round !== preceding.round) {
      this.#overlay = new Overlay(state.fold, state);
      this.#round = preceding.round;
      this.#lines = 0;
    }
    const overlay = this.#overlay;
    for (; this.#lines < preceding.count; this.#lines++) {
      preceding.visitLine(this.#lines, (bytes, start, end) => {
        for (const record of recordsIn(bytes, start, end, state.seq + 1)) overlay.apply(record);
      });
    }
    return overlay;
  }
}

import type { Preceding } from '../log/pending.ts';
import { Overlay } from './overlay.ts';
import { recordsIn } from './records.ts';
import type { State } from './state.ts';
import type { View } from './view.ts';

/** The table as it will be once what precedes in the write that is being made has landed. */
export class Speculation<V> {
  #overlay: Overlay<V> | undefined;
  #round = 0;
  #lines = 0;

  /** `state`: at the log's head. Throws what the fold does. */
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

import { lastIndexWhere } from '../../table/sorted.ts';
import type { Operation } from './operation.ts';
import type { Writes } from './writes.ts';

/** What became of an idempotency key. */
export interface KeyLife {
  /** The writes that had it. */
  readonly tries: number[];
  /** The first entries of those that are there, in order. */
  readonly places: number[];
  /** Whether there may be another, compacted away, whose number nobody was told. */
  isDoubtful: boolean;
}

interface KeysParts {
  readonly writes: Writes;
  /** The first number that can be read. */
  readonly oldest: number;
  /** Among how many of the last entries a key is found. */
  readonly keyWindow?: number;
}

/** The keys that were appended with, and what the log knew of them. */
export class Keys {
  readonly #lives = new Map<string, KeyLife>();
  readonly #window: number;

  /** @internal */
  constructor({ writes, oldest, keyWindow = Infinity }: KeysParts) {
    this.#window = keyWindow;
    for (const write of writes.keyed) {
      const { key = '', duplicate, outcome } = writes.operations[write] as Operation;
      const life = this.#lives.get(key) ?? { tries: [], places: [], isDoubtful: false };
      this.#lives.set(key, life);
      life.tries.push(write);
      if (duplicate || outcome === 'refused') continue;
      const place = writes.placeOf(write, 0);
      if (place !== 0) life.places.push(place);
      else life.isDoubtful ||= oldest > 1;
    }
    for (const { places } of this.#lives.values()) places.sort((a, b) => a - b);
  }

  lives(): Iterable<KeyLife> {
    return this.#lives.values();
  }

  /** The entry by which the log knew the key when it ended at that number; undefined where it knew it by none, so far as can be told. */
  knownAt(key: string | undefined, seq: number): number | undefined {
    const places = this.#placesOf(key);
    const place = places[lastIndexWhere(places, (each) => each <= seq)];
    return place !== undefined && place > seq - this.#window ? place : undefined;
  }

  /** The number after that one with which the log came to know the key, or to forget it. */
  nextChange(key: string | undefined, seq: number): number {
    const places = this.#placesOf(key);
    const at = lastIndexWhere(places, (each) => each <= seq);
    const forgotten = (places[at] ?? Infinity) + this.#window;
    return Math.min(places[at + 1] ?? Infinity, forgotten > seq ? forgotten : Infinity);
  }

  #placesOf(key: string | undefined): readonly number[] {
    return (key === undefined ? undefined : this.#lives.get(key)?.places) ?? [];
  }
}

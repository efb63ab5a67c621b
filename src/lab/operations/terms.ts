import type { Ability } from '../target.ts';
import type { Heads } from './heads.ts';
import type { Keys } from './keys.ts';
import { Lives, type LivesParts, type Standing } from './lives.ts';
import type { Operation } from './operation.ts';
import type { Writes } from './writes.ts';

interface TermsParts extends LivesParts {
  readonly writes: Writes;
  readonly heads: Heads;
  readonly keys: Keys;
  /** The last number there is. */
  readonly head: number;
  readonly can: readonly Ability[];
}

/** Whether the log was, at some moment, as appends expected it. */
export class Terms {
  readonly #parts: TermsParts;
  readonly #lives: Lives;
  readonly #hasRevs: boolean;

  /** @internal */
  constructor(parts: TermsParts) {
    const { writes, can } = parts;
    const expecting = writes.expecting.map((write) => writes.operations[write] as Operation);
    this.#parts = parts;
    this.#hasRevs = can.includes('rev');
    this.#lives = new Lives(
      parts,
      expecting.filter(({ expect }) => expect?.rev !== undefined).map((operation) => idOf(operation)),
    );
  }

  /** Whether it was when the log ended at that number; undefined where that cannot be known any more. */
  wereMet(operation: Operation, seq: number): boolean | undefined {
    const { expect = {} } = operation;
    if (expect.rev !== undefined) {
      const there = this.standing(operation, seq);
      // A rev that is no number of an entry is known by who wrote that.
      return (
        there &&
        (this.#hasRevs || expect.from === undefined ? there.rev === expect.rev : there.by === expect.from)
      );
    }
    if (expect.seq !== seq) return false;
    return expect.crc === undefined || this.#parts.heads.isOnly({ seq, crc: expect.crc }) || undefined;
  }

  /** What the id was, of which it was expected. */
  standing(operation: Operation, seq: number): Standing | undefined {
    return this.#lives.at(idOf(operation), seq);
  }

  /** The entry by which the log knew the operation's key when it ended at that number: what it expects is not asked then. */
  keyAt({ key }: Operation, seq: number): number | undefined {
    return this.#parts.keys.knownAt(key, seq);
  }

  /** The number after that one with which the log ended next and the answer may be another. */
  nextChange(operation: Operation, seq: number): number {
    const { heads, head } = this.#parts;
    const { expect, key } = operation;
    let next =
      expect?.rev === undefined
        ? seq + 1
        : Math.min(this.#lives.nextOf(idOf(operation), seq), this.#parts.keys.nextChange(key, seq));
    while (next < head && !heads.wasHead(next)) next++;
    return next;
  }
}

function idOf({ entries }: Operation): string {
  return entries[0]?.id ?? '';
}

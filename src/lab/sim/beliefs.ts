import type { Wal } from '../../index.ts';
import { faultsIn } from '../told.ts';

/** The id that many increment. */
export const COUNTER = 'counter';

/** What the processes were told, which crashes change nothing of, and what must therefore hold. */
export class Beliefs {
  readonly #tried = new Set<string>([COUNTER]);
  /** Seqs by id. */
  readonly #acknowledged = new Map<string, number>();
  readonly #refused = new Set<string>();
  #increments = 0;

  tried(ids: readonly string[]): void {
    for (const id of ids) this.#tried.add(id);
  }

  /** `seq`: of the first of them. */
  acknowledged(ids: readonly string[], seq: number): void {
    for (const [i, id] of ids.entries()) this.#acknowledged.set(id, seq + i);
  }

  /** It was told that nothing was written. */
  refused(ids: readonly string[]): void {
    for (const id of ids) this.#refused.add(id);
  }

  incremented(): void {
    this.#increments++;
  }

  /** What does not hold in the log as it is there now. */
  async faultsIn(wal: Wal): Promise<string[]> {
    const faults = await faultsIn(wal, {
      acknowledged: this.#acknowledged,
      tried: this.#tried,
      refused: this.#refused,
      repeated: COUNTER,
    });
    const { value = 0, version = 0 } =
      (await wal.table<number>()).list().find(({ id }) => id === COUNTER) ?? {};
    if (value !== version) faults.push(`the counter is ${value} after ${version} increments`);
    if (version < this.#increments)
      faults.push(`${this.#increments} increments were acknowledged, and ${version} are there`);
    return faults;
  }
}

import type { Wal } from '../../index.ts';

/** The id that many increment. */
export const COUNTER = 'counter';

/** What the processes were told, and what must therefore hold. */
export class Beliefs {
  readonly #tried = new Set<string>([COUNTER]);
  /** Seqs by id. */
  readonly #acknowledged = new Map<string, number>();
  readonly #refused = new Set<string>();
  #increments = 0;

  tried(ids: readonly string[]): void {
    for (const id of ids) this.#tried.add(id);
  }

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

  /** What was told before stands. */
  crashed(): void {}

  /** What does not hold in the log as it is there now. */
  async faultsIn(wal: Wal): Promise<string[]> {
    const faults: string[] = [];
    const table = await wal.table<unknown>();
    const items = new Map(table.list().map((item) => [item.id, item]));
    for (const [id, seq] of this.#acknowledged) {
      const rev = items.get(id)?.rev;
      if (rev === undefined) faults.push(`${id} was acknowledged as entry ${seq}, and is lost`);
      else if (rev !== seq) faults.push(`${id} was acknowledged as entry ${seq}, and is entry ${rev}`);
    }
    for (const { id, version, value } of items.values()) {
      if (!this.#tried.has(id)) faults.push(`${id} is there, which nobody wrote`);
      if (this.#refused.has(id)) faults.push(`${id} is there, and was told as not written`);
      if (id === COUNTER && value !== version)
        faults.push(`the counter is ${value} after ${version} increments`);
      if (id !== COUNTER && version !== 1) faults.push(`${id} is there ${version} times`);
    }
    const counted = items.get(COUNTER)?.version ?? 0;
    if (counted < this.#increments)
      faults.push(`${this.#increments} increments were acknowledged, and ${counted} are there`);
    const { error, missing } = await wal.verify();
    if (error !== undefined) faults.push(`verify: ${error.message}`);
    for (const { from, to } of missing) faults.push(`verify: entries ${from} to ${to} are missing`);
    return faults;
  }
}

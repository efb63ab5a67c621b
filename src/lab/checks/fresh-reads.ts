import { lastIndexWhere } from '../../table/sorted.ts';
import { type Evidence, nameOf } from '../operations/evidence.ts';
import type { Operation, Sight } from '../operations/operation.ts';
import { type Check, type Fault, telling } from './check.ts';

/**
 * No read goes back: it sees what was acknowledged before it began, and what any read that ended before it began had
 * seen; and it sees nothing that was not yet begun when it ended.
 */
export const freshReads: Check = {
  name: 'no read goes back, or ahead',
  examine: telling((evidence, fault) => {
    const reads = readsIn(evidence);
    stale(reads, evidence, fault);
    early(reads, evidence, fault);
  }),
};

interface Read {
  readonly operation: Operation;
  /** The last number that it saw. */
  readonly seq: number;
}

function readsIn({ reads, oldest }: Evidence): Read[] {
  const known: Read[] = [];
  for (const operation of reads) {
    const saw = operation.saw as Sight;
    // Where all that it knew of had been compacted away, it saw nothing, and need not have missed anything.
    if ('from' in saw && saw.to < saw.from && oldest > 1) continue;
    const seq = 'from' in saw ? (saw.toEnd ? saw.to : undefined) : saw.seq;
    if (seq !== undefined) known.push({ operation, seq });
  }
  return known;
}

function stale(reads: readonly Read[], { writes }: Evidence, fault: Fault): void {
  const times = Float64Array.from(reads, ({ operation }) => operation.start);
  const order = [...reads.keys()].sort((a, b) => (times[a] as number) - (times[b] as number));
  const starts = times.toSorted();
  /** For each read in that order: of what had ended before it began, and not before the one ahead of it, what knew of most. */
  const newest: (Read | undefined)[] = new Array(reads.length + 1);
  const note = (end: number, seq: number, operation: Operation) => {
    const next = lastIndexWhere(starts, (start) => start <= end) + 1;
    if (seq > (newest[next]?.seq ?? 0)) newest[next] = { operation, seq };
  };
  for (const { operation, seq } of reads) note(operation.end, seq, operation);
  for (let write = 0; write < writes.count; write++) {
    if (writes.outcomes[write] !== 'acknowledged' || writes.toldOf(write) === 0) continue;
    const seq = writes.placeOf(write, writes.toldOf(write) - 1);
    note(writes.ends[write] as number, seq, writes.operations[write] as Operation);
  }
  let best: Read | undefined;
  for (const [i, read] of order.entries()) {
    const { operation, seq } = reads[read] as Read;
    if ((newest[i]?.seq ?? 0) > (best?.seq ?? 0)) best = newest[i];
    if (best !== undefined && seq < best.seq)
      fault(
        `${nameOf(operation)} saw entries up to ${seq}, though ${nameOf(best.operation)} had ended before it began, and knew of ${best.seq}`,
      );
  }
}

function early(reads: readonly Read[], { writes, head }: Evidence, fault: Fault): void {
  /** For each number, when the latest of those up to it was begun. */
  const begun = new Float64Array(head + 1);
  writes.forEachPlace((place, write) => {
    if (place <= head) begun[place] = writes.starts[write] as number;
  });
  for (let seq = 1; seq <= head; seq++) begun[seq] = Math.max(begun[seq] as number, begun[seq - 1] as number);
  for (const { operation, seq } of reads) {
    if ((begun[Math.min(seq, head)] as number) > operation.end)
      fault(`${nameOf(operation)} saw entries up to ${seq}, one of which was not begun yet`);
  }
}

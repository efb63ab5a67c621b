import { type Evidence, nameOf } from '../operations/evidence.ts';
import type { Operation } from '../operations/operation.ts';
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

function readsIn({ operations, oldest }: Evidence): Read[] {
  const reads: Read[] = [];
  for (const operation of operations) {
    const { saw } = operation;
    if (saw === undefined) continue;
    // Where all that it knew of had been compacted away, it saw nothing, and need not have missed anything.
    if ('from' in saw && saw.to < saw.from && oldest > 1) continue;
    const seq = 'from' in saw ? (saw.toEnd ? saw.to : undefined) : saw.seq;
    if (seq !== undefined) reads.push({ operation, seq });
  }
  return reads;
}

function stale(reads: readonly Read[], { writes }: Evidence, fault: Fault): void {
  const known = reads.map(({ operation }) => operation);
  const seqs = reads.map(({ seq }) => seq);
  for (const write of writes) {
    const { operation } = write;
    if (operation.outcome !== 'acknowledged' || operation.entries.length === 0) continue;
    const seq = write.placeOf(operation.entries.length - 1);
    if (seq === 0) continue;
    known.push(operation);
    seqs.push(seq);
  }
  const byEnd = inOrder(known, 'end');
  let next = 0;
  let newest = -1;
  for (const at of inOrder(known.slice(0, reads.length), 'start')) {
    const { operation, seq } = reads[at] as Read;
    for (; next < byEnd.length; next++) {
      const item = byEnd[next] as number;
      if ((known[item] as Operation).end >= operation.start) break;
      if (newest === -1 || (seqs[item] as number) > (seqs[newest] as number)) newest = item;
    }
    if (newest !== -1 && seq < (seqs[newest] as number))
      fault(
        `${nameOf(operation)} saw entries up to ${seq}, though ${nameOf(known[newest] as Operation)} had ended before it began, and knew of ${seqs[newest]}`,
      );
  }
}

/**
 * The indexes of the operations, in the order of one of their times. A plain array: its sort goes by what is in order already, as each
 * client's operations are, which a typed array's does not.
 */
function inOrder(operations: readonly Operation[], time: 'start' | 'end'): number[] {
  const times = new Float64Array(operations.length);
  const indexes: number[] = [];
  for (let i = 0; i < operations.length; i++) {
    times[i] = (operations[i] as Operation)[time];
    indexes.push(i);
  }
  return indexes.sort((a, b) => (times[a] as number) - (times[b] as number));
}

function early(reads: readonly Read[], { writes, head }: Evidence, fault: Fault): void {
  /** For each number, when the latest of those up to it was begun. */
  const begun = new Float64Array(head + 1);
  for (const write of writes) {
    for (let i = 0; i < write.size; i++) {
      const place = write.placeOf(i);
      if (place !== 0 && place <= head) begun[place] = write.operation.start;
    }
  }
  for (let seq = 1; seq <= head; seq++) begun[seq] = Math.max(begun[seq] as number, begun[seq - 1] as number);
  for (const { operation, seq } of reads) {
    if ((begun[Math.min(seq, head)] as number) > operation.end)
      fault(`${nameOf(operation)} saw entries up to ${seq}, one of which was not begun yet`);
  }
}

import type { Head, Tip } from '../format/chain.ts';
import { type Body, sealBody } from '../format/entry.ts';
import { type FoldIdentity, recordedFold } from '../format/fold-identity.ts';
import { type KeyScope, raisedScope } from '../format/key-scope.ts';
import { lineBytes, writeLine } from '../format/line.ts';
import type { Preceding } from './decision.ts';
import type { Pending } from './pending.ts';

/** A group ends with the line that reaches this: more would only make others wait longer for their turn. */
const GROUP_BYTES = 1024 * 1024;
const FIRST_BYTES = 64 * 1024;

/** The lines of one write, each chained to the one before: made anew, in the same memory, for every turn. */
export class Group implements Preceding {
  #buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #synced = 0;
  #used = 0;
  #lastOffset = 0;
  #sealed = false;
  #round = 0;
  #scope: KeyScope = { window: 0, from: 1 };
  #fold: FoldIdentity | undefined;
  #raises = false;
  #keys = new Set<string>();
  /** What the group holds, in order. */
  pending: Pending[] = [];
  /** Where the log ends once the group has landed, as far as it is made. */
  tip: Tip = { seq: 0, crc: '', link: '' };

  get head(): Head {
    return this.tip;
  }

  /** Starts over, after that tip, with what holds there; `synced` is what the lines say of themselves. */
  begin(tip: Tip, scope: KeyScope, fold: FoldIdentity | undefined, synced: number): void {
    // Larger than for all groups but one with a large line.
    this.#release(2 * GROUP_BYTES);
    this.tip = tip;
    this.#synced = synced;
    this.#used = 0;
    this.#lastOffset = 0;
    this.#sealed = false;
    this.#round++;
    this.#scope = scope;
    this.#fold = fold;
    this.#raises = false;
    if (this.#keys.size > 0) this.#keys = new Set();
  }

  /** Nothing is to be written any more, for now: lets go of what it holds, and of its memory beyond 1 MiB. */
  rest(): void {
    this.#release(GROUP_BYTES);
  }

  #release(mostKept: number): void {
    this.pending = [];
    if (this.#buffer.length > mostKept) this.#buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  }

  /** Whether the next line must wait for the next write. What comes after a raised key window is decided once that has landed. */
  get isFull(): boolean {
    return this.#used > GROUP_BYTES || this.#raises;
  }

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#used);
  }

  /** Bytes from the beginning of the last line to the group's end. */
  get lastLineBytes(): number {
    return this.#used - this.#lastOffset;
  }

  get round(): number {
    return this.#round;
  }

  /** How many lines it has, but for a seal. */
  get count(): number {
    return this.pending.length;
  }

  show(i: number, to: (bytes: Buffer, start: number, end: number) => void): void {
    to(this.#buffer, this.pending[i - 1]?.end ?? 0, (this.pending[i] as Pending).end - 1);
  }

  get isEmpty(): boolean {
    return this.#used === 0;
  }

  /** Whether its last line is a seal. */
  get sealed(): boolean {
    return this.#sealed;
  }

  /** Whether a line of this group bears the key. */
  hasKey(key: string | undefined): boolean {
    return key !== undefined && this.#keys.has(key);
  }

  add(pending: Pending): void {
    const { body, writer } = pending;
    pending.seq = this.tip.seq + 1;
    pending.writing = true;
    this.#put(body, writer);
    pending.end = this.#used;
    this.pending.push(pending);
    if (body.key !== undefined) this.#keys.add(body.key);
    if (body.fold !== undefined) this.#fold = recordedFold(this.#fold, body.fold);
    if (body.keyWindow === undefined) return;
    this.#scope = raisedScope(this.#scope, body.keyWindow, pending.seq);
    this.#raises = true;
  }

  /** The log's fold after it. */
  get fold(): FoldIdentity | undefined {
    return this.#fold;
  }

  /** Ends the segment, and may name the log's fold. A seal is nobody's append: where it is overtaken, it is not written again. */
  seal(writer: string, ts: number, named: FoldIdentity | undefined): void {
    if (named !== undefined) this.#fold = recordedFold(this.#fold, named);
    this.#put(sealBody(ts, this.#scope, this.#fold), writer);
    this.#sealed = true;
  }

  #put({ text, bytes, count, ts }: Body, writer: string): void {
    const { seq, crc, link: prev } = this.tip;
    this.#makeRoom(lineBytes(bytes));
    const line = { prev, seq: seq + 1, synced: this.#synced, ts, writer, crc: '' };
    this.#lastOffset = this.#used;
    this.#used = writeLine(this.#buffer, this.#used, text, line, count);
    this.tip = { seq: seq + count, crc: count > 0 ? line.crc : crc, link: line.crc };
  }

  #makeRoom(more: number): void {
    if (this.#used + more <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(2 * this.#buffer.length, this.#used + more));
    this.#buffer.copy(grown, 0, 0, this.#used);
    this.#buffer = grown;
  }
}

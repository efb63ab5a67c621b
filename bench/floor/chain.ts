import * as fs from 'node:fs';
import { crc32 } from 'node:zlib';

const TAIL = /"prev":"([0-9a-f]{8})","seq":(\d+),"synced":\d+,"ts":\d+,"writer":"[^"]+"\}$/;
/** No end of a line that TAIL matches is longer. */
const TAIL_BYTES = 120;
/** `{"crc":"` is followed by the checksum, then `",`, then what the checksum is of. */
const CRC_AT = 8;
const REST_AT = 18;
const NEWLINE = 10;

const hex8 = (crc: number): string => crc.toString(16).padStart(8, '0');

/** A line but for what depends on its place in the chain. */
export interface Line {
  /** What precedes `prev`. */
  readonly front: string;
  /** What follows `synced`. */
  readonly back: string;
}

/** The chained lines of the floor's file: checks what others wrote, and writes after it. */
export class Chain {
  /** How many bytes of the file have been read or written here. */
  bytes = 0;
  /** The number of the last line. */
  seq = 0;
  private head = '00000000';
  private readonly file: number;
  private readonly input = Buffer.allocUnsafeSlow(2 ** 18);
  private output = Buffer.allocUnsafeSlow(2 ** 16);

  constructor(file: number) {
    this.file = file;
  }

  catchUp(): void {
    const { file, input } = this;
    const { size } = fs.fstatSync(file);
    while (this.bytes < size) {
      const got = fs.readSync(file, input, 0, Math.min(input.length, size - this.bytes), this.bytes);
      let start = 0;
      for (;;) {
        const end = input.indexOf(NEWLINE, start);
        if (end < 0 || end >= got) break;
        const crc = input.toString('latin1', start + CRC_AT, start + CRC_AT + 8);
        if (hex8(crc32(input.subarray(start + REST_AT, end))) === crc) this.accept(start, end, crc);
        start = end + 1;
      }
      if (start === 0) return;
      this.bytes += start;
    }
  }

  private accept(start: number, end: number, crc: string): void {
    const tail = TAIL.exec(this.input.toString('latin1', Math.max(start, end - TAIL_BYTES), end));
    if (tail?.[1] !== this.head || Number(tail[2]) !== this.seq + 1) return;
    this.seq++;
    this.head = crc;
  }

  /** Writes the lines in one call. Answers whether they lie where the caller has read up to, and nothing else does. */
  append(lines: readonly Line[]): boolean {
    let { seq, head } = this;
    let used = 0;
    for (const { front, back } of lines) {
      const rest = `${front},"prev":"${head}","seq":${++seq},"synced":0,${back}`;
      if (used + 3 * rest.length + 32 > this.output.length) this.grow(used, 3 * rest.length + 32);
      const { output } = this;
      const end = used + REST_AT + output.write(rest, used + REST_AT, 'utf8');
      head = hex8(crc32(output.subarray(used + REST_AT, end)));
      output.write(`{"crc":"${head}",`, used, 'latin1');
      output[end] = NEWLINE;
      used = end + 1;
    }
    const wrote = fs.writeSync(this.file, this.output, 0, used);
    if (wrote !== used || fs.fstatSync(this.file).size !== this.bytes + used) return false;
    this.bytes += used;
    this.seq = seq;
    this.head = head;
    return true;
  }

  private grow(used: number, wanted: number): void {
    const more = Buffer.allocUnsafeSlow(2 * this.output.length + wanted);
    this.output.copy(more, 0, 0, used);
    this.output = more;
  }
}

import type * as zlib from 'node:zlib';

/** zlib's crc32. The first call loads zlib, which a program that only imports the log does not need. */
export let crc32: typeof zlib.crc32 = (data, value) => {
  crc32 = process.getBuiltinModule('node:zlib').crc32;
  return crc32(data, value);
};

/** CRC-32 (ISO-HDLC, as in zlib and gzip) of `bytes`, in the eight lower-case hex digits that lines contain. */
export function crcOf(bytes: Uint8Array): string {
  return hex8(crc32(bytes));
}

export function hex8(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}

/*
 * A crc is a polynomial over GF(2), modulo this one; its highest bit is the coefficient of x^0. If n bytes follow a
 * prefix, the prefix's part of the crc is multiplied by x^(8n).
 */
const POLYNOMIAL = 0xedb88320;
const ONE = 0x80000000;

function product(a: number, b: number): number {
  let sum = 0;
  for (let rest = a, shifted = b; rest !== 0; rest = (rest << 1) >>> 0) {
    if (rest & ONE) sum ^= shifted;
    shifted = (shifted >>> 1) ^ (shifted & 1 ? POLYNOMIAL : 0);
  }
  return sum >>> 0;
}

/** x^(8 * 2^k), for each k that was asked for so far. */
const powers: number[] = [ONE >>> 8];

/** x^(8 * bytes). */
function power(bytes: number): number {
  let result = ONE;
  for (let k = 0, rest = bytes; rest > 0; k++, rest = Math.floor(rest / 2)) {
    if (k === powers.length) powers.push(product(powers[k - 1] as number, powers[k - 1] as number));
    if (rest % 2 === 1) result = product(powers[k] as number, result);
  }
  return result;
}

let table: Uint32Array | undefined;

/**
 * The product of each byte value, as the last byte of a crc, with x^8. It is made when it is first needed: when a line
 * was cut.
 */
function byteTable(): Uint32Array {
  table ??= Uint32Array.from({ length: 256 }, (_, byte) => product(byte, ONE >>> 8));
  return table;
}

/**
 * Yields each place at which changing one byte of `bytes` gives them the crc `crc`, and the bits to change, from the
 * last place to the first. What a byte adds to a crc is multiplied by x^8 for each byte after it, so the difference
 * between the two crcs is divided by x^8 from place to place.
 */
export function* corrections(
  bytes: Uint8Array,
  crc: number,
): Generator<{ readonly at: number; readonly difference: number }> {
  const bytewise = byteTable();
  const byTop = new Map(Array.from(bytewise, (value, byte) => [value >>> 24, byte]));
  let wrong = (crc32(bytes) ^ crc) >>> 0;
  for (let at = bytes.length - 1; at >= 0 && wrong !== 0; at--) {
    const difference = byTop.get(wrong >>> 24) as number;
    const added = bytewise[difference] as number;
    if (added === wrong) yield { at, difference };
    wrong = (((wrong ^ added) << 8) | difference) >>> 0;
  }
}

/** Shorter pieces are computed here, because a call of zlib costs more. */
const LEAST_NATIVE_BYTES = 256;

/**
 * Checks at one place after another, from left to right, whether the bytes after it have a given crc. It reads the
 * bytes once for all places, so the time is bounded however often a line may begin in them.
 */
export class SuffixCrcs {
  readonly #bytes: Buffer;
  readonly #whole: number;
  /** x^(8 * bytes.length). */
  readonly #all: number;
  /** The place that was asked about last, the crc of the bytes before it, and x^(8 * place). */
  #place = 0;
  #prefix = 0;
  #moved = ONE;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#whole = crc32(bytes);
    this.#all = power(bytes.length);
  }

  /**
   * By the rule of zlib's `crc32_combine`, whole = crc ^ prefix * x^(8 * bytes that follow). Here both sides are
   * multiplied by x^(8 * place), which can be computed step by step from place to place.
   */
  isRight(place: number, crc: number): boolean {
    this.#goTo(place);
    return product(this.#prefix, this.#all) === product((this.#whole ^ crc) >>> 0, this.#moved);
  }

  #goTo(place: number): void {
    const bytes = this.#bytes;
    if (place - this.#place >= LEAST_NATIVE_BYTES) {
      this.#prefix = crc32(bytes.subarray(this.#place, place), this.#prefix);
      this.#moved = product(this.#moved, power(place - this.#place));
    } else {
      const bytewise = byteTable();
      let prefix = ~this.#prefix;
      let moved = this.#moved;
      for (let at = this.#place; at < place; at++) {
        prefix = (bytewise[(prefix ^ (bytes[at] as number)) & 0xff] as number) ^ (prefix >>> 8);
        moved = (bytewise[moved & 0xff] as number) ^ (moved >>> 8);
      }
      this.#prefix = ~prefix >>> 0;
      this.#moved = moved >>> 0;
    }
    this.#place = place;
  }
}

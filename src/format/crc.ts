import { crc32 } from 'node:zlib';

/** CRC-32 (ISO-HDLC, as in zlib and gzip) of `bytes`, as the eight lower-case hex digits a line bears. */
export function crcOf(bytes: Uint8Array): string {
  return hex8(crc32(bytes));
}

export function hex8(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}

const POLYNOMIAL = 0xedb88320;

/** Multiplies a 32-bit vector by a matrix over GF(2), one row a bit. */
function times(matrix: Uint32Array, vector: number): number {
  let sum = 0;
  for (let row = 0, rest = vector; rest !== 0; row++, rest >>>= 1) {
    if (rest & 1) sum ^= matrix[row] as number;
  }
  return sum >>> 0;
}

function squared(matrix: Uint32Array): Uint32Array {
  return matrix.map((row) => times(matrix, row));
}

/** powers[k] advances a crc past 2^k zero bytes. */
const powers: Uint32Array[] = [];

function power(k: number): Uint32Array {
  if (powers.length === 0) {
    const oneBit = Uint32Array.from({ length: 32 }, (_, row) => (row === 0 ? POLYNOMIAL : 2 ** (row - 1)));
    powers.push(squared(squared(squared(oneBit))));
  }
  while (powers.length <= k) powers.push(squared(powers.at(-1) as Uint32Array));
  return powers[k] as Uint32Array;
}

/**
 * The crc of what follows a prefix, from the crc of the whole, that of the prefix, and the length of what follows:
 * the combination rule of zlib's `crc32_combine`, turned round. It lets every suffix of a long damaged line be tried
 * without reading the line once for each.
 */
export function crcOfSuffix(whole: number, prefix: number, suffixLength: number): number {
  let advanced = prefix;
  for (let k = 0, rest = suffixLength; rest > 0; k++, rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) advanced = times(power(k), advanced);
  }
  return (whole ^ advanced) >>> 0;
}

/** A number in a JSON text that changes its value when JSON.parse reads it and JSON.stringify writes it. */
export interface ChangedNumber {
  readonly text: string;
  /** Where it begins in the JSON text. */
  readonly at: number;
  /** How it would be written; undefined if it is beyond the range of IEEE doubles. */
  readonly becomes: string | undefined;
}

/**
 * Each such number matches, and few texts do: an integer of fewer digits is exact, and a smaller exponent is in range.
 */
const SUSPECT = /\d{16}|[eE]\+?\d{3}/;
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const INTEGER = /^-?\d+$/;

/**
 * Returns the first number in a JSON text that would change: an integer written in digits alone that would become
 * another integer, or a number beyond the range of IEEE doubles. The rounding of other numbers by JSON.parse does not
 * count. `text` must be JSON.
 */
export function changedNumber(text: string): ChangedNumber | undefined {
  if (!SUSPECT.test(text)) return undefined;
  for (let from = 0; from < text.length; ) {
    const quote = text.indexOf('"', from);
    const between = quote < 0 ? text.slice(from) : text.slice(from, quote);
    for (const { 0: number, index } of between.matchAll(NUMBER)) {
      const becomes = integerText(Number(number));
      if (becomes === undefined || (INTEGER.test(number) && becomes !== number && number !== '-0'))
        return { text: number, at: from + index, becomes };
    }
    from = quote < 0 ? text.length : endOfString(text, quote);
  }
  return undefined;
}

/**
 * The number as JSON.stringify writes it, but without an exponent if it is an integer; undefined for an infinite
 * number.
 */
function integerText(value: number): string | undefined {
  if (!Number.isFinite(value)) return undefined;
  const [digits, exponent] = String(value).split('e+') as [string, string?];
  if (exponent === undefined) return digits;
  const [whole, fraction = ''] = digits.split('.') as [string, string?];
  return whole + fraction.padEnd(Number(exponent), '0');
}

/**
 * The offset after the string that begins at `from`, which ends at the first quote after an even number of backslashes.
 */
function endOfString(text: string, from: number): number {
  for (let end = text.indexOf('"', from + 1); ; end = text.indexOf('"', end + 1)) {
    let start = end;
    while (text[start - 1] === '\\') start--;
    if ((end - start) % 2 === 0) return end + 1;
  }
}

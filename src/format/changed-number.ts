/** A number in a JSON text that JSON.parse and JSON.stringify together give back as another one. */
export interface ChangedNumber {
  readonly text: string;
  /** Where it begins in the JSON text. */
  readonly at: number;
  /** How it would be written; undefined where it is past the range of IEEE doubles. */
  readonly becomes: string | undefined;
}

/** Each such number has this, and few texts do: an integer of fewer digits is exact, a smaller exponent in range. */
const SUSPECT = /\d{16}|[eE]\+?\d{3}/;
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const INTEGER = /^-?\d+$/;

/**
 * The first number in a JSON text that would not be kept: an integer, written in digits alone, that would become another, or
 * a number past the range of IEEE doubles. Other numbers round as JSON.parse rounds them. `text` must be JSON.
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

/** A number as JSON.stringify writes it, but without an exponent where it is an integer; undefined for an infinite one. */
function integerText(value: number): string | undefined {
  if (!Number.isFinite(value)) return undefined;
  const [digits, exponent] = String(value).split('e+') as [string, string?];
  if (exponent === undefined) return digits;
  const [whole, fraction = ''] = digits.split('.') as [string, string?];
  return whole + fraction.padEnd(Number(exponent), '0');
}

/** Behind the string that begins at `from`: its end is the first quote after an even number of backslashes. */
function endOfString(text: string, from: number): number {
  for (let end = text.indexOf('"', from + 1); ; end = text.indexOf('"', end + 1)) {
    let start = end;
    while (text[start - 1] === '\\') start--;
    if ((end - start) % 2 === 0) return end + 1;
  }
}

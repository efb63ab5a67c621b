/*
 * What can steer a terminal, or show a text as another: C0, DEL, C1, line separators, and the marks that reorder
 * what is shown. Half a surrogate pair has no UTF-8, and is shown by its number too.
 */
const UNPRINTABLE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what it looks for
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\p{Surrogate}/gu;

const escapeOf = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** The text as a terminal or a page may have it: what could steer it is written as \uXXXX. JSON stays the same JSON. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, escapeOf);
}

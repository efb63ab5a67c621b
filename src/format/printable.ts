/*
 * Characters that can control a terminal, or make one text look like another: C0, DEL, C1, line separators; marks that
 * reorder the text shown; and all that is invisible, such as zero-width spaces, word joiners, fillers and tag
 * characters. A lone surrogate has no UTF-8, and is shown by its number too.
 */
const CONTROL = '[\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\ufff9-\\ufffb]';
/** Joiners belong between emoji and to the scripts of many languages, but not after Latin letters. */
const JOINER =
  '(?<!\\p{Extended_Pictographic}|\\p{Emoji_Modifier}|\\ufe0f|(?!\\p{Script=Latin})[\\p{L}\\p{M}])[\\u200c\\u200d]';
/** Selectors choose a form of the character before them: a digit, a symbol or a letter that has several. */
const SELECTOR = '[\\ufe00-\\ufe0f\\u180b-\\u180d\\u180f\\u{e0100}-\\u{e01ef}]';
const STRAY_SELECTOR = `(?<![^\\p{Default_Ignorable_Code_Point}A-Za-z\\s])${SELECTOR}`;
const HIDDEN = `(?![\\u200c\\u200d]|${SELECTOR})\\p{Default_Ignorable_Code_Point}`;
/** The flags of England, Scotland, Wales and others like them. */
const FLAG = '\\u{1f3f4}[\\u{e0020}-\\u{e007e}]{3,6}\\u{e007f}';

const NOT_ASCII_TEXT = /[^\x20-\x7e]/;
const WANTED = new RegExp(
  `${FLAG}|${[CONTROL, JOINER, STRAY_SELECTOR, HIDDEN].join('|')}|\\p{Surrogate}`,
  'gu',
);

/**
 * Returns the text safe to show in a terminal or a page: characters that could control it, or are invisible, are
 * written as \uXXXX. JSON stays equivalent JSON.
 */
export function printable(text: string): string {
  return NOT_ASCII_TEXT.test(text) ? text.replace(WANTED, shown) : text;
}

function shown(found: string): string {
  if (found.startsWith('\u{1f3f4}')) return found;
  return found
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}

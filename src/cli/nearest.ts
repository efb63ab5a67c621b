const MOST_NAMES = 3;
/** How many letters may be wrong, of how many. */
const WRONG_LETTERS = 0.4;

/** The names that may have been meant by a text, the nearest first; none where nothing is near. */
export function nearest(text: string, names: readonly string[]): string[] {
  const scored = names.map((name) => ({ name, distance: distanceBetween(text, name) }));
  return scored
    .filter(({ distance }) => distance <= Math.max(1, text.length * WRONG_LETTERS))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, MOST_NAMES)
    .map(({ name }) => name);
}

/** `; did you mean x, y?`, or nothing. */
export function suggestion(text: string, names: readonly string[]): string {
  const near = nearest(text, names);
  return near.length === 0 ? '' : `; did you mean ${near.join(', ')}?`;
}

/** How many letters must be put in, left out or changed; a name that begins with the text is one letter away. */
function distanceBetween(text: string, name: string): number {
  if (text.length >= 3 && name.startsWith(text)) return 1;
  let row = Array.from({ length: name.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...text].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...name].entries()) {
      const changed = (row[j] as number) + (letter === other ? 0 : 1);
      next.push(Math.min(changed, (row[j + 1] as number) + 1, (next[j] as number) + 1));
    }
    row = next;
  }
  return row.at(-1) as number;
}

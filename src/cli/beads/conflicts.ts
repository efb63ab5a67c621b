import { WalError } from '../../errors/errors.ts';
import type { InputLine } from '../lines.ts';

/** A line that git leaves where it could not merge: no JSON begins like it. */
const MARKER = /^(<<<<<<<|\|\|\|\|\|\|\||=======|>>>>>>>)(?: (.*))?$/;
const MOST_NAMED = 6;

/** One side of a conflict, from its first marker to the one that ends it. */
interface Side {
  readonly label: string;
  readonly from: number;
  readonly to: number;
}

/** The sides of merge conflicts in a file, as its markers tell them. */
export class Conflicts {
  readonly #sides: Side[] = [];
  #open: Side | undefined;

  /** Whether a line is a marker. */
  take({ number, text }: InputLine): boolean {
    const [, marker, label = ''] = MARKER.exec(text) ?? [];
    if (marker === undefined) return false;
    const isEnd = marker === '>>>>>>>';
    if (this.#open !== undefined) this.#sides.push({ ...this.#open, to: number, ...(isEnd && { label }) });
    this.#open = isEnd && this.#open !== undefined ? undefined : { label, from: number, to: number };
    return true;
  }

  /** Throws where there were markers. */
  refuse(file: string): void {
    const sides = this.#open === undefined ? this.#sides : [...this.#sides, this.#open];
    if (sides.length === 0) return;
    const named = sides.slice(0, MOST_NAMED).map(sideText);
    if (sides.length > MOST_NAMED) named.push(`and ${sides.length - MOST_NAMED} more`);
    const message = `${file} has the markers of a merge conflict: ${named.join(', ')}. Nothing was imported: resolve the conflict, and import again.`;
    throw Object.assign(new WalError('ERR_WAL_ENTRY', message, { outcome: 'not-written' }), { sides });
  }
}

function sideText({ label, from, to }: Side): string {
  const lines = from === to ? `line ${from} begins` : `lines ${from} to ${to} are`;
  return `${lines} ${label === '' ? 'a side without a name' : `the side ${label}`}`;
}

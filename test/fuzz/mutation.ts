import { type Dice, pick } from '../../src/lab/seeded.ts';
import type { Files } from './files.ts';
import { recordTexts } from './lines.ts';

/** A damaged log in the making. */
export interface Draft {
  readonly files: Files;
  readonly dice: Dice;
  /** Notes a line that a reader may take for the log's: its crc is right. */
  readonly forged: (line: Buffer) => void;
}

/** Changes a log in one way. Says what it did; undefined where there was nothing to do it to. */
export interface Mutation {
  readonly name: string;
  readonly apply: (draft: Draft) => string | undefined;
}

export function below(dice: Dice, limit: number): number {
  return Math.floor(dice() * limit);
}

/** A file that is picked, with its bytes: of lines, unless another kind is wanted. */
export function pickFile(
  { files, dice }: Draft,
  wanted: RegExp = /\.jsonl$/,
): { name: string; bytes: Buffer } | undefined {
  const names = [...files.keys()].filter((name) => wanted.test(name) && files.get(name) instanceof Buffer);
  const name = pick(dice, names);
  return name === undefined ? undefined : { name, bytes: files.get(name) as Buffer };
}

/** For `Draft.forged`: adds the records of such lines to those that a reader may give. */
export function forgedInto(records: Set<string>): (line: Buffer) => void {
  return (line) => {
    for (const text of recordTexts(line)) records.add(text);
  };
}

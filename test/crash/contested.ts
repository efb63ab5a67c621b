import { type AppendResult, type Fold, lastData, type Wal, WalError } from '../../src/index.ts';
import { type Author, must, SMALL, type Workload } from './workload.ts';

const OTHER: Fold = { name: 'other', version: 1, apply: (before) => before };

function codeOf(answer: AppendResult | WalError): string {
  if (!(answer instanceof WalError)) return `entry ${answer.seq}`;
  return answer.code === 'ERR_WAL_KEY_REUSED' ? `taken by ${answer.seq}` : answer.code;
}

async function both(author: Author, options = {}): Promise<[Wal, Wal]> {
  return [await author.open(options), await author.open(options)];
}

/** What is decided in a turn, where another comes first: it must be decided again. */
export const CONTESTED: readonly Workload[] = [
  {
    name: 'overtaken',
    run: async (author) => {
      const [wal, other] = await both(author);
      await author.increment(other);
      author.beforeNextAppend(() => author.setCounter(other, 10));
      const counts = await Promise.all([author.increment(wal), author.increment(wal)]);
      must(String(counts) === '11,12', `increments of 10 made it ${counts}`);
      author.beforeNextAppend(() => author.appendNow(other));
      const appends = Array.from({ length: 3 }, () => author.appendWith(wal, {}));
      const seqs = (await Promise.all(appends)).map(codeOf);
      must(String(seqs) === String(seqs.toSorted()), `what was called one after the other is ${seqs}`);
      const { stranded } = (await wal.verify()).lines;
      must(stranded === 0, `of what was overtaken ${stranded} lines are said to be stranded`);
      const { replacements } = wal.stats();
      must(replacements === 0, `a log that others append to is taken for replaced, ${replacements} times`);
      for (const each of [wal, other]) await each.close();
    },
  },
  {
    name: 'expectations',
    run: async (author) => {
      const [wal, other] = await both(author);
      await author.append(wal);
      const expect = await wal.head();
      author.beforeNextAppend(() => author.appendNow(other));
      const answers = await Promise.all([
        author.appendWith(wal, { expect }),
        author.appendWith(wal, { expect }),
      ]);
      const codes = answers.map(codeOf).join(', ');
      must(
        codes === 'ERR_WAL_CONFLICT, ERR_WAL_CONFLICT',
        `an expectation that does not hold came to ${codes}`,
      );
      for (const each of [wal, other]) await each.close();
    },
  },
  {
    name: 'keys',
    run: async (author) => {
      const [wal, other] = await both(author, SMALL);
      author.beforeNextAppend(() => author.appendNow(other, { key: 'a' }));
      const answers = [await author.appendWith(wal, { key: 'a' })];
      for (let i = 0; i < 5; i++) await author.append(wal, 1000);
      const later = await author.open(SMALL);
      answers.push(await author.appendWith(later, { key: 'a' }));
      for (let i = 0; i < 2; i++) {
        await author.append(later, 1000);
        await later.compact({ fold: lastData, retain: 1 });
      }
      const last = await author.open(SMALL);
      answers.push(await author.appendWith(last, { key: 'a' }));
      const codes = answers.map(codeOf).join(', ');
      must(codes === 'taken by 1, taken by 1, taken by 1', `one key came to ${codes}`);
      for (const each of [wal, other, later, last]) await each.close();
    },
  },
  {
    name: 'key window',
    run: async (author) => {
      const answers: string[] = [];
      const ask = async (wal: Wal, ...keys: string[]) => {
        for (const key of keys) answers.push(`${key}: ${codeOf(await author.appendWith(wal, { key }))}`);
      };
      const wal = await author.open({ ...SMALL, keyWindow: 3 });
      await ask(wal, 'a', 'b', 'c', 'd');
      await wal.compact({ fold: lastData, retain: 1 });
      // Asked first of what the snapshot holds, and then in a window that has gone on.
      const later = await author.open(SMALL);
      await ask(later, 'b', 'a');
      await later.raiseKeyWindow(50);
      for (let i = 0; i < 5; i++) await author.append(later, 1000);
      // Asked first of earlier segments; what was out of the window before stays out.
      const last = await author.open(SMALL);
      await ask(last, 'c', 'b');
      await last.compact({ fold: lastData, retain: 1 });
      const behind = await author.open(SMALL);
      await ask(behind, 'd');
      const told = answers.join(', ');
      const wanted =
        'a: entry 1, b: entry 2, c: entry 3, d: entry 4, b: taken by 2, a: entry 5, c: taken by 3, b: entry 12, d: taken by 4';
      must(told === wanted, `keys came to ${told}`);
      for (const each of [wal, later, last, behind]) await each.close();
    },
  },
  {
    name: 'folds',
    run: async (author) => {
      const [wal, other] = [
        await author.open({ ...SMALL, fold: lastData }),
        await author.open({ ...SMALL, fold: OTHER }),
      ];
      const mustRefuse = async (going: Promise<unknown>) => {
        const answer = await going.catch((error: unknown) => error);
        must(
          answer instanceof WalError && answer.code === 'ERR_WAL_FOLD',
          'what one fold made was gone on from with another',
        );
      };
      await author.append(wal, 1000);
      await mustRefuse(other.compact());
      await wal.compact();
      await mustRefuse(other.compact());
      await author.append(wal, 1000);
      await wal.compact({ retain: 1 });
      await mustRefuse(other.table());
      for (const each of [wal, other]) await each.close();
    },
  },
  {
    name: 'durable follower',
    run: async (author) => {
      const writer = await author.open({ ...SMALL, durability: 'os' });
      const reader = await author.open({ ...SMALL, durability: 'os', readOnly: true });
      for (let i = 0; i < 6; i++) await author.append(writer, 1000);
      for await (const { id, seq } of reader.follow({ durable: true })) {
        author.saw(id, seq);
        if (seq === 6) break;
      }
      for (const each of [writer, reader]) await each.close();
    },
  },
  {
    name: 'unequal',
    run: async (author) => {
      const wal = await author.open();
      const hasty = await author.open({ durability: 'os' });
      // Longer than a page: the one with its beginning may be lost, and the one with its end be there.
      author.duringNextSync(() => author.appendNow(hasty, {}, 5000));
      await Promise.all([author.append(wal), author.append(wal)]);
      await author.append(wal);
      for (const each of [wal, hasty]) await each.close();
    },
  },
  {
    name: 'opened again',
    run: async (author) => {
      const hasty = await author.open({ durability: 'os' });
      for (let i = 0; i < 3; i++) await author.append(hasty);
      await hasty.close();
      const wal = await author.open();
      for (let i = 0; i < 2; i++) await author.append(wal);
      await wal.close();
    },
  },
];

import { existsSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { WalError } from '../index.ts';
import { scriptUrl } from './script.ts';
import type { OpenOptions, Store, StoreEntry, Target, Terms } from './target.ts';
import jsonlWal from './targets/jsonl-wal.ts';

/**
 * What is wrong with it. `loses`, `doubles`, `swaps`: every tenth append is acknowledged and not written, written twice, or
 * written only with the next. `stale`: a state is always the first that was asked for. `hangs`, `exits`, `throws`: the tenth
 * append never ends, ends the process, or fails with an error of its own. `ignores`, `balks`: every third append goes through whatever
 * it expects, or is refused as a conflict where there is none. `misleads`: a conflict tells the head before. `misnumbers`: a duplicate
 * is answered with the number after. `skips`: a following leaves out its first entry. `refuses`: only the first can open it. `raves`: a
 * reading ends with what is no entry. `litters`: leaves a temporary file; `clings`: and a file open.
 */
export type Fault =
  | 'loses'
  | 'doubles'
  | 'swaps'
  | 'stale'
  | 'hangs'
  | 'exits'
  | 'throws'
  | 'ignores'
  | 'balks'
  | 'misleads'
  | 'misnumbers'
  | 'skips'
  | 'refuses'
  | 'raves'
  | 'litters'
  | 'clings';

/** A log that goes wrong in a way of one's choosing (setting `fault`): so that one sees what the lab makes of it. */
const faulty: Target = {
  ...jsonlWal,
  name: 'faulty',
  about: 'a log that does not do what it says',
  module: scriptUrl('lab/faulty-target').href,
  open: async (directory, options) => {
    const { settings, ...rest } = options;
    const fault = settings?.fault as Fault;
    if (fault === 'refuses' && existsSync(join(directory, 'wal.json'))) throw new Error('made for a test');
    return spoiled(await jsonlWal.open(directory, rest), fault, directory, options);
  },
};
export default faulty;

/** The very head that was expected. */
function headOf({ head }: Terms): { readonly seq: number; readonly crc: string } {
  return { seq: head?.seq ?? 0, crc: head?.crc ?? '' };
}

function raving(store: Store): Store {
  return {
    append: (entry) => store.append(entry),
    close: () => store.close(),
    async *read() {
      yield* store.read();
      yield null as never;
    },
  };
}

function skipping(store: Store): Store['follow'] {
  return async function* follow(from, signal) {
    for await (const entry of store.follow?.(from, signal) ?? []) if (entry.seq > from) yield entry;
  };
}

function spoiled(store: Store, fault: Fault, directory: string, { readOnly = false }: OpenOptions): Store {
  if (fault === 'raves') return raving(store);
  if (readOnly) return store;
  if (fault === 'litters') writeFileSync(join(directory, 'litter'), '');
  if (fault === 'clings') openSync(join(directory, 'wal.json'), 'r');
  let count = 0;
  let kept: StoreEntry | undefined;
  let first: ReturnType<NonNullable<Store['state']>> | undefined;
  const append = async (entry: StoreEntry, terms?: Terms) => {
    const isTenth = ++count % 10 === 0;
    if (count % 3 === 0 && fault === 'ignores' && terms !== undefined) return store.append(entry);
    if (count % 3 === 0 && fault === 'balks' && terms?.head !== undefined)
      throw new WalError('ERR_WAL_CONFLICT', 'made for a test', {
        outcome: 'not-written',
        head: headOf(terms),
      });
    if (isTenth) {
      if (fault === 'loses') return {};
      if (fault === 'doubles') await store.append(entry);
      if (fault === 'hangs') return new Promise<never>(() => setInterval(() => {}, 1000));
      if (fault === 'exits') process.exit(3);
      if (fault === 'throws') throw new TypeError('made for a test');
      if (fault === 'swaps') {
        kept = entry;
        return {};
      }
    }
    const appended = await store.append(entry, terms).catch((error: WalError) => {
      const { code, message, head } = error;
      if (fault !== 'misleads' || head === undefined) throw error;
      throw new WalError(code, message, { outcome: 'not-written', head: { ...head, seq: head.seq - 1 } });
    });
    if (fault === 'misnumbers' && appended.duplicate)
      return { ...appended, seq: (appended.seq as number) + 1 };
    if (kept !== undefined) await store.append(kept);
    kept = undefined;
    return appended;
  };
  const of = <Name extends keyof Store>(name: Name) => store[name]?.bind(store as never) as Store[Name];
  return {
    append,
    appendBatch: of('appendBatch'),
    head: of('head'),
    read: of('read'),
    transaction: of('transaction'),
    state: () => {
      if (fault !== 'stale') return (store.state as NonNullable<Store['state']>)();
      first ??= (store.state as NonNullable<Store['state']>)().then(({ seq, items }) => {
        const all = new Map([...items()].map((item) => [item.id, item]));
        return { seq, get: (id: string) => all.get(id), items: () => all.values() };
      });
      return first;
    },
    verify: of('verify'),
    compact: of('compact'),
    follow: fault === 'skips' ? skipping(store) : of('follow'),
    close: () => store.close(),
  } as Store;
}

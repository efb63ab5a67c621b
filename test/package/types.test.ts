import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { install } from '../support/packed.ts';
import { inScratch, packageRoot } from '../support/scratch.ts';

/** A library that names the types of all it gives to the public calls, and gets from them. */
const CONSUMER = `
import { createLock, IGNORED, lockStatus, Table as TableClass, Wal } from 'jsonl-wal';
import type { AppendResult, Head, Limits, Lock, LockStatus, LogRecord, StatsOptions } from 'jsonl-wal';
import type { StoreInfo, VerifyReport, WalOptions, WalStats } from 'jsonl-wal';
import type { Change, Fold, Item, NotPromise, RevExpectation, Table, TableOptions, Transaction } from 'jsonl-wal';
import type { TransactionOptions, UpdateOptions, WatchOptions } from 'jsonl-wal';
import { assertSound, jsonlWal, runScenario, SCENARIOS } from 'jsonl-wal/lab';
import type { RunOptions, Scenario, Target } from 'jsonl-wal/lab';

export const lock: Lock = createLock('kernel', 'log');
export const status: LockStatus = lockStatus('log');
const options: WalOptions = { lock, onLockWait: (ms, holder) => console.error(ms, holder?.pid) };
const wal = await Wal.open('log', options);
export const info: StoreInfo = wal.info();
export const limits: Limits = wal.info().limits;
const reset: StatsOptions = { reset: true };
export const stats: WalStats = wal.stats(reset);
export const report: VerifyReport = await wal.verify({ onProgress: (bytes) => bytes });
export const head: Head = await wal.head();
export const results: AppendResult[] = [
  await wal.append({ op: 'add', id: 'a' }, { expect: head }),
  await wal.appendBatch([{ op: 'add', id: 'a', ts: undefined }]),
  wal.appendSync({ op: 'add', id: 'a' }, { key: 'k' }),
];
export const records: AsyncIterable<LogRecord<{ title: string }>> = wal.read({ from: 1 });
export const followed: AsyncIterable<LogRecord> = wal.follow({ signal: AbortSignal.timeout(1) });
// @ts-expect-error: it blocks, so that nothing could abort it.
wal.appendSync({ op: 'add', id: 'a' }, { signal: AbortSignal.timeout(1) });
interface Issue { readonly title: string }
const fold: Fold<Issue, Issue> = { name: 'issues', version: 1, apply: (issue, { data }) => data ?? issue };
const tableOptions: TableOptions<Issue> = { fold };
export const table: Table<Issue> = await wal.table(tableOptions);
export const item: Item<Issue> | undefined = table.item('a');
export const titles: string[] = table.list(({ rev }) => rev > 1).map(({ value }) => value.title);
const tries: TransactionOptions = { maxTries: 3 };
const decide = (tx: Transaction<Issue>): number => tx.list().length;
export const count: number = await table.transaction(decide, tries);
// @ts-expect-error: it would go on when its turn is over.
await table.transaction(async (tx) => tx.set('a', { title: 'b' }));
// @ts-expect-error: so would this one, where it waits.
await table.transaction((tx) => (tx.size > 0 ? Promise.resolve(1) : 1));
// @ts-expect-error: and this one.
await table.update('a', async () => ({ title: 'b' }));
const decideLater: <R>(decide: (tx: Transaction<Issue>) => NotPromise<R>) => Promise<R> = (decide) => table.transaction(decide);
export const sizes: number[] = [await decideLater(({ size }) => size)];
export const none: void = await table.transaction((tx) => void tx.set('a', { title: 'b' }));
const sparse: Fold<Issue, Issue> = { name: 'sparse', version: 1, apply: (_, { op, data }) => (op === 'add' ? data : IGNORED) };
export const sparseTable: Table<Issue> = await wal.table({ fold: sparse });
const update: UpdateOptions = { op: 'rename' };
export const updated: Item<Issue> | undefined = await table.update('a', (issue) => issue && { title: 'b' }, update);
const watching: WatchOptions = { signal: AbortSignal.timeout(1) };
export const changes: AsyncIterable<Change<Issue>> = table.watch(watching);
const expect: RevExpectation = { rev: 1 };
await wal.append({ op: 'add', id: 'a' }, { expect });
await using _closed = wal;
// @ts-expect-error: its name is exported for its type alone.
export const tableClass = TableClass;
// @ts-expect-error: a log is opened.
export const made = new Wal();
// @ts-expect-error: internal.
export const opened = Wal.openIn;
// @ts-expect-error: internal.
export const body = (tx: Transaction<Issue>) => tx.body();
// @ts-expect-error: internal.
table.requireRev('a', 1, { chain: [] });

const target: Target = { ...jsonlWal, name: 'own', module: import.meta.url };
const run: RunOptions = { target, as: 'threads', seed: undefined, onEvent: ({ kind }) => console.error(kind) };
for (const scenario of SCENARIOS) assertSound(await runScenario(scenario, run));
export const own: Scenario | undefined = SCENARIOS[0];
`;

/** What a consumer may set, so that it finds the package's declarations. */
const MODULES = ['NodeNext', 'Node16', 'Bundler'] as const;

test('a strict consumer compiles against the package as it is packed, by each way of resolving modules', async () => {
  // Loaded here: it is large, and the type checker of one test alone.
  const { default: ts } = await import('typescript');
  await inScratch('types', (directory) => {
    // As it is installed: to what lies below node_modules the compiler knows no way but the package's exports.
    install(directory);
    const file = join(directory, 'consumer.mts');
    writeFileSync(file, CONSUMER);
    for (const module of MODULES) {
      const program = ts.createProgram([file], {
        target: ts.ScriptTarget.ES2022,
        ...(module === 'Bundler'
          ? { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler }
          : { module: ts.ModuleKind[module] }),
        types: [],
        strict: true,
        exactOptionalPropertyTypes: true,
        noEmit: true,
      });
      const found = ts.getPreEmitDiagnostics(program);
      const text = found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
      assert.deepEqual(text, [], module);
    }
  });
});

test('the declarations keep what is said of a call, and leave out what is internal', () => {
  for (const [file, said] of [
    [
      'dist/jsonl-wal.d.ts',
      /\* Appends one entry, and resolves once it is .*\n(.*\n)+?\s+append\(entry: Entry, /,
    ],
    [
      'dist/scripts/lab/index.d.ts',
      /\* Opens the store in a directory, .* \*\/\n\s+open\(directory: string, /,
    ],
  ] as const) {
    const text = readFileSync(join(packageRoot(), file), 'utf8');
    assert.match(text, said);
    assert.doesNotMatch(
      text,
      /@internal|\bopenIn\b|\bEnvironment\b|\bLineStore\b|\bAppender\b|\bJournal\b|\bEnvelope\b/,
    );
  }
});

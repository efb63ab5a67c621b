import assert from 'node:assert/strict';
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { inScratch, packageRoot } from '../support/scratch.ts';

/** A library that names the types of all it gives to the public calls, and gets from them. */
const CONSUMER = `
import { createLock, IGNORED, lockStatus, Wal } from 'jsonl-wal';
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

const target: Target = { ...jsonlWal, name: 'own', module: import.meta.url };
const run: RunOptions = { target, as: 'threads', seed: undefined, onEvent: ({ kind }) => console.error(kind) };
for (const scenario of SCENARIOS) assertSound(await runScenario(scenario, run));
export const own: Scenario | undefined = SCENARIOS[0];
`;

test('a strict consumer compiles against the package, and can name every type that its calls give', async () => {
  // Loaded here: it is large, and the type checker of one test alone.
  const { default: ts } = await import('typescript');
  await inScratch('types', (directory) => {
    // As it is installed: to what lies below node_modules the compiler knows no way but the package's exports.
    const installed = join(directory, 'node_modules', 'jsonl-wal');
    for (const part of ['package.json', 'dist/src']) {
      cpSync(join(packageRoot(), part), join(installed, part), {
        recursive: true,
        filter: (name) => !/\.(js|ts)$/.test(name) || name.endsWith('.d.ts'),
      });
    }
    const file = join(directory, 'consumer.mts');
    writeFileSync(file, CONSUMER);
    const program = ts.createProgram([file], {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.NodeNext,
      types: [],
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: true,
      noEmit: true,
    });
    const found = ts.getPreEmitDiagnostics(program);
    const text = found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
    assert.deepEqual(text, []);
  });
});

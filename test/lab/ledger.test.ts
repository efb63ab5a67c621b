import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type LogRecord, Wal } from '../../src/index.ts';
import { type Findings, fingerprint, Ledger } from '../../src/lab/ledger.ts';
import { sampleEntries } from '../../src/lab/sample.ts';
import { inScratch } from '../support/scratch.ts';

const PROCESSES = 3;
const SEED = 11;
const entries = [...sampleEntries(30, SEED)];
const prints = entries.map(fingerprint);

/** The records of a log with all entries in turn. */
async function logged(): Promise<LogRecord[]> {
  return inScratch('ledger', async (directory) => {
    const wal = await Wal.open(directory, { durability: 'os' });
    try {
      for (const entry of entries) await wal.append(entry);
      const records = [];
      for await (const record of wal.read()) records.push(record);
      return records;
    } finally {
      await wal.close();
    }
  });
}

/** A ledger in which entry i was acknowledged as seq i + 1, but for those left out. */
function ledgerOf(...leftOut: number[]): Ledger {
  const ledger = new Ledger(prints, PROCESSES);
  for (const i of entries.keys()) if (!leftOut.includes(i)) ledger.acknowledge(i, i + 1);
  return ledger;
}

/** The records renumbered as a log would have them. */
function numbered(records: readonly LogRecord[]): LogRecord[] {
  return records.map((record, i) => ({ ...record, seq: i + 1 }));
}

function faultsOf({ lost, doubled, foreign, reordered }: Findings) {
  return { lost, doubled, foreign, reordered };
}

const NONE = { lost: 0, doubled: 0, foreign: 0, reordered: 0 };

describe('the ledger, held against a log', () => {
  test('finds nothing wrong with what was appended', async () => {
    const findings = await ledgerOf().check(await logged());
    assert.deepEqual(faultsOf(findings), NONE);
    assert.deepEqual([findings.acknowledged, findings.untold], [30, 0]);
  });

  test('finds an acknowledged entry that is missing at the end lost', async () => {
    const findings = await ledgerOf().check((await logged()).slice(0, -1));
    assert.deepEqual(faultsOf(findings), { ...NONE, lost: 1 });
    assert.deepEqual(findings.faults, [{ kind: 'lost', entry: 29, seq: 30 }]);
  });

  test('finds an acknowledged entry whose place is empty lost', async () => {
    const records = (await logged()).filter(({ seq }) => seq !== 10);
    assert.deepEqual(faultsOf(await ledgerOf().check(records)), { ...NONE, lost: 1 });
  });

  test('finds an entry with other content lost, and the content foreign', async () => {
    const records = await logged();
    for (const change of [{ data: { title: 'other' } }, { ts: 1 }, { op: 'zap' }, { id: 'zap' }]) {
      const changed = records.map((record) => (record.seq === 10 ? { ...record, ...change } : record));
      assert.deepEqual(faultsOf(await ledgerOf().check(changed)), { ...NONE, lost: 1, foreign: 1 });
    }
  });

  test('finds an entry that is there a second time doubled', async () => {
    const records = await logged();
    const findings = await ledgerOf().check(numbered([...records, records[4] as LogRecord]));
    assert.deepEqual(faultsOf(findings), { ...NONE, doubled: 1 });
    assert.deepEqual(findings.faults, [{ kind: 'doubled', seq: 31 }]);
  });

  test('finds an entry that nobody was to append foreign', async () => {
    const records = await logged();
    const stranger = { ...(records[4] as LogRecord), id: 'stranger' };
    assert.deepEqual(faultsOf(await ledgerOf().check(numbered([...records, stranger]))), {
      ...NONE,
      foreign: 1,
    });
  });

  test('finds two entries that lie where the other was acknowledged out of order', async () => {
    const records = await logged();
    const [a, b] = [records[3] as LogRecord, records[8] as LogRecord];
    const swapped = numbered(records.with(3, b).with(8, a));
    assert.deepEqual(faultsOf(await ledgerOf().check(swapped)), { ...NONE, reordered: 2 });
  });

  test('finds an entry acknowledged before one that its process appended earlier out of order', async () => {
    const records = await logged();
    const [a, b] = [records[3] as LogRecord, records[6] as LogRecord];
    const ledger = ledgerOf();
    ledger.acknowledge(3, 7);
    ledger.acknowledge(6, 4);
    const findings = await ledger.check(numbered(records.with(3, b).with(6, a)));
    assert.deepEqual(faultsOf(findings), { ...NONE, reordered: 1 });
    // Of two processes, either may come first.
    const others = ledgerOf();
    others.acknowledge(3, 5);
    others.acknowledge(4, 4);
    const c = records[4] as LogRecord;
    assert.deepEqual(faultsOf(await others.check(numbered(records.with(3, c).with(4, a)))), NONE);
  });

  test('finds one of two entries that were acknowledged with the same seq lost', async () => {
    const ledger = ledgerOf();
    ledger.acknowledge(29, 29);
    assert.deepEqual(faultsOf(await ledger.check((await logged()).slice(0, -1))), { ...NONE, lost: 1 });
  });

  test('takes a record that was never acknowledged amiss unless its process ended without a word', async () => {
    const records = await logged();
    const settled = await ledgerOf(29).check(records);
    assert.deepEqual(faultsOf(settled), { ...NONE, doubled: 1 });
    const unsettled = await ledgerOf(29).check(records, new Set([29 % PROCESSES]));
    assert.deepEqual(faultsOf(unsettled), NONE);
    assert.equal(unsettled.untold, 1);
    const another = await ledgerOf(29).check(records, new Set([0]));
    assert.deepEqual(faultsOf(another), { ...NONE, doubled: 1 });
  });
});

describe('the sample', () => {
  test('is the same for a seed, another for another, and begins alike whatever its length', () => {
    assert.deepEqual([...sampleEntries(30, SEED)], entries);
    assert.deepEqual([...sampleEntries(500, SEED)].slice(0, 30), entries);
    assert.notDeepEqual([...sampleEntries(30, SEED + 1)], entries);
  });

  test('reads like a tracker: nothing is changed before it is added, closed twice, or reopened while open', () => {
    const state = new Map<string, 'open' | 'closed' | 'deleted'>();
    const ops = new Set<string>();
    let before = 0;
    for (const { op, id, ts } of sampleEntries(5000, SEED)) {
      ops.add(op);
      assert.ok(Number.isSafeInteger(ts) && (ts as number) > before);
      before = ts as number;
      const needs = op === 'add' ? undefined : op === 'reopen' || op === 'delete' ? 'closed' : 'open';
      assert.equal(state.get(id), needs, `${op} ${id}`);
      state.set(id, op === 'close' ? 'closed' : op === 'delete' ? 'deleted' : 'open');
    }
    for (const op of ['add', 'update', 'comment', 'block', 'unblock', 'close', 'reopen', 'delete'])
      assert.ok(ops.has(op), op);
  });

  test('has entries of about 300 bytes', () => {
    const bytes = [...sampleEntries(2000, 1)].map((entry) => Buffer.byteLength(JSON.stringify(entry)));
    const mean = bytes.reduce((sum, n) => sum + n, 0) / bytes.length;
    assert.ok(mean > 200 && mean < 400, `mean ${mean}`);
  });
});

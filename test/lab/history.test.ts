import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type MadeHistory, type Mutable, makeHistory } from '../../bench/made-history.ts';
import { canonicalJson } from '../../src/format/canonical.ts';
import { ALWAYS, HISTORY_CHECKS } from '../../src/lab/checks/always.ts';
import { makeCheck } from '../../src/lab/checks/check.ts';
import { linearizable } from '../../src/lab/checks/linearizable.ts';
import { stateOfEntries } from '../../src/lab/checks/state.ts';
import type { Operation, RangeSight, StateSight } from '../../src/lab/operations/operation.ts';
import { type Findings, RunEvidence } from '../../src/lab/operations/run-evidence.ts';
import { sumOf } from '../../src/lab/operations/sum.ts';
import { seeded } from '../../src/lab/seeded.ts';
import type { Found, StoreItem } from '../../src/lab/target.ts';
import { seedOf } from '../support/seed.ts';

/** Names of the checks that fail. */
function failing(findings: Findings, checks = HISTORY_CHECKS): string[] {
  const evidence = new RunEvidence(findings);
  return checks
    .map((check) => makeCheck(check, evidence))
    .filter(({ ok }) => !ok)
    .map(({ name }) => name);
}

type Op = Mutable<Operation>;

const isPlain = ({ kind, outcome, duplicate }: Op) =>
  kind === 'append' && outcome === 'acknowledged' && !duplicate;

/** A batch that is in the log, and is no answer by its key. */
const isWrittenBatch = ({ kind, outcome, duplicate }: Op) =>
  kind === 'batch' && outcome === 'acknowledged' && !duplicate;

/** The middle one of those that fit: much has happened before, and much comes after. */
function some(made: MadeHistory, fits: (operation: Op) => boolean): Op {
  const all = made.operations.filter(fits).sort((a, b) => a.start - b.start);
  const one = all[Math.floor(all.length / 2)];
  assert.ok(one, 'the history has none such');
  return one;
}

/** Takes an entry away, as if it had never been, and numbers what comes after anew, in what clients say too. */
function vanish(made: MadeHistory, seq: number): void {
  made.found.splice(seq - 1, 1);
  for (const [i, entry] of made.found.entries()) entry.seq = i + 1;
  for (const operation of made.operations)
    if (operation.seq !== undefined && operation.seq > seq) operation.seq--;
  // What readers saw is another matter.
  for (const operation of made.operations) delete operation.saw;
  made.state.seq = made.found.length;
}

function entryOf(made: MadeHistory, { seq }: Op): Mutable<Found> {
  return made.found[(seq as number) - 1] as Mutable<Found>;
}

function swap(made: MadeHistory, a: Op, b: Op): void {
  const [x, y] = [entryOf(made, a), entryOf(made, b)];
  [made.found[x.seq - 1], made.found[y.seq - 1]] = [y, x];
  [x.seq, y.seq] = [y.seq, x.seq];
  [a.seq, b.seq] = [b.seq, a.seq];
  for (const operation of made.operations) delete operation.saw;
}

const LOST = 'every acknowledged append is there exactly once';
const NUMBERS = 'every number was given once, and none is missing';
const STRANGE = 'no record is there that nobody wrote';
const CLIENT_ORDER = "each client's appends are there in the order of its calls";
const REAL_TIME = 'what was acknowledged first lies first';
const READERS = 'every reader saw the same';
const FRESH = 'no read goes back, or ahead';
const UPDATES = 'no update was lost';
const STATE = 'the state is what the entries make of it';

/** What is wrong, how it is planted, and which check finds it. */
const FAULTS: readonly (readonly [name: string, plant: (made: MadeHistory) => void, finds: string])[] = [
  [
    'an acknowledged append that is not there, its number given to the next',
    (made) => vanish(made, some(made, isPlain).seq as number),
    LOST,
  ],
  [
    'an acknowledged append that is not there, its number missing',
    (made) => made.found.splice((some(made, isPlain).seq as number) - 1, 1),
    NUMBERS,
  ],
  [
    'the end of the store is not there',
    (made) => {
      made.found.length = (some(made, isPlain).seq as number) - 1;
      made.state.seq = made.found.length;
    },
    LOST,
  ],
  [
    'an append that is there twice',
    (made) => {
      const { id, op, data } = entryOf(made, some(made, isPlain));
      made.found.push({ seq: made.found.length + 1, id, op, data });
    },
    LOST,
  ],
  [
    'two appends acknowledged with one number',
    (made) => {
      const one = some(made, isPlain);
      one.seq = (one.seq as number) - 1;
    },
    LOST,
  ],
  [
    'a batch whose outcome nobody knows, there in part',
    (made) => {
      const batch = some(made, isWrittenBatch);
      batch.outcome = 'unknown';
      vanish(made, batch.seq as number);
      batch.seq = undefined;
    },
    LOST,
  ],
  [
    'a batch whose outcome nobody knows, two of its entries the other way round',
    (made) => {
      const batch = some(made, isWrittenBatch);
      const at = batch.seq as number;
      Object.assign(batch, { outcome: 'unknown', seq: undefined });
      const [second, third] = made.found.slice(at, at + 2) as [Mutable<Found>, Mutable<Found>];
      made.found.splice(at, 2, { ...third, seq: second.seq }, { ...second, seq: third.seq });
    },
    LOST,
  ],
  [
    'a batch of which an entry is missing',
    (made) => {
      const batch = some(made, isWrittenBatch);
      vanish(made, (batch.seq as number) + 1);
    },
    LOST,
  ],
  [
    'a record that nobody wrote',
    (made) =>
      made.found.push({ seq: made.found.length + 1, op: 'add', id: 'stranger', data: { by: '9.0.7' } }),
    STRANGE,
  ],
  [
    'a record that bears no name',
    (made) => made.found.push({ seq: made.found.length + 1, op: 'add', id: 'stranger', data: null }),
    STRANGE,
  ],
  [
    'a record that is not as it was written',
    (made) => {
      const entry = entryOf(made, some(made, isPlain));
      entry.data = { ...(entry.data as object), more: true };
    },
    STRANGE,
  ],
  [
    'a record of an append that was refused',
    (made) => {
      some(made, isPlain).outcome = 'refused';
    },
    STRANGE,
  ],
  [
    'two appends of a client the other way round',
    (made) => {
      const one = some(made, isPlain);
      const other = made.operations.find(
        (each) => isPlain(each) && each.client === one.client && each.number > one.number,
      );
      swap(made, one, other as Op);
    },
    CLIENT_ORDER,
  ],
  [
    'an append that was acknowledged before another began, and lies after it',
    (made) => {
      const one = some(made, isPlain);
      const later = made.operations
        .filter((each) => isPlain(each) && each.client !== one.client && each.start > one.end)
        .sort((a, b) => a.start - b.start);
      swap(made, one, later[0] as Op);
    },
    REAL_TIME,
  ],
  [
    'an append that ends before one begins whose entry precedes it',
    (made) => {
      const one = some(made, isPlain);
      const other = made.operations
        .filter((each) => isPlain(each) && (each.seq as number) < (one.seq as number))
        .reduce((last, each) => ((each.seq as number) > (last.seq as number) ? each : last));
      [one.start, one.end] = [other.start - 20, other.start - 10];
    },
    REAL_TIME,
  ],
  [
    'a reader that saw another record',
    (made) => {
      const { saw } = some(made, ({ saw }) => saw !== undefined && 'from' in saw && saw.to > saw.from);
      (saw as Mutable<RangeSight>).sum ^= 1;
    },
    READERS,
  ],
  [
    'a reader that saw a gap',
    (made) => {
      const one = some(made, ({ kind }) => kind === 'read');
      one.saw = { ...(one.saw as RangeSight), gap: true };
    },
    READERS,
  ],
  [
    'a reader that saw more than there is',
    (made) => {
      const one = some(made, ({ kind }) => kind === 'read');
      one.saw = { ...(one.saw as RangeSight), to: made.found.length + 1 };
    },
    READERS,
  ],
  [
    'a reader that saw an id in a state that it was not in then',
    (made) => {
      const one = some(
        made,
        ({ saw }) => saw !== undefined && 'items' in saw && typeof saw.items[0]?.[1] === 'string',
      );
      one.saw = {
        ...(one.saw as StateSight),
        items: [[(one.saw as StateSight).items[0]?.[0] as string, null]],
      };
    },
    READERS,
  ],
  [
    'a read that does not see what was acknowledged before it began',
    (made) => {
      const one = some(made, ({ saw }) => saw !== undefined && 'items' in saw);
      one.saw = { seq: ((one.saw as StateSight).seq as number) - 30, items: [] };
    },
    FRESH,
  ],
  [
    'a read that sees less than one that ended before it began',
    (made) => {
      const look = some(made, ({ kind }) => kind === 'look');
      const { seq } = look.saw as StateSight;
      // What it saw is known to nobody but another reader.
      const next = made.operations
        .filter(({ start }) => start > look.end)
        .sort((a, b) => a.start - b.start)[0];
      Object.assign(next as Op, { kind: 'look', saw: { seq: (seq as number) - 1, items: [] } });
      for (const operation of made.operations)
        if (operation.seq !== undefined && operation.seq + operation.entries.length > (seq as number))
          operation.end = Infinity;
    },
    FRESH,
  ],
  [
    'a read that sees what was not begun yet',
    (made) => {
      const one = some(made, ({ kind }) => kind === 'look');
      one.saw = { seq: ((one.saw as StateSight).seq as number) + 30, items: [] };
    },
    FRESH,
  ],
  [
    'an update that undid another unseen',
    (made) => {
      const one = some(made, ({ kind, outcome }) => kind === 'transaction' && outcome === 'acknowledged');
      const entry = entryOf(made, one);
      entry.data = { ...(entry.data as object), from: '9.9.9' };
    },
    UPDATES,
  ],
  [
    'a version that counts an update too many',
    (made) => {
      const [item] = made.state.items;
      if (item !== undefined) item.version = (item.version as number) + 1;
    },
    STATE,
  ],
  [
    'a state that holds another value than the last one written',
    (made) => {
      const [item] = made.state.items;
      if (item !== undefined) item.value = { by: '9.9.9' };
    },
    STATE,
  ],
  ['a state in which an id is missing', (made) => made.state.items.pop(), STATE],
  [
    'a state with an id that was never written',
    (made) => made.state.items.push({ id: 'stranger', value: { by: '9.0.1' } }),
    STATE,
  ],
];

/** As if everything up to that number had been compacted away. */
function compacted(made: MadeHistory, seq: number): MadeHistory {
  made.found.splice(0, seq);
  return made;
}

const SIZE = 400;
/** RUN_STRESS_TESTS=1 has a million operations checked. */
const LARGER = process.env.RUN_STRESS_TESTS === '1' ? 50 : 1;

test('the sum of data is that of what JSON makes of it, and another for other data', () => {
  const date = new Date(0);
  const data = [
    ...[null, true, false, 0, 1, -1.5, 1e300, Number.NaN, -0, '', '0', 'null', 'true', 'é\u2028'],
    ...[[], {}, [[]], [{}], [null], [undefined], [1, 2], [2, 1], [date], [() => {}]],
    ...[{ a: 1 }, { a: '1' }, { b: 1 }, { a: 1, b: 2 }, { b: 1, a: 2 }, { a: { b: 2 } }, { a: [1] }],
    ...[{ a: undefined, b: 1 }, { a: date }, { a: () => {}, c: 1 }, { a: { toJSON: () => 'it' } }],
  ];
  const texts = new Map<number, string>();
  for (const each of data) {
    const text = canonicalJson(JSON.parse(JSON.stringify(each))) as string;
    const sum = sumOf(each);
    assert.equal(sumOf(JSON.parse(text)), sum, text);
    assert.equal(texts.get(sum) ?? text, text);
    texts.set(sum, text);
  }
  assert.equal(sumOf({ a: 1, b: 2 }), sumOf({ b: 2, a: 1 }));
});

describe('the checks of a history', () => {
  test('find nothing wrong with sound ones, whole or compacted', (t) => {
    const dice = seeded(seedOf(t));
    for (let i = 0; i < 50; i++) {
      const made = makeHistory(SIZE, dice);
      assert.deepEqual(failing(made), []);
      assert.deepEqual(failing(compacted(made, Math.floor(dice() * made.found.length))), []);
      assert.deepEqual(failing(compacted(made, made.found.length)), []);
    }
  });

  for (const [name, plant, finds] of FAULTS) {
    test(`find ${name}`, (t) => {
      const made = makeHistory(SIZE, seeded(seedOf(t)));
      plant(made);
      const found = failing(made);
      assert.ok(found.includes(finds), `it was found by: ${found.join('; ') || 'none'}`);
    });
  }

  test('find, in a compacted store, a number that nobody has, one that two have, and a state that does not follow', () => {
    const all = () => makeHistory(SIZE, seeded(7), { settled: true });
    const gone = (made: MadeHistory) => compacted(made, made.found.length - 50);
    assert.deepEqual(failing(gone(all())), []);
    const early = (made: MadeHistory) => made.operations.find((each) => isPlain(each)) as Op;

    const nobodys = gone(all());
    nobodys.operations.splice(nobodys.operations.indexOf(early(nobodys)), 1);
    assert.deepEqual(failing(nobodys), [NUMBERS, STATE]);

    const twice = gone(all());
    early(twice).seq = some(twice, isPlain).seq;
    assert.ok(failing(twice).includes(NUMBERS));

    const undone = gone(all());
    const { id } = early(undone).entries[0] as { id: string };
    undone.state.items.splice(
      undone.state.items.findIndex((item) => item.id === id),
      1,
    );
    assert.deepEqual(failing(undone), [STATE]);

    const misread = all();
    const reading = misread.operations.find(
      ({ saw }) => saw !== undefined && 'from' in saw && saw.to > saw.from,
    ) as Op;
    (reading.saw as Mutable<RangeSight>).sum ^= 1;
    assert.deepEqual(failing(gone(misread)), [READERS]);

    const beyond = gone(all());
    early(beyond).seq = 10_000;
    assert.ok(failing(beyond).includes(NUMBERS));

    const zeroth = makeHistory(SIZE, seeded(7));
    early(zeroth).seq = 0;
    assert.ok(failing(gone(zeroth)).includes(NUMBERS));

    // One that nobody was answered, and that is there, is none of those that are not.
    const vacant = gone(all());
    vacant.operations.splice(vacant.operations.indexOf(early(vacant)), 1);
    const last = vacant.operations.findLast(isPlain) as Op;
    Object.assign(last, { outcome: 'unknown', end: Infinity, seq: undefined });
    assert.ok(failing(vacant).includes(NUMBERS));
  });

  test('find, where its first entry was compacted away, a batch whose last entry is missing', () => {
    const made = makeHistory(SIZE, seeded(7), { settled: true });
    const batch = made.operations.findLast(({ kind, duplicate }) => kind === 'batch' && !duplicate) as Op;
    const first = batch.seq as number;
    const until = made.operations.filter(({ seq = Infinity }) => seq <= first);
    made.operations.splice(0, Infinity, ...until);
    made.found.splice(first + 1);
    made.state.seq = made.found.length;
    Object.assign(batch, { outcome: 'unknown', end: Infinity, seq: undefined });
    assert.ok(failing(compacted(made, first)).includes(LOST));
  });

  test('find an update that undid one that was compacted away', () => {
    const made = makeHistory(SIZE, seeded(7), { settled: true });
    const isUpdate = ({ op, data }: Found) =>
      op === 'update' && typeof (data as { readonly from?: unknown }).from === 'string';
    const update = made.found.findLast(isUpdate) as Mutable<Found>;
    const before = made.found.findLast(({ id, seq }) => id === update.id && seq < update.seq) as Found;
    update.data = { ...(update.data as object), from: '9.9.9' };
    assert.ok(failing(compacted(made, before.seq)).includes(UPDATES));
  });

  test('know the last entry of a batch of which the others were compacted away, though nobody was told of it', () => {
    const made = makeHistory(100, seeded(7), { settled: true });
    const batch = some(made, ({ kind, duplicate, expect }) => kind === 'batch' && !duplicate && !expect);
    const last = (batch.seq as number) + batch.entries.length - 1;
    Object.assign(batch, { kind: 'transaction', outcome: 'unknown', seq: undefined, entries: [] });
    Object.assign(batch, { end: Infinity, key: undefined });
    assert.deepEqual(failing(compacted(made, last - 1)), []);
    assert.equal(linearizable.fits?.(new RunEvidence(made)), false, 'nobody knows what it wrote');
  });

  test('tell who wrote a value, and who ought to have: nobody, where the entry does not tell', () => {
    const made = makeHistory(SIZE, seeded(7));
    const { id, value } = made.state.items[0] as StoreItem;
    const { by } = value as { readonly by: string };
    const entry = made.found.findLast((each) => each.id === id) as Mutable<Found>;
    entry.data = {};
    const [message] = stateOfEntries.examine(new RunEvidence(made));
    assert.equal(message, `${id} is as ${by} wrote it, not as nobody did last`);
  });

  test('take an error, something odd, a leftover and a client in trouble amiss', () => {
    const trouble = {
      ...makeHistory(SIZE, seeded(1), { settled: true }),
      refusals: [],
      oddities: [{ kind: 'damaged', message: 'a damaged line' }],
      leftovers: ['wal.lock.held'],
      members: [
        { client: '1', role: 'writer', measures: {}, problems: ['was ended by SIGSEGV'], killed: [] },
      ],
    };
    const names = failing(trouble, ALWAYS);
    for (const name of [
      'every client ran to its end, and let go of everything',
      'no operation failed',
      'the store verifies clean',
      'no lock, temporary file or open handle is left behind',
    ])
      assert.ok(names.includes(name), name);
  });

  test('find nothing wrong with a long sound one, in a time that is printed', (t) => {
    const count = 20_000 * LARGER;
    const made = makeHistory(count, seeded(1));
    const start = performance.now();
    assert.deepEqual(failing(made), []);
    t.diagnostic(`${count} operations checked in ${Math.round(performance.now() - start)} ms`);
  });
});

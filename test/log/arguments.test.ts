import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { createLock, Wal, WalError } from '../../src/index.ts';
import { inScratch } from '../support/scratch.ts';

const thrown = new Error('not now');

/** An object whose field throws when it is read. */
function unreadable(field: string): object {
  const get = () => {
    throw thrown;
  };
  return Object.defineProperty({}, field, { enumerable: true, get });
}

async function inLog(body: (wal: Wal, directory: string) => Promise<void>): Promise<void> {
  await inScratch('arguments', async (directory) => {
    const wal = await Wal.open(directory);
    try {
      await body(wal, directory);
    } finally {
      await wal.close();
    }
  });
}

const ENTRY = { op: 'add', id: 'bd-1' };

/** The calls that take options, and the options of each. */
const CALLS: Record<string, readonly [call: (wal: Wal, options: never) => unknown, ...names: string[]]> = {
  append: [(wal, options) => wal.append(ENTRY, options), 'expect', 'key', 'signal'],
  appendBatch: [(wal, options) => wal.appendBatch([ENTRY], options), 'expect', 'key', 'signal'],
  appendSync: [(wal, options) => wal.appendSync(ENTRY, options), 'expect', 'key', 'signal'],
  read: [(wal, options) => wal.read(options), 'from', 'to', 'onDamage', 'onSkip'],
  follow: [(wal, options) => wal.follow(options), 'from', 'signal', 'durable'],
  verify: [(wal, options) => wal.verify(options), 'onProgress'],
  stats: [(wal, options) => wal.stats(options), 'reset'],
};

/** Calls, and returns what the call throws or rejects with. */
async function refusal(call: () => unknown): Promise<WalError> {
  try {
    await call();
  } catch (error) {
    assert.ok(error instanceof WalError, String(error));
    return error;
  }
  assert.fail('it was not refused');
}

for (const [name, [call, ...names]] of Object.entries(CALLS)) {
  test(`options of ${name} that are none are refused, and those that cannot be read with what they threw`, () =>
    inLog(async (wal) => {
      const { proxy, revoke } = Proxy.revocable({}, {});
      revoke();
      const objects = [{ unknown: 1 }, new Map([['unknown', 1]]), [], new Date(), proxy];
      for (const none of [null, 7, 'x', Symbol('s'), ...objects])
        assert.equal((await refusal(() => call(wal, none as never))).code, 'ERR_WAL_ARGUMENT', name);
      for (const each of names) {
        const { code, cause, outcome } = await refusal(() => call(wal, unreadable(each) as never));
        assert.deepEqual([code, cause, outcome], ['ERR_WAL_ARGUMENT', thrown, 'not-written'], each);
      }
      assert.equal((await wal.head()).seq, 0);
    }));
}

for (const [name, options, word] of [
  ['append', { expect: unreadable('seq') }, /now/],
  ['append', { expect: { seq: Object.create(null) } }, /expect\.seq/],
  ['append', { expect: 1 }, /expect/],
  ['append', { expect: { rev: undefined } }, /neither a seq/],
  ['append', { signal: {} }, /signal/],
  ['appendSync', { signal: new AbortController().signal }, /signal.*blocks/],
  ['read', { from: unreadable('crc') }, /now/],
  ['read', { to: {} }, /to must be.*an object/],
  ['read', { onDamage: 'stop' }, /onDamage/],
  ['read', { onDamage: 'skip', onSkip: 1 }, /onSkip/],
  ['read', { onSkip: () => {} }, /onSkip goes with/],
  ['follow', { durable: 1 }, /durable/],
  ['verify', { onProgress: 5 }, /onProgress must be a function/],
  ['stats', { reset: 'x' }, /reset must be true or false/],
] as const) {
  test(`${name} refuses the options ${Object.keys(options)} of a wrong value: ${word}`, () =>
    inLog(async (wal) => {
      const [call] = CALLS[name] as [(wal: Wal, options: never) => unknown];
      const { code, message } = await refusal(() => call(wal, options as never));
      assert.equal(code, 'ERR_WAL_ARGUMENT');
      assert.match(message, word);
      assert.equal((await wal.head()).seq, 0);
    }));
}

test('an option is read once: what a getter answers the second time decides nothing', () =>
  inLog(async (wal) => {
    let asked = 0;
    const options = {
      get key() {
        return ++asked === 1 ? 'k' : undefined;
      },
    };
    await wal.append(ENTRY, options);
    assert.equal((await wal.append(ENTRY, { key: 'k' })).duplicate, true);
    assert.equal(asked, 1);
  }));

test('the key beside an entry goes before its own', () =>
  inLog(async (wal) => {
    await wal.append({ ...ENTRY, key: 'own' }, { key: 'beside' });
    assert.equal((await wal.append({ ...ENTRY, key: 'beside' })).duplicate, true);
    assert.equal(wal.appendSync({ ...ENTRY, key: 'own' }).seq, 2);
    for await (const { seq, key } of wal.read()) assert.equal(key, seq === 1 ? 'beside' : 'own');
  }));

test('stats counts anew after a call with reset, and not after one without', () =>
  inLog(async (wal) => {
    await wal.append(ENTRY);
    assert.equal(wal.stats({ reset: false }).entries, 1);
    assert.equal(wal.stats({ reset: true }).entries, 1);
    assert.equal(wal.stats().entries, 0);
  }));

for (const name of ['lock', 'onLockWait', 'durability', 'keyWindow', 'clock']) {
  test(`Wal.open refuses options whose ${name} cannot be read, and makes nothing`, () =>
    inScratch('arguments', async (directory) => {
      const { code, cause } = await refusal(() => Wal.open(directory, unreadable(name)));
      assert.deepEqual([code, cause], ['ERR_WAL_ARGUMENT', thrown]);
      const lock = unreadable('release') as never;
      assert.equal((await refusal(() => Wal.open(directory, { lock }))).code, 'ERR_WAL_ARGUMENT');
      const odd = Object.create(null);
      assert.equal((await refusal(() => Wal.open(directory, { [name]: odd }))).code, 'ERR_WAL_ARGUMENT');
      assert.deepEqual(readdirSync(directory), []);
    }));
}

test('an onLockWait that throws takes nothing from the append it waits with, and warns once', () =>
  inScratch('arguments', async (directory) => {
    const warnings: Error[] = [];
    const heard = (warning: Error) => warnings.push(warning);
    process.on('warning', heard);
    let calls = 0;
    const onLockWait = () => {
      calls++;
      throw new Error('no time');
    };
    const wal = await Wal.open(directory, { lock: 'kernel', lockTimeoutMs: 300, onLockWait });
    const other = createLock('kernel', directory);
    try {
      for (let i = 1; i <= 2; i++) {
        other.tryAcquire();
        assert.equal((await wal.append(ENTRY)).seq, 2 * i - 1);
        other.release();
        // Once the lock was free, the next wait is a wait again.
        assert.equal((await wal.append(ENTRY)).seq, 2 * i);
      }
      assert.equal(other.tryAcquire(), true, 'the lock was given back');
      other.release();
      assert.equal(calls, 2);
      await new Promise(setImmediate);
      assert.deepEqual(
        warnings.map(({ message }) => message),
        ['onLockWait threw (no time); the append continues'],
      );
    } finally {
      process.off('warning', heard);
      other.close();
      await wal.close();
    }
  }));

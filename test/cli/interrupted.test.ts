import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { runHere } from '../../src/lab/command-line.ts';
import { makeLog } from '../support/make-log.ts';
import { inScratch } from '../support/scratch.ts';

/** Runs it, and presses Ctrl-C once something is being made in a directory. */
async function interruptedIn(place: string, dir: string, args: string[]) {
  let ended = false;
  const running = runHere(dir, args).finally(() => {
    ended = true;
  });
  for (let making = false; !making && !ended; await nextTurn())
    making = readdirSync(place).some((name) => name.endsWith('.tmp'));
  if (!ended) process.emit('SIGINT');
  return running;
}

test('Ctrl-C in the middle of a restore or a backup leaves nothing behind', () =>
  inScratch('cli-interrupted', async (dir) => {
    const entries = Array.from({ length: 3000 }, (_, i) => ({
      op: 'add',
      id: `bd-${i}`,
      data: 'x'.repeat(1000),
    }));
    await makeLog(dir, entries);
    await runHere(dir, ['backup']);
    const backups = join(dir, '.beads/backups');
    const before = [readdirSync(dir), readdirSync(backups)];
    const runs = [
      [dir, ['restore', '.beads', 'restored'], 'The restore was aborted: no new log was made.'],
      [dir, ['backup', '--no-link', 'copy'], 'The backup was aborted: no copy was made.'],
      [backups, ['backup', '--no-link'], 'The backup was aborted: no copy was made.'],
    ] as const;
    for (const [place, args, told] of runs) {
      const stderr = `jsonl-wal: ${told} [ERR_WAL_ABORTED]\n`;
      assert.deepEqual(await interruptedIn(place, dir, [...args]), { code: 130, stdout: '', stderr });
      assert.deepEqual([readdirSync(dir), readdirSync(backups)], before);
    }
  }));

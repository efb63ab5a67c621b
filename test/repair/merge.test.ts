import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Wal } from '../../src/index.ts';
import { PROGRAM, runHere as run } from '../../src/lab/command-line.ts';
import { recordsIn } from '../support/audit.ts';
import { Repository } from '../support/repository.ts';
import { inScratch, packageRoot } from '../support/scratch.ts';

const SEGMENT = '.beads/00000000000000000001.jsonl';

async function append(repository: Repository, ...ids: string[]): Promise<void> {
  for (const id of ids) {
    // A process each, as agents do: each line then proves that those before it were kept.
    const wal = await Wal.open(repository.log, { git: true });
    await wal.append({ op: 'add', id, ts: 1000 });
    await wal.close();
  }
}

/** Two branches that both appended, and the conflict that merging them leaves. */
async function inConflict(
  ours: string[],
  theirs: (repository: Repository) => Promise<void>,
  body: (repository: Repository, directory: string) => Promise<void>,
): Promise<void> {
  await inScratch('merge', async (scratch) => {
    const directory = join(scratch, 'repository');
    mkdirSync(directory);
    const repository = new Repository(directory);
    await append(repository, 'bd-0', 'bd-1');
    repository.commit('two entries');
    repository.git('checkout', '-q', '-b', 'other');
    await theirs(repository);
    repository.commit('theirs');
    repository.git('checkout', '-q', 'main');
    await append(repository, ...ours);
    repository.commit('ours');
    assert.throws(() => repository.git('merge', 'other'), { stdout: /CONFLICT/ });
    await body(repository, directory);
  });
}

for (const [length, theirs] of [
  ['shorter', ['bd-theirs']],
  ['of two writes', ['bd-t1', 'bd-t2']],
  ['longer, so that its lines prove entries missing', ['bd-t1', 'bd-t2', 'bd-t3', 'bd-t4']],
] as const) {
  test(`a merge conflict whose other side is ${length}: the error says how to keep both sides; without the markers verify misses all but a single write`, () =>
    inConflict(
      ['bd-ours'],
      (repository) => append(repository, ...theirs),
      async (repository, directory) => {
        const told = { code: 'ERR_WAL_CORRUPT', cause: 'merge-conflict' };
        await assert.rejects(Wal.open(repository.log), {
          ...told,
          message: /jsonl-wal verify.*not just delete the markers.*repair --mode salvage.*DURABILITY\.md/,
        });
        const wal = await Wal.open(repository.log, { readOnly: true });
        const { error } = await wal.verify();
        await wal.close();
        assert.deepEqual({ code: error?.code, cause: error?.cause }, told);
        assert.match(error?.message ?? '', /append the other's entries again/);
        assert.doesNotMatch(error?.message ?? '', /jsonl-wal verify/);
        if (theirs.length > 2) return;
        const path = join(directory, SEGMENT);
        const lines = readFileSync(path, 'utf8').split('\n');
        writeFileSync(path, lines.filter((line) => !/^[<=>]{7}/.test(line)).join('\n'));
        const verified = await run(directory, ['verify']);
        const ids = async () => (await recordsIn(repository.log)).map(({ id }) => id);
        assert.deepEqual(await ids(), ['bd-0', 'bd-1', 'bd-ours']);
        if (theirs.length === 1) assert.equal(verified.code, 0);
        else {
          assert.equal(verified.code, 4);
          assert.match(verified.stderr, /2 entries in whole lines do not count.*repair --mode salvage/);
          await run(directory, ['repair', '--mode', 'salvage']);
          assert.deepEqual(await ids(), ['bd-0', 'bd-1', 'bd-ours', ...theirs]);
          assert.equal((await run(directory, ['verify'])).code, 0);
        }
      },
    ));
}

/** The commands that DURABILITY.md gives under a heading. */
function commandsUnder(heading: string): string {
  const page = readFileSync(join(packageRoot(), 'docs', 'DURABILITY.md'), 'utf8');
  return /```sh\n(.*?)```/s.exec(page.split(`\n## ${heading}\n`)[1] as string)?.[1] as string;
}

test('the commands of DURABILITY.md end a merge conflict with all entries of both sides, also when they are run twice', (t: TestContext) => {
  if (spawnSync('jq', ['--version']).status !== 0 || process.platform === 'win32')
    return t.skip('no jq, or no sh, to run them with');
  return inConflict(
    ['bd-ours'],
    async (repository) => {
      await append(repository, 'bd-theirs');
      const wal = await Wal.open(repository.log);
      await wal.append({ op: 'add', id: 'bd-keyed', data: null }, { key: 'their key' });
      const batch = [1, 2, 3].map((part) => ({ op: 'add', id: `bd-b${part}`, data: { part } }));
      await wal.appendBatch(batch, { key: 'batch' });
      await wal.appendBatch(batch);
      await wal.close();
    },
    async (repository, directory) => {
      const bin = join(directory, '..', 'bin');
      mkdirSync(bin);
      writeFileSync(join(bin, 'jsonl-wal'), `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`, {
        mode: 0o755,
      });
      const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}`, TMPDIR: bin };
      const commands = commandsUnder('After a merge conflict');
      const end = commands.indexOf('jsonl-wal verify');
      const once = commands.slice(0, end);
      const again = once.replace(/^git checkout .*\n/m, '');
      const script = `set -e\n${once}${again}${commands.slice(end)}`;
      execFileSync('sh', ['-c', script], { cwd: directory, env, stdio: 'pipe' });
      repository.git('commit', '-qm', 'merge');
      const records = await recordsIn(repository.log);
      const batch = ['bd-b1', 'bd-b2', 'bd-b3'];
      assert.deepEqual(
        records.map(({ id }) => id),
        ['bd-0', 'bd-1', 'bd-ours', 'bd-theirs', 'bd-keyed', ...batch, ...batch],
      );
      const [, , , theirs, keyed, , second] = records;
      assert.deepEqual([theirs?.ts, theirs && 'data' in theirs], [1000, false]);
      assert.deepEqual([keyed?.key, keyed?.data, second?.data], ['their key', null, { part: 2 }]);
    },
  );
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type * as Published from '../src/index.ts';
import { inScratch, packageRoot } from '../src/lab/scratch.ts';

/** Names of the files that npm would publish. */
function shipped(): string[] {
  const { stdout, stderr } = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: packageRoot(),
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  assert.notEqual(stdout, '', stderr);
  const [pack] = JSON.parse(stdout) as [{ files: { path: string }[] }];
  return pack.files.map(({ path }) => path);
}

test('every relative link of a page in the package leads to what is in the package too', () => {
  const files = shipped();
  const folders = new Set(files.flatMap((file) => [posix.dirname(file), posix.dirname(posix.dirname(file))]));
  const pages = files.filter((file) => file.endsWith('.md'));
  assert.ok(pages.includes('README.md') && pages.includes('docs/FORMAT.md'), `${pages}`);
  const broken = pages.flatMap((page) => {
    const text = readFileSync(join(packageRoot(), page), 'utf8');
    return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, link]) => (link as string).split('#')[0] as string)
      .filter((link) => link !== '' && !/^[a-z]+:/.test(link))
      .map((link) => ({ page, target: posix.join(posix.dirname(page), link).replace(/\/$/, '') }))
      .filter(({ target }) => !files.includes(target) && !folders.has(target));
  });
  assert.deepEqual(broken, []);
});

test('what a module or a declaration in the package imports is in the package too', () => {
  const files = new Set(shipped());
  const modules = [...files].filter((file) => /^dist\/.*\.(js|d\.ts)$/.test(file));
  assert.ok(modules.includes('dist/jsonl-wal/wal.js') && modules.includes('dist/scripts/cli/main.js'));
  const missing = modules.flatMap((file) => {
    const text = readFileSync(join(packageRoot(), file), 'utf8');
    return [
      ...text.matchAll(/^(?:import|export|\}) [^;]*?from ['"](\.[^'"]+)['"]|import\(['"](\.[^'"]+)['"]\)/gm),
    ]
      .map(([, named, called]) => posix.join(posix.dirname(file), (named ?? called) as string))
      .map((target) => (file.endsWith('.d.ts') ? target.replace(/\.(ts|js)$/, '.d.ts') : target))
      .filter((target) => !files.has(target))
      .map((target) => ({ file, target }));
  });
  assert.deepEqual(missing, []);
});

/** The files that are loaded with one of the package's, and what else they import. */
function loadedWith(entry: string): { files: string[]; others: string[] } {
  const [files, others] = [[entry], [] as string[]];
  for (const file of files) {
    const text = readFileSync(join(packageRoot(), file), 'utf8');
    for (const [, specifier] of text.matchAll(/^(?:import|export) (?:[^;]*? from )?["']([^"']+)["']/gm)) {
      const target = posix.join(posix.dirname(file), specifier as string);
      if (!specifier?.startsWith('.')) others.push(specifier as string);
      else if (!files.includes(target)) files.push(target);
    }
  }
  return { files, others };
}

test('who opens a log and appends loads one file beside the entry, and no other package', () => {
  const { files, others } = loadedWith('dist/jsonl-wal.js');
  assert.deepEqual(files, ['dist/jsonl-wal.js', 'dist/jsonl-wal/wal.js']);
  assert.ok(others.includes('node:fs'));
  assert.deepEqual(
    others.filter((name) => !name.startsWith('node:')),
    [],
  );
});

test('an append of the command line loads few files, and no other package', () => {
  const { files, others } = loadedWith('dist/scripts/cli/main.js');
  assert.ok(files.includes('dist/scripts/shared/wal.js') && files.includes('dist/scripts/shared/cli.js'));
  assert.ok(files.length <= 5, `${files}`);
  assert.ok(others.includes('node:fs'));
  assert.deepEqual(
    others.filter((name) => !name.startsWith('node:')),
    [],
  );
});

test('what is asked for rarely is loaded from the package as it is published', () =>
  inScratch('package', async (directory) => {
    const at = (name: string) => join(directory, name);
    const { Wal, lastData }: typeof Published = await import(
      pathToFileURL(join(packageRoot(), 'dist/jsonl-wal.js')).href
    );
    const wal = await Wal.open(at('log'), { fold: lastData });
    const { seq } = await wal.append({ op: 'set', id: 'a', data: 1 });
    await wal.append({ op: 'set', id: 'a', data: 2 }, { expect: { rev: 1 } });
    assert.equal((await wal.table()).get('a'), 2);
    assert.equal((await wal.stateAt(seq)).items[0]?.value, 1);
    assert.equal((await wal.verify()).ok, true);
    for await (const { data } of wal.read({ from: seq, to: seq, onDamage: 'skip' })) assert.equal(data, 1);
    await wal.backup(at('copy'));
    assert.equal((await wal.compact()).made, true);
    await wal.close();
    assert.equal((await Wal.restore(at('copy'), at('new'))).seq, seq + 1);
    assert.deepEqual((await Wal.repair(at('new'), { mode: 'salvage' })).reasons, []);
  }));

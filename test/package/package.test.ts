import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type * as Published from '../../src/index.ts';
import { inScratch, packageRoot } from '../support/scratch.ts';

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

test('who opens a log and appends loads one file beside the entry, and no package or module of Node whole', () => {
  const { files, others } = loadedWith('dist/jsonl-wal.js');
  assert.deepEqual(files, ['dist/jsonl-wal.js', 'dist/jsonl-wal/wal.js']);
  assert.deepEqual(others, []);
});

test('an append of the command line loads few files, and no package or module of Node whole', () => {
  const { files, others } = loadedWith('dist/scripts/cli/main.js');
  assert.ok(files.includes('dist/scripts/shared/wal.js') && files.includes('dist/scripts/shared/cli.js'));
  assert.ok(files.length <= 5, `${files}`);
  assert.deepEqual(others, []);
});

/** What of Node is loaded after a program, which `node -e 0` does not load. */
function loadedBy(directory: string, program: string): string[] {
  const text = `
    import { Wal } from ${JSON.stringify(pathToFileURL(join(packageRoot(), 'dist/jsonl-wal.js')).href)};
    ${program}
    const loaded = JSON.stringify(process.moduleLoadList);
    process.stdout.write(loaded);
  `;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', text], {
    cwd: directory,
    encoding: 'utf8',
  });
  assert.notEqual(stdout, '', stderr);
  return JSON.parse(stdout);
}

test('an import, and an append, load no module of Node that they do not need', () =>
  inScratch('package', async (directory) => {
    const needless = ['crypto', 'perf_hooks', 'worker_threads', 'child_process', 'http', 'net', 'stream'];
    const used =
      "const wal = await Wal.open('log'); await wal.append({ op: 'a', id: 'b' }); await wal.close();";
    const imported = loadedBy(directory, '');
    assert.ok(imported.includes('NativeModule fs'));
    for (const name of needless) assert.ok(!imported.includes(`NativeModule ${name}`), name);
    const appended = loadedBy(directory, used);
    // The streams come with zlib.
    for (const name of needless.slice(0, -1)) assert.ok(!appended.includes(`NativeModule ${name}`), name);
  }));

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

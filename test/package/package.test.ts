import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, posix } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type * as Published from '../../src/index.ts';
import { pack } from '../support/packed.ts';
import { inScratch, packageRoot } from '../support/scratch.ts';

/** Names of the files that npm would publish. */
function shipped(): string[] {
  return pack().files.map(({ path }) => path);
}

test('the package has at most 200 files and 400 KB, of the build and the docs alone', () => {
  const { size, files } = pack();
  assert.ok(size <= 400_000, `${size} bytes`);
  assert.ok(files.length <= 200, `${files.length} files`);
  const expected =
    /^(dist\/(jsonl-wal|scripts)\/.+\.(js|css)|dist\/jsonl-wal(\.d\.ts|\.js)|dist\/scripts\/lab\/index\.d\.ts|docs\/[\w-]+\.md|docs\/picture\.svg|(README|CHANGELOG|SECURITY)\.md|LICENSE|package\.json)$/;
  assert.deepEqual(
    files.map(({ path }) => path).filter((path) => !expected.test(path)),
    [],
  );
});

test('what package.json names, and what the lab starts and reads, is in the package', () => {
  const files = shipped();
  const { exports, bin, types } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8'));
  const named = [
    types,
    ...[exports, bin].flatMap((part) => JSON.stringify(part).match(/\.\/[^"]+\.\w+/g) ?? []),
  ];
  const started = readdirSync(join(packageRoot(), 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => [
      ...readFileSync(join(packageRoot(), 'src', file), 'utf8').matchAll(/scriptUrl\('([^']+)'\)/g),
    ])
    .map(([, script]) => `dist/scripts/${script}.js`);
  const processes = readdirSync(join(packageRoot(), 'src/lab'))
    .filter((file) => /-(process|thread)\.ts$/.test(file))
    .map((file) => `dist/scripts/lab/${file.replace(/\.ts$/, '.js')}`);
  const assets = ['page.js', 'page.css'].map((name) => `dist/scripts/lab/report/${name}`);
  const wanted = [...named.map((path: string) => posix.normalize(path)), ...started, ...processes, ...assets];
  assert.ok(wanted.includes('dist/scripts/cli/main.js') && wanted.includes('dist/scripts/lab/index.d.ts'));
  assert.deepEqual(
    wanted.filter((path) => !files.includes(path)),
    [],
  );
});

test('the build makes the command’s program executable, so that npx runs it in a checkout', (t) => {
  if (process.platform === 'win32') return t.skip('Windows has no such permission');
  const { bin } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8'));
  assert.equal(statSync(join(packageRoot(), bin['jsonl-wal'])).mode & 0o777, 0o755);
});

test('no file of the package names the place where it was built, and each keeps the licences of what it holds', () => {
  const texts = new Map(shipped().map((path) => [path, readFileSync(join(packageRoot(), path), 'utf8')]));
  const telling = [...texts].filter(([, text]) => text.includes(packageRoot()) || text.includes(homedir()));
  assert.deepEqual(
    telling.map(([path]) => path),
    [],
  );
  const kept = (path: string) =>
    [...(texts.get(path) ?? '').matchAll(/^\/\*!\n(\S+)$/gm)].map(([, name]) => name);
  assert.deepEqual(kept('dist/jsonl-wal/wal.js'), ['fast-json-stable-stringify']);
  assert.deepEqual(kept('dist/jsonl-wal/cli.js'), ['commander']);
  for (const name of ['js', 'css']) assert.deepEqual(kept(`dist/scripts/lab/report/page.${name}`), ['uPlot']);
});

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

/** What a module or declaration of the package imports of the package's own. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(packageRoot(), file), 'utf8');
  return [
    ...text.matchAll(/^(?:import|export|\}) [^;]*?from ['"](\.[^'"]+)['"]|import\(['"](\.[^'"]+)['"]\)/gm),
  ]
    .map(([, named, called]) => posix.join(posix.dirname(file), (named ?? called) as string))
    .map((target) => (file.endsWith('.d.ts') ? target.replace(/\.(ts|js)$/, '.d.ts') : target));
}

test('what a module in the package imports is in the package too, and each that is shared is imported', () => {
  const modules = shipped().filter((file) => /^dist\/.*\.(js|d\.ts)$/.test(file));
  assert.ok(modules.includes('dist/jsonl-wal/wal.js') && modules.includes('dist/scripts/cli/main.js'));
  const imported = new Set(modules.flatMap(importsOf));
  assert.deepEqual(
    [...imported].filter((file) => !modules.includes(file)),
    [],
  );
  assert.deepEqual(
    modules.filter((file) => file.startsWith('dist/jsonl-wal/') && !imported.has(file)),
    [],
  );
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
  assert.ok(files.includes('dist/jsonl-wal/wal.js') && files.includes('dist/jsonl-wal/cli.js'));
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

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '../src/lab/scratch.ts';

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
  assert.ok(modules.includes('dist/jsonl-wal.js') && modules.includes('dist/scripts/cli/main.js'));
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

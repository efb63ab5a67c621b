import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '../support/scratch.ts';

const root = packageRoot();
const source = join(root, 'src');

/** Room → rooms it may import, from the table in ARCHITECTURE.md. */
function tableOfRooms(): Map<string, Set<string>> {
  const page = readFileSync(join(root, 'docs', 'ARCHITECTURE.md'), 'utf8');
  const [section] = page
    .split('## Rooms')
    .slice(1)
    .map((rest) => rest.split('\n## ')[0] as string);
  const rows = (section as string).matchAll(/^\| (\w+) +\| .* \|([\w, ]*)\|$/gm);
  const rooms = new Map<string, Set<string>>();
  for (const [, room, imports] of rows) {
    if (room !== 'room')
      rooms.set(
        room as string,
        new Set(
          (imports as string)
            .split(',')
            .map((name) => name.trim())
            .filter(Boolean),
        ),
      );
  }
  return rooms;
}

function roomOf(path: string): string {
  const [first] = relative(source, path).split(sep) as [string];
  return first.replace(/\.ts$/, '');
}

interface Import {
  readonly file: string;
  readonly room: string;
  readonly specifier: string;
}

function importsIn(file: string): Import[] {
  const text = readFileSync(file, 'utf8');
  const found = [...text.matchAll(/(?:^|\s)(?:from\s+|import\s+|import\()'([^']+)'/g)];
  return found.map(([, specifier]) => ({ file, room: roomOf(file), specifier: specifier as string }));
}

const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
  .map((name) => join(source, name));
const imports = files.flatMap(importsIn);

test('every folder under src is a room of the table, and every room exists', () => {
  const there = new Set(files.map(roomOf));
  assert.deepEqual([...tableOfRooms().keys()].sort(), [...there].sort());
});

test('every room imports only what its row allows', () => {
  const rooms = tableOfRooms();
  const wrong = imports
    .filter(({ specifier }) => specifier.startsWith('.'))
    .map(({ file, room, specifier }) => ({ file, room, target: roomOf(resolve(dirname(file), specifier)) }))
    .filter(({ room, target }) => room !== target && !rooms.get(room)?.has(target));
  assert.deepEqual(
    wrong.map(({ file, target }) => `${relative(root, file)} imports ${target}`),
    [],
  );
});

test('arrows go down the list only', () => {
  const order = [...tableOfRooms().keys()];
  for (const [room, allowed] of tableOfRooms()) {
    for (const target of allowed)
      assert.ok(order.indexOf(target) > order.indexOf(room), `${room} may import ${target}`);
  }
});

test('in the rooms of the engine, storage/node.ts alone imports node:fs', () => {
  const outside = new Set(['cli', 'lab']);
  const wrong = imports
    .filter(({ specifier, room }) => /^(node:)?fs(\/|$)/.test(specifier) && !outside.has(room))
    .map(({ file }) => relative(source, file).split(sep).join('/'));
  assert.deepEqual(wrong, ['storage/node.ts']);
});

test('in the rooms of the engine, clock/clock.ts alone asks for the time, or waits', () => {
  const time =
    /\b(set(Timeout|Immediate|Interval)|queueMicrotask|nextTick|hrtime|Date\.now|new Date\(\)|performance\.|AbortSignal\.timeout)\b/;
  const outside = new Set(['cli', 'lab', 'index']);
  const code = (file: string) => readFileSync(file, 'utf8').replaceAll(/\/\*.*?\*\/|\/\/.*$/gms, '');
  const wrong = files
    .filter((file) => !outside.has(roomOf(file)) && time.test(code(file)))
    .map((file) => relative(source, file).split(sep).join('/'));
  assert.deepEqual(wrong, ['clock/clock.ts']);
});

test('the format is pure: it imports nothing that reads a clock, a disk or a source of randomness', () => {
  const wrong = imports
    .filter(({ room, specifier }) => room === 'format' && !specifier.startsWith('.'))
    .filter(
      ({ specifier }) =>
        !['node:buffer', 'node:zlib', 'node:util/types', 'fast-json-stable-stringify'].includes(specifier),
    );
  assert.deepEqual(
    wrong.map(({ file, specifier }) => `${file} imports ${specifier}`),
    [],
  );
  const impure = files
    .filter(
      (file) =>
        roomOf(file) === 'format' &&
        /Date\.now|Math\.random|performance\.now/.test(readFileSync(file, 'utf8')),
    )
    .map((file) => relative(root, file));
  assert.deepEqual(impure, []);
});

test('no file imports itself through others, types included', () => {
  const everywhere = ['src', 'test', 'bench', 'examples'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts') && !name.includes('node_modules'))
      .map((name) => join(root, folder, name)),
  );
  const next = new Map(
    everywhere.map((file) => [
      file,
      importsIn(file)
        .filter(({ specifier }) => specifier.startsWith('.'))
        .map(({ specifier }) => resolve(dirname(file), specifier)),
    ]),
  );
  const left = new Set(everywhere);
  // What imports nothing that is left is in no circle.
  for (let before = -1; before !== left.size; ) {
    before = left.size;
    for (const file of left) if (!next.get(file)?.some((other) => left.has(other))) left.delete(file);
  }
  assert.deepEqual(
    [...left].map((file) => relative(root, file)),
    [],
  );
});

test('plain node --test runs the tests and nothing else', () => {
  // Node runs what bears the name of a test, and every file under a folder named `test`: newer ones TypeScript, too.
  const built = readdirSync(join(root, 'dist'), { recursive: true, encoding: 'utf8' }).map((name) =>
    name.replaceAll('\\', '/'),
  );
  const run = built.filter((name) =>
    /(^|\/)(test|test-[^/]*|[^/]*[._-]test)\.[cm]?js$|(^|\/)test\//.test(name),
  );
  assert.deepEqual(
    run.filter((name) => !/^tests\/.*\.test\.js$/.test(name)),
    [],
  );
  const programs = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    /(^|[\\/-])(main|try|process|thread)\.ts$/.test(name),
  );
  assert.ok(programs.length > 10);
  const unguarded = programs.filter((name) => {
    const text = readFileSync(join(root, 'test', name), 'utf8');
    return !/^import '[./\w]*\/program-guard\.ts';/.test(text);
  });
  assert.deepEqual(unguarded, []);
});

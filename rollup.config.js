import { chmodSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import dts from 'rollup-plugin-dts';
import { minify } from 'terser';
import ts from 'typescript';

const built = resolve(import.meta.dirname, 'dist');

/** What runs as a process or thread of its own, and `jsonl-wal/lab`, which is loaded with them. */
const entries = [
  'cli/main',
  'lab/index',
  'lab/harness/client-main',
  'lab/faulty-target',
  ...readdirSync(join(built, 'src/lab'))
    .filter((name) => /-(process|thread|worker)\.js$/.test(name))
    .map((name) => `lab/${name.slice(0, -'.js'.length)}`),
];

/** The rooms of the library from which a module may be loaded when it is asked for. */
const LIBRARY = ['wal', 'repair', 'copy', 'setup', 'log', 'file', 'recovery', 'layout', 'format'];

/**
 * The library in three files: what opening and appending need; tables; and the rest, which is loaded when it is asked for.
 * Beside it in one file what the command line's append needs. One file more costs a short process as much as 10 KB more in one.
 */
function chunks() {
  let library;
  let command;
  return {
    onlyExplicitManualChunks: true,
    manualChunks(id, { getModuleInfo }) {
      library ??= reachedFrom(join(built, 'src/index.js'), getModuleInfo);
      command ??= reachedFrom(join(built, 'src/cli/commands/append.js'), getModuleInfo);
      if (library.has(id)) return 'wal';
      const [room] = relative(join(built, 'src'), id).split(sep);
      if (room === 'lab') return undefined;
      if (command.has(id) || id === packageFile('commander/index.js')) return 'cli';
      if (room === 'table') return /[\\/](compact|past)\.js$/.test(id) ? 'rest' : 'table';
      return LIBRARY.includes(room) ? 'rest' : undefined;
    },
  };
}

/** The modules that are loaded with one. */
function reachedFrom(id, getModuleInfo, seen = new Set()) {
  if (seen.has(id)) return seen;
  seen.add(id);
  for (const next of getModuleInfo(id)?.importedIds ?? []) reachedFrom(next, getModuleInfo, seen);
  return seen;
}

/** A module of the lab is known by its URL, and finds what lies beside it by that, from wherever its code is put. */
const ownUrls = {
  name: 'own-urls',
  resolveImportMeta(property, { moduleId, chunkId }) {
    if (property !== 'url' || !moduleId.startsWith(join(built, 'src/lab/'))) return null;
    const path = relative(dirname(join(built, chunkId)), moduleId)
      .split(sep)
      .join('/');
    return `new URL(${JSON.stringify(path)}, import.meta.url).href`;
  },
};

/**
 * The dependencies that every process would load, put into the files that use them: loading such a package costs a short
 * process more than an append does.
 */
const bundled = ['commander', 'fast-json-stable-stringify'];
const packageFile = (name) => fileURLToPath(new URL(`node_modules/${name}`, import.meta.url));

/** Makes modules of the two packages' files, each of which is CommonJS in its plainest form. */
const bundledPackages = {
  name: 'bundled-packages',
  resolveId(id, importer) {
    if (bundled.includes(id)) return packageFile(`${id}/index.js`);
    if (!importer?.includes('node_modules') || !id.startsWith('.')) return null;
    return resolve(dirname(importer), id.endsWith('.js') ? id : `${id}.js`);
  },
  transform(code, id) {
    if (!id.includes('node_modules')) return null;
    const module = code
      .replace("'use strict';", '')
      // What starts commands that are programs of their own: there are none here.
      .replace("const childProcess = require('node:child_process');", 'const childProcess = undefined;')
      // The global one: importing it reads each of its properties, which opens the standard streams.
      .replace("const process = require('node:process');", '')
      .replace(/^const (\w+) = require\('([^']+)'\)\.\1;$/gm, "import { $1 } from '$2';")
      .replace(/^const (\{[^}]+\}|\w+) = require\('([^']+)'\);$/gm, "import $1 from '$2';")
      .replace(/^exports\.(\w+) = \1;/gm, 'export { $1 };')
      .replace(/^exports\.(\w+) = /gm, 'export const $1 = ')
      .replace(/^module\.exports = /m, 'export default ');
    if (/\brequire\(|\bexports\b/.test(module))
      this.error(`${id} is not as plain as it was: see this plugin`);
    return { code: module, map: null };
  },
  /** Their licences ask to be kept with every copy. */
  renderChunk(code, { moduleIds }) {
    const within = bundled.filter((name) => moduleIds.some((id) => id.startsWith(packageFile(`${name}/`))));
    const licences = within.map(
      (name) => `/*!\n${name}\n\n${readFileSync(packageFile(`${name}/LICENSE`), 'utf8').trim()}\n*/\n`,
    );
    return within.length === 0 ? null : { code: `${code}\n${licences.join('')}`, map: null };
  },
};

/**
 * Leaves out comments, but for licences, and indentation, and shortens what functions call their own variables: a good part of what
 * loading costs is reading the text. A statement keeps a line of its own, and a function its name, so that a stack trace can be read.
 */
const lean = {
  name: 'lean',
  async renderChunk(code) {
    // It would shorten private names too, which are methods' names: as plain ones they stay.
    const { code: text } = await minify(code.replace(/#(?=[a-z])/gi, 'PRIVATE_'), {
      module: true,
      compress: false,
      mangle: { module: false, keep_fnames: true, keep_classnames: true },
      format: { beautify: true, indent_level: 0, comments: /^!/ },
    });
    return { code: text.replaceAll('PRIVATE_', '#'), map: null };
  },
};

/**
 * Takes from Node's own modules what is named, and no more: an import reads each of a module's properties, and some of those load
 * further modules (of node:fs the streams, which cost a short process as much as 20 KB of text). What is imported for nothing is left out.
 */
const builtins = {
  name: 'builtins',
  renderChunk(code) {
    const taken = (names, from) => `const ${names} = process.getBuiltinModule('${from}');`;
    const module = code
      .replace(/^import 'node:[^']+';\n/gm, '')
      .replace(
        /^import (\w+), (\{[^}]+\}) from '(node:[^']+)';$/gm,
        "import $1 from '$3';\nimport $2 from '$3';",
      )
      .replace(/^import (?:\* as )?(\w+) from '(node:[^']+)';$/gm, (_, name, from) => taken(name, from))
      .replace(/^import (\{[^}]+\}) from '(node:[^']+)';$/gm, (_, names, from) =>
        taken(names.replaceAll(' as ', ': '), from),
      );
    if (/^(import|export) [^;]*['"]node:/m.test(module))
      this.error('An import of a node: module is not as plain as it was: see this plugin');
    return { code: module, map: null };
  },
};

const uplot = (name) => readFileSync(new URL(`node_modules/uplot/${name}`, import.meta.url), 'utf8').trim();

/** The licence asks to be kept with every copy. */
const licence = () => `/*!\nuPlot\n\n${uplot('LICENSE')}\n*/`;

/** Beside the page's script: its style. */
const pageStyle = {
  name: 'page-style',
  generateBundle() {
    const own = readFileSync(new URL('src/lab/report/page/page.css', import.meta.url), 'utf8');
    this.emitFile({
      type: 'asset',
      fileName: 'page.css',
      source: `${licence()}\n${uplot('dist/uPlot.min.css')}\n${own}`,
    });
  },
};

/** Leaves out what is marked as internal: the compiler does so of sources alone, and the tests are compiled against it. */
const published = {
  name: 'published',
  transform(code, id) {
    const file = ts.createSourceFile(id, code, ts.ScriptTarget.ESNext);
    const hidden = [];
    const look = (node) => {
      const comment = ts.getLeadingCommentRanges(code, node.pos)?.at(-1);
      if (comment !== undefined && code.slice(comment.pos, comment.end).includes('@internal'))
        hidden.push(node);
      else ts.forEachChild(node, look);
    };
    ts.forEachChild(file, look);
    return {
      code: hidden.reduceRight((text, { pos, end }) => text.slice(0, pos) + text.slice(end), code),
      map: null,
    };
  },
};

/** The lab's declarations take the library's from the library's own file: two of one class would be two types. */
const libraryTypes = {
  name: 'library-types',
  resolveId(id, importer) {
    const inLab = !relative(join(built, 'src/lab'), resolve(dirname(importer ?? ''), id)).startsWith('..');
    if (importer === undefined || inLab || !id.startsWith('.')) return null;
    return { id: join(built, 'jsonl-wal.js'), external: true };
  },
};

/** What an earlier build left is of no use, and would be published too. */
const anew = {
  name: 'anew',
  generateBundle() {
    for (const name of ['jsonl-wal', 'scripts']) rmSync(join(built, name), { recursive: true, force: true });
  },
};

/** npm makes a package's command executable when it installs the package, but not in a checkout, where `npx jsonl-wal` runs this file. */
const executable = {
  name: 'executable',
  writeBundle() {
    chmodSync(join(built, 'scripts/cli/main.js'), 0o755);
  },
};

/** Of a class that is exported as a type alone, the plugin for declarations makes a value: what is one, the module itself tells. */
const typesAlone = (module) => ({
  name: 'types-alone',
  async renderChunk(code) {
    const values = Object.keys(await import(module));
    return code.replace(/^export \{ (.+) \};$/m, (_, names) => {
      const marked = names
        .split(', ')
        .map((name) => (values.includes(name.split(' ').at(-1)) ? name : `type ${name}`));
      return `export { ${marked.join(', ')} };`;
    });
  },
});

export default [
  {
    input: {
      'jsonl-wal': 'dist/src/index.js',
      ...Object.fromEntries(entries.map((name) => [`scripts/${name}`, join(built, 'src', `${name}.js`)])),
    },
    plugins: [ownUrls, bundledPackages, builtins, lean, anew, executable],
    output: {
      dir: 'dist',
      entryFileNames: '[name].js',
      chunkFileNames: 'jsonl-wal/[name].js',
      hoistTransitiveImports: false,
      ...chunks(),
    },
  },
  {
    input: 'dist/src/index.d.ts',
    plugins: [published, dts(), typesAlone('./dist/jsonl-wal.js')],
    output: { file: 'dist/jsonl-wal.d.ts' },
  },
  {
    input: 'dist/src/lab/index.d.ts',
    plugins: [libraryTypes, published, dts(), typesAlone('./dist/scripts/lab/index.js')],
    output: { file: 'dist/scripts/lab/index.d.ts' },
  },
  {
    // What a report of the lab holds in itself: the chart library as it is published, and the page's own script.
    input: 'dist/src/lab/report/page/main.js',
    external: ['uplot'],
    plugins: [pageStyle],
    output: {
      dir: 'dist/scripts/lab/report',
      entryFileNames: 'page.js',
      format: 'iife',
      globals: { uplot: 'uPlot' },
      banner: () => `${licence()}\n${uplot('dist/uPlot.iife.min.js')}`,
    },
  },
];

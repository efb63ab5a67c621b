import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const built = resolve(import.meta.dirname, 'dist');
const scripts = join(built, 'scripts');

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

/** A module finds what lies beside it from wherever its code is put. */
const ownUrls = {
  name: 'own-urls',
  resolveImportMeta(property, { moduleId, chunkId }) {
    if (property !== 'url') return null;
    const path = relative(dirname(join(scripts, chunkId)), moduleId)
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

/** Leaves comments out, but for licences: a good part of what loading costs is reading the text. */
const lean = {
  name: 'lean',
  renderChunk(code) {
    const { ESNext } = ts.ScriptTarget;
    const compilerOptions = { removeComments: true, target: ESNext, module: ts.ModuleKind.ESNext };
    return { code: ts.transpileModule(code, { compilerOptions }).outputText, map: null };
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

export default [
  {
    input: { 'jsonl-wal': 'dist/src/index.js' },
    plugins: [bundledPackages, builtins, lean],
    output: {
      dir: 'dist',
      entryFileNames: '[name].js',
      chunkFileNames: 'jsonl-wal/[name].js',
      hoistTransitiveImports: false,
      ...chunks(),
    },
  },
  {
    input: Object.fromEntries(entries.map((name) => [name, join(built, 'src', `${name}.js`)])),
    plugins: [ownUrls, bundledPackages, builtins, lean],
    output: {
      dir: scripts,
      entryFileNames: '[name].js',
      chunkFileNames: 'shared/[name].js',
      hoistTransitiveImports: false,
      ...chunks(),
    },
  },
  {
    // What a report of the lab holds in itself: the chart library as it is published, and the page's own script.
    input: 'dist/src/lab/report/page/main.js',
    external: ['uplot'],
    plugins: [pageStyle],
    output: {
      dir: 'dist/src/lab/report',
      entryFileNames: 'page.js',
      format: 'iife',
      globals: { uplot: 'uPlot' },
      banner: () => `${licence()}\n${uplot('dist/uPlot.iife.min.js')}`,
    },
  },
];

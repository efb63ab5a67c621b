import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';

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
  { input: 'dist/src/index.js', output: { file: 'dist/jsonl-wal.js' } },
  {
    input: Object.fromEntries(entries.map((name) => [name, join(built, 'src', `${name}.js`)])),
    plugins: [ownUrls],
    output: {
      dir: scripts,
      entryFileNames: '[name].js',
      chunkFileNames: 'shared/[name].js',
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

import { readFileSync } from 'node:fs';

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

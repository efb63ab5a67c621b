import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '../support/scratch.ts';

const root = packageRoot();
/** Not of the source. */
const MADE = ['node_modules', 'dist', '.test_tmp', '.git'];

function pagesIn(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return MADE.includes(entry.name) ? [] : pagesIn(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
}

/** A page's text without what is shown as code, in which there are no links. */
const proseOf = (path: string) => readFileSync(path, 'utf8').replaceAll(/^```.*?^```$/gms, '');

/** The anchors of a page: those that GitHub gives its headings, and its own. */
function anchorsOf(path: string): string[] {
  const text = proseOf(path);
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    (heading as string)
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
  return [...headings, ...[...text.matchAll(/<a id="([^"]+)">/g)].map(([, id]) => id as string)];
}

test('every link of a page in the repository leads to a file that is there, and to a heading in it', () => {
  const pages = pagesIn(root);
  for (const name of ['CONTRIBUTING.md', 'bench/README.md', '.github/pull_request_template.md'])
    assert.ok(pages.includes(join(root, name)), name);
  const broken = pages.flatMap((page) =>
    [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, link]) => link as string)
      .filter((link) => !/^[a-z]+:/.test(link))
      .filter((link) => {
        const [path, anchor] = link.split('#') as [string, string | undefined];
        const target = path === '' ? page : resolve(dirname(page), path);
        if (!existsSync(target)) return true;
        return anchor !== undefined && target.endsWith('.md') && !anchorsOf(target).includes(anchor);
      })
      .map((link) => `${relative(root, page)}: ${link}`),
  );
  assert.deepEqual(broken, []);
});

test('the scripts of package.json need nothing of a shell that Windows lacks', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const wrong = Object.entries(scripts).filter(([, script]) =>
    /[*?$`;]|(^|&& )(rm|cp|mv|mkdir|[A-Z_]+=\S*) /.test(script),
  );
  assert.deepEqual(wrong, []);
});

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** The page's script and style, which the build makes: see rollup.config.js. */
export interface Asset {
  readonly text: string;
  /** As a Content-Security-Policy names it. */
  readonly hash: string;
}

export function readAsset(name: 'page.js' | 'page.css'): Asset {
  const text = readFileSync(new URL(`../../../scripts/lab/report/${name}`, import.meta.url), 'utf8');
  return { text, hash: `'sha256-${createHash('sha256').update(text).digest('base64')}'` };
}

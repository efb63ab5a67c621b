import type { Mark } from '../operations/run-record.ts';

export type MarkKind = Mark['kind'];

export interface MarkSign {
  readonly word: string;
  readonly one: string;
  readonly many: string;
  /** SVG path in a square from -5 to 5. */
  readonly path: string;
}

/** Told apart by shape, not by colour alone. */
export const MARK_SIGNS: Readonly<Record<MarkKind, MarkSign>> = {
  killed: {
    word: 'killed',
    one: 'kill',
    many: 'kills',
    path: 'M-5-3-3-5 0-2 3-5 5-3 2 0 5 3 3 5 0 2-3 5-5 3-2 0z',
  },
  restarted: { word: 'restarted', one: 'restart', many: 'restarts', path: 'M0-5 5 4-5 4z' },
  stopped: {
    word: 'stopped',
    one: 'stop',
    many: 'stops',
    path: 'M-4-5h3v10h-3zM1-5h3v10h-3z',
  },
  continued: {
    word: 'continued',
    one: 'continuation',
    many: 'continuations',
    path: 'M-4-5 5 0-4 5z',
  },
  'lock-broken': {
    word: 'lock broken',
    one: 'lock break',
    many: 'lock breaks',
    path: 'M1-5-4 1h3l-1 4 5-6h-3z',
  },
  takeover: { word: 'takeover', one: 'takeover', many: 'takeovers', path: 'M0-5 5 0 0 5-5 0z' },
};

export const MARK_KINDS = Object.keys(MARK_SIGNS) as MarkKind[];

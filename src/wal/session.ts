import { debuglog } from 'node:util';
import { type Environment, sessionName } from '../setup/environment.ts';

const debug = debuglog('jsonl-wal');

/** How one open Wal is named, in its lines and in the debug log. */
export interface Session {
  readonly name: string;
  /** Undefined unless NODE_DEBUG asks for the debug log. */
  readonly debug: ((message: string) => void) | undefined;
}

export function makeSession({ randomHex }: Environment): Session {
  const name = sessionName(randomHex);
  return { name, debug: debug.enabled ? (message) => debug('%s: %s', name, message) : undefined };
}

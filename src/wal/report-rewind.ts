import { messageOf } from '../errors/errors.ts';
import type { Rewind } from '../format/mark.ts';
import type { WalOptions } from '../setup/options.ts';

/** Calls `onRewound` after the write turn in which the rewind may have been found: the turn must not run the caller's code. */
export function reportRewind(onRewound: WalOptions['onRewound'], rewind: Rewind): void {
  Promise.resolve(rewind)
    .then(onRewound)
    .catch((error) => process.emitWarning(`onRewound threw (${messageOf(error)})`, { code: 'WAL_REWOUND' }));
}

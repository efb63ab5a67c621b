import { Option } from 'commander';

/**
 * What entries come to. To be said: where data is a change and not the whole, the last of it is not the state, and the
 * rest would be gone.
 */
export function foldOption(): Option {
  return new Option(
    '--fold <name>',
    'what entries come to; last-data: the last data of each id, until an op delete',
  )
    .choices(['last-data'])
    .makeOptionMandatory();
}

import type { Store, Target } from '../src/lab/index.ts';

/** A store that does nothing, for the lab: what an operation takes then is the lab's own. */
const idle: Target = {
  name: 'idle',
  about: 'does nothing',
  module: import.meta.url,
  locks: ['none'],
  can: [],
  open: async () => store,
};
export default idle;

const store: Store = {
  append: async () => ({}),
  read: () => [],
  close: async () => {},
};

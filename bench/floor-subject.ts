import { kernelLockLoads } from '../src/lock/kernel.ts';
import { openFloor } from './floor/floor.ts';
import { fillByAppending, type Session, type Subject } from './subject.ts';

/** The floor: what no chained log of many processes can do without. */
export function floorSubject(shared: boolean): Subject {
  return {
    settings: `no log: the least work of a chained append, kernel lock${shared ? ', syncs shared in a crowd' : ''}`,
    missing: () => (kernelLockLoads() ? undefined : 'the kernel lock does not load'),
    open: ({ directory }) => {
      // A busy lock is an error of the addon's: no try pays for its stack.
      Error.stackTraceLimit = 0;
      const session: Session = {
        ...openFloor(directory, shared),
        fill: (entries) => fillByAppending(session, entries),
        replay: () => {
          throw new Error('The floor is only written');
        },
      };
      return session;
    },
  };
}

import type { Section } from './section.ts';
import type { SettingsOf } from './work.ts';

/** What a section's figures are about, for the line under its name. */
export function describe({ settings, rounds }: Section): string {
  const median = rounds === 1 ? 'one trial each' : `medians of ${rounds} trials each, taking turns`;
  switch (settings.kind) {
    case 'crowd':
      return `${crowdText(settings)}, from a common start; ${median}`;
    case 'calls':
      return `of the library, for each of ${settings.times.toLocaleString('en')}, counted by V8; the files are its modules before they are bundled`;
    case 'steps':
      return `each of one entry, in memory, measured for ${settings.ms} ms; stringify and parse: JSON.stringify and JSON.parse of the same entry; ${median}`;
    case 'flood':
      return `one process calls append ${settings.appends.toLocaleString('en')} times, and half as often, with room for all, and where each waits for room; ${median}`;
    case 'replay':
      return `one process reads and parses ${settings.records.toLocaleString('en')} records from the cache${settings.batch === 1 ? '' : `, ${settings.batch.toLocaleString('en')} in each line`}; ${median}`;
    case 'reading':
      return `${settings.records.toLocaleString('en')} lines from the cache, in a process for each way; ${median}`;
    case 'stopped-holder':
      return `appends of ${settings.others} other processes, lockTimeoutMs ${settings.lockTimeoutMs}; ${median}`;
    case 'killed-holder':
      return 'from kill -9 of the holder until the append that waits is acknowledged; one trial each';
    case 'opening':
      return `logs of ${megabytes(settings.smallBytes)} and ${megabytes(settings.largeBytes)}, each opened ${settings.times} times a trial, in turn; ${median}`;
    case 'load':
      return `one process takes up ${settings.ids.toLocaleString('en')} ids from the cache; ${median}`;
    case 'refresh':
      return `${settings.times} times; the record is another process's; ${median}`;
    case 'server':
      return `for each value of blockMs it appends for ${settings.ms} ms, each entry once the one before is acknowledged; ${median}`;
    case 'followers':
      return `another process appends ${settings.appends.toLocaleString('en')} entries, each once all followers have the one before; processor time an append in the process that follows; ${median}`;
    case 'idle-follower':
      return `a process follows a log to which nobody appends, for ${settings.ms} ms, and then ${settings.appends} appends of another, told by the system and by the poll alone; processor time in per cent of a core, median time from an append's call; ${median}`;
    case 'update': {
      const { processes, updates, inFlight } = settings;
      return `${processes} processes each update one id ${updates} times, ${inFlight} in flight, from a common start; ${median}`;
    }
    case 'claim': {
      const { workers, jobs } = settings;
      return `${workers === 1 ? 'one process claims and completes' : `${workers} processes claim and complete`} ${jobs.toLocaleString('en')} jobs, each awaited, from a common start; ${median}`;
    }
    case 'compaction':
      return `slowest append of ${settings.writers} processes while a log of ${settings.records.toLocaleString('en')} records is compacted, twice, and as long without; ${median}`;
    case 'churn':
      return `files' bytes beyond an empty log's, after ${settings.cycles.toLocaleString('en')} times; ${median}`;
    case 'starting':
      return `processor time of a process beyond "node -e 0", medians of ${settings.times} in turn: an empty module; import of the package; import, open, append and close; "jsonl-wal append"${process.env.NODE_EXTRA_CA_CERTS ? '; NODE_EXTRA_CA_CERTS is set, so that node alone reads certificates' : ''}`;
    case 'large':
      return `one process appends ${megabytes(settings.bytes)} of each shape ${settings.times} times, in turn with JSON.stringify of the same data; ${median}`;
    case 'harness':
      return `one client of no-data-loss appends ${settings.appends.toLocaleString('en')} times, to a target that does nothing and to this log; ${median}`;
    case 'history':
      return `${settings.operations.toLocaleString('en')} operations that nothing is wrong with; ${median}`;
    case 'tracker':
      return `${settings.issues.toLocaleString('en')} issues, ${settings.changes} changes after a compaction: a process each, beyond "node -e 0"; medians of ${settings.times} in turn`;
  }
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toLocaleString('en')} MB`;

function crowdText({ processes, appends, inFlight }: SettingsOf<'crowd'>): string {
  const each = `${appends.toLocaleString('en')} appends, ${inFlight.toLocaleString('en')} in flight`;
  return processes === 1 ? `one process, ${each}` : `${processes} processes, each ${each}`;
}

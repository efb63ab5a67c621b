import './program-guard.ts';
import { type Head, Wal } from '../../src/index.ts';

/** What a process that follows a log is to do; told `stop {seq}`, it ends once it has seen that record. */
export interface FollowJob {
  readonly directory: string;
  readonly durable: boolean;
}

export interface FollowNews {
  readonly kind: 'ready' | 'seen';
  readonly records?: readonly Head[];
}

const { directory, durable } = JSON.parse(process.argv[2] as string) as FollowJob;
const enough = new AbortController();
const records: Head[] = [];
let last = Infinity;
const look = () => {
  if ((records.at(-1)?.seq ?? 0) >= last) enough.abort();
};
process.on('message', (message) => {
  last = Number(message);
  look();
});
process.on('disconnect', () => process.exit());

const wal = await Wal.open(directory, { readOnly: true });
process.send?.({ kind: 'ready' } satisfies FollowNews);
for await (const { seq, crc } of wal.follow({ signal: enough.signal, durable })) {
  records.push({ seq, crc });
  look();
}
await wal.close();
process.send?.({ kind: 'seen', records } satisfies FollowNews, () => process.disconnect());

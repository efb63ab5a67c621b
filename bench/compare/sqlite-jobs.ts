import type { Entry } from '../../src/index.ts';
import type { ClaimedJob, JobQueue } from '../subject.ts';
import type { Database } from './sqlite-database.ts';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS jobs (id TEXT PRIMARY KEY, number INTEGER NOT NULL, priority INTEGER NOT NULL, state TEXT NOT NULL,
    worker TEXT, rev INTEGER NOT NULL, line TEXT NOT NULL);
  CREATE INDEX IF NOT EXISTS open_jobs ON jobs (priority, number) WHERE state = 'open';
`;

/** A row a job, and an index of those that are open; a claim and a completion are a BEGIN IMMEDIATE transaction each. */
export function openSqliteJobs(db: Database): JobQueue {
  db.exec(SCHEMA);
  const add = db.prepare("INSERT INTO jobs VALUES (?, ?, ?, 'open', NULL, 1, ?)");
  const first = db.prepare("SELECT id, rev FROM jobs WHERE state = 'open' ORDER BY priority, number LIMIT 1");
  const take = db.prepare("UPDATE jobs SET state = 'claimed', worker = ?, rev = ? WHERE id = ?");
  const end = db.prepare("UPDATE jobs SET state = 'completed', rev = rev + 1 WHERE id = ? AND rev = ?");
  const count = db.prepare("SELECT count(*) AS count FROM jobs WHERE state = 'completed'");
  const fill = db.transaction((entries: Iterable<Entry>) => {
    let number = 0;
    for (const { id, data } of entries)
      add.run(id, ++number, (data as { priority: number }).priority, JSON.stringify(data));
  });
  const claim = db.transaction((by: string): ClaimedJob | undefined => {
    const job = first.get<ClaimedJob>();
    if (job === undefined) return undefined;
    const rev = job.rev + 1;
    take.run(by, rev, job.id);
    return { id: job.id, rev };
  });
  const complete = db.transaction(({ id, rev }: ClaimedJob) => {
    if (end.run(id, rev).changes !== 1) throw new Error(`${id} is not at rev ${rev}`);
  });
  return {
    fill: (entries) => fill.immediate(entries),
    claim: (by) => claim.immediate(by),
    complete: (job) => complete.immediate(job),
    completed: () => count.get<{ count: number }>()?.count ?? 0,
    close: () => db.close(),
  };
}

import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { killAll } from './child.ts';
import { idleShare } from './idle.ts';
import { median } from './median.ts';
import type { Section } from './section.ts';
import { type SubjectName, subjectOf } from './subjects.ts';
import type { Figures, Kind, Task, Work } from './work.ts';
import { WORKS } from './works.ts';

/** What came of a section. */
export interface Result {
  readonly section: Section;
  readonly rows: readonly Row[];
  /** How much of the machine's processor time nobody used before each round, in per cent. */
  readonly idle: readonly number[];
}

export interface Row {
  readonly subject: SubjectName;
  /** One for each round. */
  readonly trials: readonly Figures[];
  /** Of each figure over the trials. */
  readonly median: Figures;
  /** Why there are no figures. */
  readonly skipped?: string;
  readonly failed?: string;
}

/** Lets the disk come to rest, so that one trial does not pay for the one before. */
const REST_MS = 50;

class Contestant {
  readonly subject: SubjectName;
  readonly trials: Figures[] = [];
  skipped: string | undefined;
  failed: string | undefined;
  readonly #section: Section;
  readonly #directory: string;
  readonly #work: Work<Kind>;

  constructor(section: Section, subject: SubjectName, directory: string) {
    this.subject = subject;
    this.#section = section;
    this.#directory = directory;
    this.#work = WORKS[section.settings.kind] as Work<Kind>;
    this.skipped = whyNot(section, subject);
  }

  async prepare(): Promise<void> {
    await this.#attempt(async () => {
      if (this.#work.prepare === undefined) return;
      mkdirSync(this.#directory);
      await this.#work.prepare(this.#task(this.#directory));
    });
  }

  async trial(): Promise<void> {
    await this.#attempt(async () => {
      const prepared = this.#work.prepare !== undefined;
      const directory = prepared ? this.#directory : `${this.#directory}-${this.trials.length}`;
      if (!prepared) mkdirSync(directory);
      this.trials.push(await this.#work.trial(this.#task(directory)));
      if (!prepared) rmSync(directory, { recursive: true });
      await sleep(REST_MS);
    });
  }

  async #attempt(body: () => Promise<void>): Promise<void> {
    if (this.skipped !== undefined || this.failed !== undefined) return;
    try {
      await body();
    } catch (error) {
      await killAll();
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'ERR_WAL_LOCK_UNAVAILABLE' || code === 'ENOSPC') this.skipped = message;
      else this.failed = message;
    }
  }

  #task(directory: string): Task {
    return { subject: this.subject, directory, settings: this.#section.settings };
  }

  row(): Row {
    const { subject, trials, skipped, failed } = this;
    return {
      subject,
      trials,
      median: medianFigures(trials),
      ...(skipped !== undefined && { skipped }),
      ...(failed !== undefined && { failed }),
    };
  }
}

function whyNot({ settings }: Section, name: SubjectName): string | undefined {
  const subject = subjectOf(name);
  if (settings.kind === 'stopped-holder' && process.platform === 'win32') return 'Windows stops no processes';
  return subject.missing?.();
}

/** Measures a section: round after round, in each of which every subject has its trial in fresh processes. */
export async function runSection(
  section: Section,
  directory: string,
  progress: (message: string) => void,
): Promise<Result> {
  const contestants = section.subjects.map(
    (subject) => new Contestant(section, subject, join(directory, subject.replaceAll(' ', '-'))),
  );
  for (const contestant of contestants) await contestant.prepare();
  const idle: number[] = [];
  for (let round = 1; round <= section.rounds; round++) {
    idle.push(await idleShare());
    for (const contestant of contestants) {
      progress(`${section.name}, round ${round} of ${section.rounds}: ${contestant.subject}`);
      await contestant.trial();
    }
  }
  rmSync(directory, { recursive: true });
  mkdirSync(directory);
  return { section, rows: contestants.map((contestant) => contestant.row()), idle };
}

/** A figure that a trial lacks, such as a p99 of few, has no median. */
export function medianFigures(trials: readonly Figures[]): Figures {
  const names = Object.keys(trials[0] ?? {}).filter((name) => trials.every((figures) => name in figures));
  return Object.fromEntries(
    names.map((name) => [name, median(trials.map((figures) => figures[name] as number))]),
  );
}

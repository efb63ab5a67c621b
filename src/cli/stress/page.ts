import { accessSync, constants, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { reasonOf } from '../../errors/errors.ts';
import { type Machine, machineOf } from '../../lab/machine.ts';
import { makeReport } from '../../lab/report/report.ts';
import type { ReportRun } from '../../lab/report/run-section.ts';
import { usageError } from '../failure.ts';
import { writeWhole } from '../write-file.ts';

/** The page about the runs that `--report` asks for. */
export class Page {
  readonly #path: string;
  readonly #machine: Machine;
  readonly #runs: ReportRun[] = [];

  /** `place`: what the runs are in. Throws where nothing can be written at that path. */
  constructor(path: string, place: string) {
    this.#path = resolve(path);
    this.#machine = machineOf(place);
    try {
      accessSync(dirname(this.#path), constants.W_OK);
    } catch (error) {
      throw usageError(`--report ${path}: nothing can be written there: ${reasonOf(error)}`);
    }
    if (statSync(this.#path, { throwIfNoEntry: false })?.isDirectory())
      throw usageError(`--report ${path}: it is a directory. Name a file.`);
  }

  add(run: ReportRun): void {
    this.#runs.push(run);
  }

  /** Writes it, where there is anything to show. Answers where it is. */
  write(): string | undefined {
    if (this.#runs.length === 0) return undefined;
    writeWhole(this.#path, [makeReport(this.#runs, this.#machine)]);
    return this.#path;
  }
}

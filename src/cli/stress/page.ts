import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { reasonOf } from '../../errors/errors.ts';
import { type Machine, machineOf } from '../../lab/machine.ts';
import { isReport, makeReport } from '../../lab/report/report.ts';
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
    const there = statSync(this.#path, { throwIfNoEntry: false });
    if (there?.isDirectory()) throw usageError(`--report ${path}: it is a directory. Name a file.`);
    if (there?.isFile() && there.size > 0 && !isReport(readFileSync(this.#path)))
      throw usageError(
        `--report ${path}: a file that is no report lies there. Name another, or move it away.`,
      );
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

import type { Head } from '../format/chain.ts';
import type { ConvertedLines, EditedLine, LostRange, SurveyedInvalidLine } from '../format/survey.ts';
import type { Environment } from '../setup/environment.ts';
import type { WalOptions } from '../setup/options.ts';

export type { ConvertedLines, EditedLine, LostRange, SurveyedInvalidLine };

export interface RepairOptions {
  /**
   * `tail` appends a record that names what is missing or damaged; writers can then continue after it. `salvage` makes
   * a new log of every entry that can be read, and keeps the original. Required.
   */
  readonly mode: 'tail' | 'salvage';
  /**
   * Only for `salvage`: keep lines that were edited by hand, with the edited content, and record in a `wal.repair`
   * entry at the end that they were edited. A line is kept only if it is still JSON of the right shape, with its own
   * number and checksums. Default false: edited lines are left out, and reported in `edits`.
   */
  readonly acceptEdits?: boolean | undefined;
  /** Write nothing, and report what would be done. Default false. */
  readonly dryRun?: boolean | undefined;
  /** Allow a network file system; then only one machine may write. Default false. */
  readonly allowNetwork?: boolean | undefined;
  /**
   * Aborts the repair, which rejects with ERR_WAL_ABORTED. It has no effect once files are being replaced. Default:
   * none.
   */
  readonly signal?: AbortSignal | undefined;
  /**
   * Called now and then with the bytes of segments read so far, which begin at 0 again each time that the segments are
   * read. If it throws, the repair rejects with that error. Default: none.
   */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

export interface RepairReport {
  readonly mode: 'tail' | 'salvage';
  readonly dryRun: boolean;
  /** The absolute path of the log. */
  readonly directory: string;
  /** What was wrong, in words; empty if there was nothing to do. */
  readonly reasons: readonly string[];
  /** The head of the log after the repair; in a dry run of a salvage, the head that the new log would have. */
  readonly head: Head;
  /** Number of entries of the damaged log that are in the repaired one. */
  readonly entries: number;
  /** How many of them did not count any more in the damaged log. */
  readonly recovered: number;
  /** Lines that an editor, a checkout or a copy had converted, and that are in the repaired log as they were before. */
  readonly converted: readonly ConvertedLines[];
  /** The first 1,000 lines that were edited by hand. They are in the repaired log only with `acceptEdits`. */
  readonly edits: readonly EditedLine[];
  /** Numbers whose entries are lost. */
  readonly lost: readonly LostRange[];
  /**
   * Number of ids whose state before the first entry is lost, because the only snapshot that covered it is damaged. If
   * none of that snapshot could be used, the number of ids that can still be read in it.
   */
  readonly lostIds: number;
  /** The first 1,000 damaged lines: neither records nor what a crash leaves. */
  readonly damaged: readonly SurveyedInvalidLine[];
  /** The path of the whole original; undefined if no file was replaced. */
  readonly kept: string | undefined;
}

/** The checked arguments of a repair. */
export interface RepairJob {
  readonly environment: Environment;
  readonly directory: string;
  readonly lock: WalOptions['lock'];
  readonly dryRun: boolean;
  readonly acceptEdits: boolean;
  readonly allowNetwork: boolean;
  /** Throws if the repair was aborted; reports progress if `bytes` is given. */
  readonly check: (bytes?: number) => void;
}

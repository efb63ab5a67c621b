import type { Head } from '../format/chain.ts';
import type { ConvertedLines, EditedLine, LostRange, SurveyedInvalidLine } from '../format/survey.ts';
import type { Environment } from '../setup/environment.ts';
import type { WalOptions } from '../setup/options.ts';

export type { ConvertedLines, EditedLine, LostRange, SurveyedInvalidLine };

export interface RepairOptions {
  /**
   * `tail` appends a record that names what is missing or damaged, and thereby lets the log go on; `salvage` makes a
   * new log of every entry that can be read, and keeps the original.
   */
  readonly mode: 'tail' | 'salvage';
  /**
   * For `salvage`: keep what an edit by hand made of a line as that line's entry, and record that it was edited, in an entry
   * `wal.repair` at the end. Only a line that is JSON of the right shape still, and bears the number and checksums it had.
   * Default false: it is left out, and told in `edits`.
   */
  readonly acceptEdits?: boolean | undefined;
  /** Write nothing, and say what would be done. Default false. */
  readonly dryRun?: boolean | undefined;
  /** Allow a network file system, where one machine alone may write. Default false. */
  readonly allowNetwork?: boolean | undefined;
  /** Gives it up (ERR_WAL_ABORTED), as long as nothing was put in place. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Called now and then with the bytes of segments read so far; from 0 again each time that they are read. What it throws,
   * the repair rejects with.
   */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

export interface RepairReport {
  readonly mode: 'tail' | 'salvage';
  readonly dryRun: boolean;
  /** The log's, absolute. */
  readonly directory: string;
  /** What was wrong, in words; empty where there was nothing to do. */
  readonly reasons: readonly string[];
  /** Where the log ends now; of a salvage that was not made, where it would. */
  readonly head: Head;
  /** Entries of the damaged log that are in this one. */
  readonly entries: number;
  /** Those of them that did not count any more. */
  readonly recovered: number;
  /** Lines that are whole but for what an editor, a checkout or a copy did to all of them, and that are in this log as they were. */
  readonly converted: readonly ConvertedLines[];
  /** Lines that were edited by hand; whether they were kept, `acceptEdits` says. The first 1,000. */
  readonly edits: readonly EditedLine[];
  /** Numbers whose entries are not there any more. */
  readonly lost: readonly LostRange[];
  /** Ids whose state before the first entry is gone, with parts of the one snapshot that stood for it, or all: then those that can be read in it still. */
  readonly lostIds: number;
  /** Lines that are no records, nor what a crash leaves: the first 1,000. */
  readonly damaged: readonly SurveyedInvalidLine[];
  /** Where the original lies whole; undefined where no file was replaced. */
  readonly kept: string | undefined;
}

/** What a repair is given, checked. */
export interface RepairJob {
  readonly environment: Environment;
  readonly directory: string;
  readonly lock: WalOptions['lock'];
  readonly dryRun: boolean;
  readonly acceptEdits: boolean;
  readonly allowNetwork: boolean;
  /** Throws where it was aborted, and tells how far it is. */
  readonly check: (bytes?: number) => void;
}

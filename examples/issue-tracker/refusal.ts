/** Why a command was refused. */
export type RefusalCode =
  | 'NO_TRACKER'
  | 'NOT_FOUND'
  | 'WRONG_STATE'
  | 'CYCLE'
  | 'CLAIMED'
  | 'NOTHING_READY'
  | 'FILE_HAS_MORE'
  | 'BAD_FILE';

/** A command that the state of the tracker does not allow: nothing was written. */
export class Refusal extends Error {
  readonly code: RefusalCode;
  /** Who has the issue, where that is why. */
  readonly claimedBy: string | undefined;

  constructor(code: RefusalCode, message: string, claimedBy?: string) {
    super(message);
    this.code = code;
    this.claimedBy = claimedBy;
  }
}

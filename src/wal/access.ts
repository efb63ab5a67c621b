import { WalError } from '../errors/errors.ts';
import { type Appender, latchedError } from '../log/appender.ts';
import { checkOutside } from '../table/outside.ts';
import { BackgroundTasks } from './background-tasks.ts';

/** Which calls a Wal admits: in a transaction's function none, when it is closed none, when it is read-only no writes. */
export class Access {
  readonly #appender: Appender;
  readonly #readOnly: boolean;
  /** `close` waits for these. */
  readonly #tasks = new BackgroundTasks();
  #closed = false;

  constructor(appender: Appender, readOnly: boolean) {
    this.#appender = appender;
    this.#readOnly = readOnly;
  }

  /** Throws inside a transaction's function. */
  checkOutside(): void {
    if (this.#appender.group.deciding) checkOutside(this.#appender);
  }

  checkOpen(): void {
    this.checkOutside();
    if (this.#closed)
      throw new WalError('ERR_WAL_CLOSED', 'The Wal is closed: open it again.', { outcome: 'not-written' });
  }

  /** Throws unless the Wal is open, and open for writing. */
  checkWritable(): void {
    if (this.#closed || this.#appender.group.deciding) this.checkOpen();
    if (this.#readOnly) {
      throw new WalError(
        'ERR_WAL_READ_ONLY',
        'The Wal was opened read-only: open it without readOnly to append.',
        { outcome: 'not-written' },
      );
    }
    const { failure } = this.#appender;
    if (failure !== undefined) throw latchedError(failure);
  }

  /**
   * Runs what reads or writes the store for longer than a write turn. Throws inside a transaction's function; rejects if
   * the Wal is closed.
   */
  run<T>(task: () => Promise<T>): Promise<T> {
    this.checkOutside();
    const runIfOpen = async () => {
      this.checkOpen();
      return task();
    };
    return this.note(runIfOpen());
  }

  /** Notes a task that runs already, and answers as it does. */
  note<T>(task: Promise<T>): Promise<T> {
    return this.#tasks.note(task);
  }

  /** Admits no more calls. */
  end(): void {
    this.#closed = true;
  }

  /** Resolves once no task runs. */
  idle(): Promise<void> {
    return this.#tasks.ended();
  }
}

import { ERROR_CODES, WalError } from '../../src/errors/errors.ts';

/** What a call may take before it counts as hung, on a machine of any speed. */
export const HUNG_MS = 60_000;

/** What is found wrong in a case, and what was seen of it. */
export class Findings {
  readonly faults: string[] = [];
  /** How often each thing happened: calls that went well, errors by their code. */
  readonly counts: Record<string, number> = {};

  count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  fault(what: string): void {
    this.faults.push(what);
  }

  /** Does one thing with the damaged log. It may end well, or in an error of the log's; then the answer is undefined. */
  async attempt<T>(name: string, body: () => T | Promise<T>): Promise<T | undefined> {
    const start = performance.now();
    try {
      const result = await body();
      this.count(`${name} ok`);
      return result;
    } catch (error) {
      this.count(error instanceof WalError ? error.code : 'other');
      if (!isOurs(error)) this.fault(`${name} threw ${(error as Error)?.stack ?? String(error)}`);
      return undefined;
    } finally {
      const took = performance.now() - start;
      if (took > HUNG_MS) this.fault(`${name} took ${Math.round(took)} ms`);
    }
  }
}

/** Whether it is an error that a caller can go by. */
function isOurs(error: unknown): error is WalError {
  return error instanceof WalError && Object.hasOwn(ERROR_CODES, error.code) && error.message !== '';
}

// A reporter of `node --test`: a line of JSON for each test that passed or failed.
import type { TestEvent } from 'node:test/reporters';

/** How a test ended. */
export interface Ended {
  readonly name: string;
  /** The error's message, in one line; absent where it passed. */
  readonly error?: string;
}

export default async function* failures(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type, data } of source) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const { name } = data;
    if (type === 'test:pass') yield `${JSON.stringify({ name })}\n`;
    else {
      const { cause } = data.details.error;
      const error = String((cause as Error | undefined)?.message ?? cause).replaceAll(/\s+/g, ' ');
      yield `${JSON.stringify({ name, error })}\n`;
    }
  }
}

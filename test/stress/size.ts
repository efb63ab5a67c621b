/** How large the stress tests are. */
export interface Size {
  readonly clients: number;
  readonly seconds: number;
}

/** The size that the environment asks for. Throws where it asks for one that cannot be meant. */
export function sizeOf(env: NodeJS.ProcessEnv): Size {
  return {
    clients: whole(env, 'STRESS_TEST_CLIENTS', 10, 50),
    seconds: whole(env, 'STRESS_TEST_DURATION_SECS', 30, 300),
  };
}

/** Whether they are to run at all: they take minutes. */
export function isWanted(env: NodeJS.ProcessEnv): boolean {
  return env.RUN_STRESS_TESTS === '1' || env.npm_lifecycle_event === 'test:stress';
}

function whole(env: NodeJS.ProcessEnv, name: string, otherwise: number, most: number): number {
  const text = env[name];
  if (text === undefined || text === '') return otherwise;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= most) return value;
  throw new Error(`${name} must be a whole number from 1 to ${most}, not ${JSON.stringify(text)}`);
}

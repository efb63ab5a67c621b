/** A reproducible source of randomness (mulberry32): numbers from 0 to 1 (not included). */
export type Dice = () => number;

export function seeded(seed: number): Dice {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The seed of this run: TEST_SEED, or one that is new every time. Throws where TEST_SEED is no whole number. */
export function chooseSeed(): number {
  const given = process.env.TEST_SEED;
  if (given === undefined) return Math.floor(Math.random() * 2 ** 32);
  if (!/^\d+$/.test(given)) throw new Error(`TEST_SEED must be a whole number, not "${given}".`);
  return Number(given);
}

export function pick<T>(dice: Dice, from: readonly T[]): T | undefined {
  return from[Math.floor(dice() * from.length)];
}

/** Makes texts of so many hexadecimal digits. */
export function hexDigits(dice: Dice): (count: number) => string {
  const digit = () => Math.floor(dice() * 16).toString(16);
  return (count) => Array.from({ length: count }, digit).join('');
}

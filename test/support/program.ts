import { Command, InvalidArgumentError } from 'commander';

/** A program of the checkout, called by `npm run`. It ends with 2 where it cannot be called so. */
export function makeProgram(script: string, about: string): Command {
  return new Command(`npm run ${script} --`)
    .description(about)
    .showHelpAfterError()
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));
}

/** Parses a whole number within these bounds. */
export function countFrom(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };
}

/** Names a fold: which function makes the log's state, and which version of that function. */
export interface FoldIdentity {
  /** 1 to 200 characters. */
  readonly name: string;
  /** A whole number from 1. Raise it when the same entries lead to another state. */
  readonly version: number;
}

const LONGEST_NAME = 200;

export function isFoldIdentity(value: unknown): value is FoldIdentity {
  const { name, version } = (value ?? {}) as Partial<FoldIdentity>;
  const isNamed = typeof name === 'string' && name !== '' && name.length <= LONGEST_NAME;
  return isNamed && Number.isSafeInteger(version) && (version as number) >= 1;
}

/** Name and version, for messages. */
export function foldLabel({ name, version }: FoldIdentity): string {
  return `${JSON.stringify(name)} version ${version}`;
}

/** Whether a line that names the fold would change the log's fold. */
export function isNews(recorded: FoldIdentity | undefined, named: FoldIdentity): boolean {
  return recordedFold(recorded, named) !== recorded;
}

/** The log's fold after a line that names one: the first fold that was named, or a later version of it. */
export function recordedFold(recorded: FoldIdentity | undefined, named: FoldIdentity): FoldIdentity {
  if (recorded === undefined) return { name: named.name, version: named.version };
  const isLater = named.name === recorded.name && named.version > recorded.version;
  return isLater ? { name: named.name, version: named.version } : recorded;
}

/** Hears the warnings of a kind while `body` runs. */
export async function warningsIn(code: string, body: () => Promise<unknown>): Promise<string[]> {
  const heard: string[] = [];
  const hear = (warning: Error & { code?: string }) => {
    if (warning.code === code) heard.push(warning.message);
  };
  process.on('warning', hear);
  try {
    await body();
    // Warnings are told in a tick of their own.
    await new Promise(setImmediate);
  } finally {
    process.off('warning', hear);
  }
  return heard;
}

/** Those that are heard. */
const heard = new WeakSet<NodeJS.WriteStream>();

/** Standard error. It is opened by the first who has something to say there: most commands do not, and it takes a process 3 ms. */
export function stderr(): NodeJS.WriteStream {
  const stream = process.stderr;
  if (!heard.has(stream)) {
    heard.add(stream);
    // Nobody reads what is said: there is nobody to tell.
    stream.on('error', () => {});
  }
  return stream;
}

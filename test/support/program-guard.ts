import { isMainThread } from 'node:worker_threads';

/**
 * Ends a program at once that `node --test` runs as a test: newer Nodes run every file under a folder that is named `test`. A program
 * imports this first.
 */
if (process.env.NODE_TEST_CONTEXT !== undefined && process.argv.length === 2 && isMainThread) process.exit();

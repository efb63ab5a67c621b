import './program-guard.ts';
import { nodeStorage } from '../../src/storage/node.ts';

/* Watches a directory, and has nothing else to do. */
nodeStorage.watch(
  JSON.parse(process.argv[2] as string) as string,
  () => {},
  () => {},
);
process.disconnect();

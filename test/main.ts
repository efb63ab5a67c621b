import './support/program-guard.ts';
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';

/*
 * Runs the tests: `npm test -- [PART...] [OPTION...]`. A PART takes the files whose path has it (table/compact); an OPTION goes to
 * `node --test`. They are listed here because neither Node 20 nor a shell of Windows expands a pattern.
 */
const asked = process.argv.slice(2);
const options = asked.filter((argument) => argument.startsWith('-'));
const parts = asked.filter((argument) => !argument.startsWith('-'));
const files = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.test\.[jt]s$/.test(name))
  .map((name) => relative('.', join(import.meta.dirname, name)))
  .filter((path) => parts.length === 0 || parts.some((part) => path.replaceAll('\\', '/').includes(part)))
  .sort();
if (files.length === 0) {
  console.error(`No test has ${parts.join(' or ')} in its path.`);
  process.exit(2);
}
const flags = ['--test', '--test-concurrency=3', '--test-timeout=600000', ...options, ...files];
spawn(process.execPath, flags, { stdio: 'inherit' }).on('exit', (code) => {
  process.exitCode = code ?? 1;
});

import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A git repository with a log in it. */
export class Repository {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
    mkdirSync(this.log, { recursive: true });
    this.git('init', '-q', '-b', 'main');
    for (const [name, value] of Object.entries(CONFIG)) this.git('config', name, value);
    writeFileSync(join(directory, '.gitattributes'), '*.jsonl -text\n');
    writeFileSync(
      join(this.log, '.gitignore'),
      'wal.lock\nwal.lock.held\nwal.failed-sync\nwal.mark\nwal.rewound\n*.tmp\n',
    );
  }

  get log(): string {
    return join(this.directory, '.beads');
  }

  git(...args: string[]): string {
    const { GIT_DIR: _, GIT_INDEX_FILE: __, GIT_WORK_TREE: ___, ...env } = process.env;
    return execFileSync('git', args, { cwd: this.directory, env, encoding: 'utf8', stdio: 'pipe' });
  }

  commit(message: string): void {
    this.git('add', '-A');
    this.git('commit', '-q', '-m', message);
  }
}

const CONFIG = {
  'user.name': 'test',
  'user.email': 'test@example.org',
  'commit.gpgsign': 'false',
  'core.hooksPath': '/dev/null',
  'core.fsmonitor': 'false',
  'gc.auto': '0',
};

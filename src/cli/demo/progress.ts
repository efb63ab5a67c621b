import type { DemoProgress } from '../../lab/demo.ts';
import { figure } from '../words.ts';
import type { Paint } from './paint.ts';

const FRAME_MS = 100;
const LINE_MS = 2000;
const MOST_BARS = 16;
/** Bars and their surroundings on the widest terminal. */
const MOST_COLUMNS = 100;
const LEAST_COLUMNS_FOR_RATES = 60;

/** Shows how far it is until the answer is called: live on a terminal, elsewhere a line every two seconds. */
export function showProgress(stream: NodeJS.WriteStream, paint: Paint, progress: DemoProgress): () => void {
  return stream.isTTY ? showLive(stream, paint, progress) : showLines(stream, progress);
}

function showLive(stream: NodeJS.WriteStream, paint: Paint, progress: DemoProgress): () => void {
  const showCursor = () => stream.write('\x1b[?25h');
  let drawn = 0;
  const draw = (lines: string[]) => {
    // From the first column, whatever was typed meanwhile; each line is cleared to its end, and then what was below.
    const text = lines.map((line) => `${line}\x1b[K\n`).join('');
    stream.write(`${drawn > 0 ? `\r\x1b[${drawn}A` : ''}${text}\x1b[J`);
    drawn = lines.length;
  };
  const frame = () => draw([...bars(stream, paint, progress), paint.dim(doing(progress))]);
  stream.write('\x1b[?25l');
  process.once('exit', showCursor);
  frame();
  const timer = setInterval(frame, FRAME_MS);
  return () => {
    clearInterval(timer);
    draw([...bars(stream, paint, progress), '']);
    showCursor();
    process.removeListener('exit', showCursor);
  };
}

function showLines(stream: NodeJS.WriteStream, progress: DemoProgress): () => void {
  let said = '';
  const timer = setInterval(() => {
    const line = doing(progress);
    if (line !== said) stream.write(`${line}\n`);
    said = line;
  }, LINE_MS);
  return () => clearInterval(timer);
}

function doing(progress: DemoProgress): string {
  const { phase, entries, members, startedAt } = progress;
  if (phase === 'appending' && startedAt === undefined) return `  starting ${members.length} processes`;
  if (phase === 'reading') return `  reading: ${figure(entries)} entries`;
  const done = members.reduce((sum, member) => sum + member.acknowledged, 0);
  if (phase === 'verifying') return `  verifying ${figure(done)} entries`;
  const percent = Math.floor((100 * done) / entries);
  return `  ${percent} %: ${figure(done)} of ${figure(entries)} acknowledged`;
}

/** A bar a process, or one for all where there are too many for the screen. */
function bars(stream: NodeJS.WriteStream, paint: Paint, progress: DemoProgress): string[] {
  const { members, startedAt } = progress;
  if (members.length === 0) return [];
  const columns = Math.min(stream.columns || 80, MOST_COLUMNS);
  const rows = members.map(({ process, acknowledged, share, problem, endedAt }) => ({
    name: `process ${process + 1}`,
    done: acknowledged,
    of: share,
    failed: problem !== undefined,
    seconds: startedAt === undefined ? 0 : ((endedAt ?? Date.now()) - startedAt) / 1000,
  }));
  const fits = rows.length <= Math.min(MOST_BARS, (stream.rows || 24) - 4);
  const shown = fits
    ? rows
    : [
        {
          name: `${rows.length} processes`,
          done: rows.reduce((sum, row) => sum + row.done, 0),
          of: progress.entries,
          failed: rows.some((row) => row.failed),
          seconds: Math.max(...rows.map((row) => row.seconds)),
        },
      ];
  const nameWidth = Math.max(...shown.map(({ name }) => name.length));
  const countWidth = Math.max(...shown.map(({ of }) => figure(of).length));
  const rateWidth = columns < LEAST_COLUMNS_FOR_RATES ? 0 : '100,000/s'.length;
  const width = columns - nameWidth - 2 * countWidth - rateWidth - '    of    '.length - 2;
  const [full, empty] = hasUtf8() ? ['█', '░'] : ['#', '.'];
  return shown.map(({ name, done, of, failed, seconds }) => {
    const filled = Math.max(0, of === 0 ? width : Math.floor((width * done) / of));
    const bar = full.repeat(filled);
    const rest = empty.repeat(Math.max(0, width - filled));
    const rate = seconds > 0 && rateWidth > 0 ? `${figure(done / seconds)}/s` : '';
    return [
      '  ',
      name.padEnd(nameWidth),
      '  ',
      failed ? paint.bad(bar) : paint.good(bar),
      paint.dim(rest),
      `  ${figure(done).padStart(countWidth)} of ${figure(of).padStart(countWidth)} `,
      paint.dim(rate.padStart(rateWidth)),
    ].join('');
  });
}

/** Whether the terminal is told to be one that shows blocks. */
function hasUtf8(): boolean {
  const { LC_ALL, LC_CTYPE, LANG } = process.env;
  return process.platform === 'win32' || /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || '');
}

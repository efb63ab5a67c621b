import { type Command, InvalidArgumentError } from 'commander';
import type { Fold, Item, Moment, Wal } from '../../index.ts';
import { makeCommand, settingsOf, several, time, wholeNumber } from '../command.ts';
import { foldNamed, foldOption, openReader, using } from '../log.ts';
import { Output, showItem } from '../output.ts';
import { stderr } from '../stderr.ts';
import { count } from '../words.ts';

interface StateSettings {
  readonly id?: readonly string[];
  readonly at?: Moment;
  readonly fold?: string;
}

export default function stateCommand(): Command {
  return makeCommand('state', [
    'state',
    'state --id bd-1 --json | jq .value',
    'state --at 41',
    'state --at 2025-10-12T07:00:00Z',
  ])
    .option('--id <id>', 'only this id (may be given again)', several)
    .option('--at <moment>', 'the state after an entry (its seq), or at a time (ISO 8601)', moment)
    .addOption(foldOption())
    .addHelpText(
      'after',
      "\nWithout --fold the state is the last data of each id, until an entry with op delete; where the log's recorded fold is\nanother, that is said.",
    )
    .action(async (_options: unknown, command: Command) => {
      const { dir, json, id: ids, at, fold: named } = settingsOf<StateSettings>(command);
      const fold = await foldNamed(named);
      const output = new Output();
      await using(openReader(dir), async (wal) => {
        const items = await (at === undefined
          ? itemsNow(wal, ids, fold)
          : itemsAt(wal, at, { ids, json, fold }));
        try {
          for (const item of items) {
            if (output.gone.aborted) break;
            await showItem(item, json, output);
          }
        } finally {
          await output.flush();
        }
      });
    });
}

/** An entry's seq, or a time that cannot be taken for one. */
function moment(text: string): Moment {
  if (/^\d+$/.test(text)) return wholeNumber(0)(text);
  if (!/^\d{4}-\d\d/.test(text))
    throw new InvalidArgumentError("It must be an entry's seq, or an ISO 8601 time.");
  return { time: time(text) };
}

async function itemsNow(
  wal: Wal,
  ids: readonly string[] | undefined,
  fold: Fold | undefined,
): Promise<Iterable<Item>> {
  const table = await wal.table({ fold });
  if (ids === undefined) return table;
  return ids.map((id) => table.item(id)).filter((item) => item !== undefined);
}

async function itemsAt(
  wal: Wal,
  at: Moment,
  { ids, json, fold }: { ids: readonly string[] | undefined; json: boolean; fold: Fold | undefined },
): Promise<Iterable<Item>> {
  const { seq, items, applied, skipped } = await wal.stateAt(at, { fold });
  const facts = { seq, applied, skipped };
  stderr().write(json ? `${JSON.stringify(facts)}\n` : `jsonl-wal: ${replayText(facts, at)}\n`);
  if (ids === undefined) return items;
  const byId = new Map(items.map((item) => [item.id, item]));
  return ids.map((id) => byId.get(id)).filter((item) => item !== undefined);
}

function replayText(
  { seq, applied, skipped }: Record<'seq' | 'applied' | 'skipped', number>,
  at: Moment,
): string {
  const done = `As of entry ${seq}: ${count(applied, 'entry', 'entries')} applied`;
  if (typeof at !== 'number')
    return `${done}, ${skipped} skipped that ${skipped === 1 ? 'is' : 'are'} dated later.`;
  const base = seq - applied;
  const from = base === 0 ? '' : `, onto a snapshot of entry ${base}`;
  const range = applied === 0 ? '' : ` (${base + 1} to ${seq})`;
  return `${done}${range}${from}, ${skipped} skipped after it.`;
}

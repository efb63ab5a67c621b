import type { SurveyedDamage } from '../index.ts';
import type { Row } from './output.ts';
import { count, entryRange, figure } from './words.ts';

/** A damaged range for people: where it is, what it held, whether that had been acknowledged, and what remains. */
export function damageRows(damage: SurveyedDamage): Row[] {
  return [
    [damage.kind, `${placeText(damage)}${damage.settled ? ' (repaired since)' : ''}`],
    ['  held', heldText(damage)],
    ...(damage.exact && damage.records === 0 ? [] : [['  acknowledged', acknowledgedText(damage)] as const]),
    ['  remains', remainsText(damage)],
  ];
}

function placeText({ segment, offset, length, line, cause }: SurveyedDamage): string {
  const lineText = line === undefined ? '' : `, line ${line}`;
  const bytes = length === 0 ? `byte ${offset}` : `bytes ${offset} to ${offset + length - 1}`;
  return `${segment}${lineText}, ${bytes}${cause === undefined ? '' : ` (${cause})`}`;
}

function heldText({ from, to, records, exact, kind }: SurveyedDamage): string {
  if (exact && records === 0)
    return kind === 'missing' ? 'no entry, but the seal of the segment' : 'nothing that counted';
  if (to === undefined && records === 0) return `from entry ${from} on, how many is not known`;
  const last = to ?? from + records - 1;
  return `${entryRange(from, last)}: ${exact ? '' : 'at least '}${count(records, 'record')}`;
}

function acknowledgedText({ acknowledged, evidence, from, to }: SurveyedDamage): string {
  if (evidence === undefined) return `${acknowledged}: nothing after it says`;
  const { segment, offset, synced } = evidence;
  const proof = `${segment} byte ${offset} says that all up to entry ${synced} were synced`;
  const part = to !== undefined && synced < to ? `, entries ${from} to ${synced}` : '';
  const rest = part === '' ? '' : '; nothing says it of the rest';
  return `${acknowledged}${part}: ${proof}${rest}`;
}

function remainsText({ before, after, stranded, snapshot }: SurveyedDamage): string {
  return [
    `${count(before, 'entry', 'entries')} before it and ${figure(after)} after it can be read`,
    ...(stranded > 0 ? [`${figure(stranded)} after it are whole, but what they follow is missing`] : []),
    ...(snapshot === undefined ? [] : [`${snapshot} has the state that they led to`]),
  ].join('; ');
}

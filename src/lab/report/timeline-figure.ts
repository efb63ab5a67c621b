import { count, counted, duration, moment } from './amounts.ts';
import { clientFigures } from './client-figures.ts';
import { figure, swatch } from './figure.ts';
import { type Html, html, table } from './html.ts';
import type { Lanes } from './lanes.ts';
import { MARK_KINDS, MARK_SIGNS } from './marks.ts';
import type { Overlap, Together } from './overlaps.ts';
import type { Picture } from './picture.ts';

export interface Timeline {
  readonly anchor: string;
  readonly picture: Picture;
  readonly together: Together;
  readonly lanes: Lanes;
  /** How many clients there were to be. */
  readonly wanted: number;
  readonly lock: string;
}

const OVERLAPS_TOLD = 100;

/** One lane a client: what it did, when it waited for the write turn, when it was in it. */
export function timelineFigure(timeline: Timeline): Html {
  const { anchor, picture, together, lanes } = timeline;
  return figure({
    chart: 'timeline',
    anchor,
    lanes: lanes.lanes.length,
    title: 'Who was in the write turn',
    summary: [glance(timeline), summary(timeline)],
    legend: legend(timeline),
    more: [
      html`<details><summary>Each client, in figures</summary>${clientTable(picture)}</details>`,
      picture.marks.length > 0 &&
        html`<details><summary>Every mark: ${count(picture.marks.length)}</summary>${markTable(picture)}</details>`,
      together.overlaps.length > 0 &&
        html`<details><summary>More than one at once: ${counted(together.overlaps.length, 'stretch', 'stretches')}</summary>${overlapTable(together.overlaps)}</details>`,
    ],
  });
}

function glance({ picture, together, lock }: Timeline): Html {
  if (picture.turns.length === 0)
    return html`<span class="glance">no turns told</span> The target does not say who is in its write turn: the lanes show operations only. `;
  const look = together.most <= 1 ? 'one' : lock === 'none' ? 'free' : 'many';
  const why =
    look === 'one'
      ? ''
      : look === 'free'
        ? html`There is no lock in this run: nothing keeps them apart, the chain decides what counts. `
        : html`A lock that is broken or expires does not keep them apart: the chain decides what counts. `;
  return html`<span class="glance ${look}">most active at once: <b>${together.most}</b></span> ${why}`;
}

function summary({ picture, together, lanes, wanted }: Timeline): Html {
  const { clients, turns, marks, from, to } = picture;
  const figures = clientFigures(picture);
  const longest = (of: (each: (typeof figures)[number]) => number) =>
    duration(figures.reduce((most, each) => Math.max(most, of(each)), 0));
  const idle = wanted - clients.length;
  return html`${counted(clients.length, 'client')}${turns.length > 0 && `, ${counted(turns.length, 'turn')}`} in ${duration(to - from)}.
${turns.length > 0 && html`Longest wait for a turn ${longest(({ longestWait }) => longestWait)}, longest stay in it ${longest(({ longestHold }) => longestHold)}. `}
${together.overlaps.length > 0 && html`More than one at once in ${counted(together.overlaps.length, 'stretch', 'stretches')}. `}
${marks.length > 0 && html`${markCounts(picture)}. `}
${idle > 0 && html`Of ${counted(idle, 'client')} nothing was noted. `}
${lanes.clientsPerLane > 1 && html`${lanes.clientsPerLane} clients share a lane. `}
${lanes.joinedWithin !== undefined && html`Thinned out: bars of a lane no more than ${duration(lanes.joinedWithin)} apart are kept as one; no mark is left out, and the figures are of all. `}`;
}

/** `12 kills, 12 restarts`. */
function markCounts({ marks }: Picture): string {
  return MARK_KINDS.map((kind) => {
    const { one, many } = MARK_SIGNS[kind];
    const number = marks.filter((mark) => mark.kind === kind).length;
    return number === 0 ? '' : counted(number, one, many);
  })
    .filter(Boolean)
    .join(', ');
}

function legend({ picture: { marks, turns, operations }, together, lock }: Timeline): Html {
  const kinds = MARK_KINDS.filter((kind) => marks.some((mark) => mark.kind === kind));
  const has = (outcome: string) => operations.some((each) => each.outcome === outcome);
  return html`<ul class="legend">
${turns.length > 0 && [swatch('hold', 'in the turn'), swatch('wait', 'waiting for it')]}
${swatch('acknowledged', 'operation under way')}
${has('refused') && swatch('refused', 'refused')}
${has('unknown') && swatch('unknown', 'unknown')}
${together.overlaps.length > 0 && swatch(lock === 'none' ? 'free' : 'many', 'more than one in the turn')}
${kinds.map((kind) => {
  const { word, path } = MARK_SIGNS[kind];
  return html`<li><svg class="sign ${kind}" viewBox="-6 -6 12 12" aria-hidden="true"><path d="${path}"/></svg>${word}</li>`;
})}
</ul>`;
}

function clientTable(picture: Picture): Html {
  return table(
    'What each client did',
    [
      'client',
      'role',
      'acknowledged',
      'refused',
      'unknown',
      'turns',
      'waited in all',
      'longest wait',
      'in turn in all',
      'longest stay',
    ],
    clientFigures(picture).map(({ client, outcomes, turns, waited, longestWait, held, longestHold }) => [
      client,
      picture.roles.get(client) ?? '–',
      count(outcomes.acknowledged),
      count(outcomes.refused),
      count(outcomes.unknown),
      count(turns),
      duration(waited),
      duration(longestWait),
      duration(held),
      duration(longestHold),
    ]),
  );
}

function markTable({ marks }: Picture): Html {
  return table(
    'What was done to clients and lock, from the common start',
    ['at', 'what', 'client'],
    marks.map(({ at, kind, client }) => [moment(at, 1), MARK_SIGNS[kind].word, client ?? '–']),
  );
}

function overlapTable(overlaps: readonly Overlap[]): Html {
  const told = overlaps.slice(0, OVERLAPS_TOLD);
  const all =
    told.length === overlaps.length ? '' : `, the first ${OVERLAPS_TOLD} of ${count(overlaps.length)}`;
  return table(
    `Stretches with more than one in the write turn${all}`,
    ['from', 'for', 'at most'],
    told.map(({ from, to, most }) => [moment(from, 1), duration(to - from), most]),
  );
}

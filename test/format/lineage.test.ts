import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FoundLine, lineageOf } from '../../src/format/lineage.ts';
import { segmentName } from '../../src/format/names.ts';
import { leftBehind, passedOver } from '../../src/format/passed-over.ts';
import type { Survey, SurveyedInvalidLine, SurveyedLine } from '../../src/format/survey.ts';

type Given = readonly [name: string, seq: number, prev: string, more?: Partial<FoundLine>];

/** Which of some lines are kept, by their names, which are their crcs. Each is a session's own unless it says otherwise. */
function keptOf(...lines: readonly Given[]): string[] {
  const found = lines.map(([crc, seq, prev, more]): FoundLine => {
    const plain = { segment: 'one', count: 1, synced: seq - 1, writer: `${crc}.1`, accepted: false, side: 0 };
    return { seq, crc, prev, ...plain, ...more };
  });
  const { kept } = lineageOf(found);
  return lines.filter((_, i) => kept[i]).map(([name]) => name);
}

const accepted = { accepted: true } as const;

test('lines beyond damage are kept, and those that were overtaken there are not', () => {
  const beyond: Given[] = [
    ['d', 4, 'lost'],
    ['late', 4, 'lost'],
    ['e', 5, 'd'],
  ];
  assert.deepEqual(keptOf(['a', 1, '0', accepted], ...beyond), ['a', 'd', 'e']);
});

test('a line that was overtaken by one that is lost is known by what follows that one', () => {
  const rest = { writer: 'late.2', synced: 2 };
  const beyond: Given[] = [
    ['late', 3, 'lost'],
    ['rest', 4, 'late', rest],
    ['d', 4, 'lost too'],
    ['e', 5, 'd'],
  ];
  assert.deepEqual(keptOf(['a', 1, '0', accepted], ...beyond), ['a', 'd', 'e']);
});

test('the last line of a segment whose seal is lost is no line that another overtook', () => {
  const lines: Given[] = [
    ['a', 1, '0', accepted],
    ['b', 2, 'a'],
    ['c', 3, 'lost seal', { segment: 'two' }],
    ['d', 4, 'c', { segment: 'two' }],
  ];
  assert.deepEqual(keptOf(...lines), ['a', 'b', 'c', 'd']);
});

test('the rest of a group that was overtaken falls with its first line, however far it reaches', () => {
  const late = (number: number) => ({ writer: `late.${number}`, synced: 0 });
  const lines: Given[] = [
    ['a', 1, '0', accepted],
    ['b', 2, 'a', accepted],
    ['x', 2, 'a', late(1)],
    ['y', 3, 'x', late(2)],
    ['z', 4, 'y', late(3)],
  ];
  assert.deepEqual(keptOf(...lines), ['a', 'b']);
});

test('what others built on is a branch of its own; so is a side of a merge conflict', () => {
  const ours: Given[] = [
    ['a', 1, '0', accepted],
    ['b', 2, 'a', accepted],
  ];
  assert.deepEqual(keptOf(...ours, ['x', 2, 'a'], ['y', 3, 'x']), ['a', 'b', 'x', 'y']);
  assert.deepEqual(keptOf(...ours, ['x', 2, 'a']), ['a', 'b']);
  assert.deepEqual(keptOf(...ours, ['x', 2, 'a', { side: 1 }], ['late', 2, 'a', { side: 1 }]), [
    'a',
    'b',
    'x',
  ]);
});

test('an append is there once: where it counts, else where it was written last; a seal holds nothing', () => {
  const seal = { ...accepted, count: 0 };
  const lines: Given[] = [
    ['a', 1, '0', accepted],
    ['s', 2, 'a', seal],
    ['b', 2, 'lost', { writer: 'w.1' }],
    ['c', 9, 'lost too', { ...accepted, writer: 'w.1' }],
    ['d', 20, 'gone', { writer: 'v.1' }],
    ['e', 30, 'gone too', { writer: 'v.1' }],
    ['f', 29, 'gone as well', { writer: 'v.1' }],
  ];
  assert.deepEqual(keptOf(...lines), ['a', 'c', 'e']);
});

for (const [where, more] of [
  ['by the line before it', accepted],
  ['beyond other damage', {}],
] as const)
  test(`an overtaken line, ${where}, is kept where it was written again, though what overtook it is lost`, () => {
    const [first, second] = [
      { writer: 'late.1', synced: 0 },
      { writer: 'late.2', synced: 0 },
    ];
    const group: Given[] = [
      ['x', 2, 'a', { ...more, ...first }],
      ['y', 3, 'x', { ...more, ...second }],
    ];
    const again: Given[] = [
      ['x2', 3, 'lost', first],
      ['y2', 4, 'x2', second],
    ];
    const a: Given = ['a', 1, '0', accepted];
    assert.deepEqual(keptOf(a, ...group, ...again), ['a', 'x2', 'y2']);
    assert.deepEqual(keptOf(a, ...group, ...again, ['c', 5, 'y2']), ['a', 'x2', 'y2', 'c']);
  });

test('what was appended to an overtaken line that counts since is kept, and so is that line', () => {
  const late = { writer: 'late.1' };
  const lines: Given[] = [
    ['a', 1, '0', accepted],
    ['x', 2, 'a', { ...accepted, ...late }],
    ['x2', 3, 'lost', late],
    ['c', 4, 'x2'],
    ['d', 3, 'x', accepted],
  ];
  assert.deepEqual(keptOf(...lines), ['a', 'x', 'c', 'd']);
});

const surveyed: SurveyedLine = {
  ...{
    seq: 11,
    count: 1,
    crc: 'a',
    prev: 'seal',
    writer: 'a.1',
    synced: 10,
    ts: 0,
    accepted: false,
    side: 0,
  },
  ...{ segment: segmentName(11), offset: 0, length: 1, encoding: 'utf-8', converted: undefined },
  ...{ glued: true, joined: false, edited: false, kept: true, follows: undefined },
};

test('a line that a crash left in the first segment proves nothing of what was compacted away', () => {
  const passed = (segment: number) =>
    passedOver({ items: [{ ...surveyed, segment: segmentName(segment) }] } as unknown as Survey, 1).length;
  assert.deepEqual([passed(11), passed(10)], [0, 1]);
});

/** Whether entries 12 and 13, which lie behind zeros, are left behind where a row of two lines comes later, the first of them such. */
function areLeft(
  later: Partial<SurveyedLine>,
  before: Partial<SurveyedLine> = {},
  zeros: Partial<SurveyedInvalidLine> = { zeros: true },
): boolean {
  const torn: SurveyedInvalidLine = {
    verdict: 'torn',
    segment: segmentName(11),
    offset: 0,
    length: 1,
    line: 1,
    ...zeros,
  };
  const left = { ...surveyed, seq: 12, prev: 'lost', synced: 10, ...before };
  const next = { ...left, seq: 13, glued: false, follows: left };
  const first = { ...surveyed, prev: 'damaged', glued: false, ...later };
  const second = { ...surveyed, seq: first.seq + 1, glued: false, follows: first, kept: first.kept };
  return leftBehind([torn, left, next, first, second]).includes(left);
}

for (const [what, isLeft, ...given] of [
  ['from before it, and gave its numbers again', true, {}],
  [
    'from before it, though it says of earlier entries that they were synced',
    true,
    { seq: 12 },
    { synced: 11 },
  ],
  ['and only its last number is readable again', true, { seq: 13 }],
  ['and gave none of its numbers again that is readable', false, { seq: 14 }],
  ['and only numbers before it are readable', false, { seq: 10 }, { synced: 0 }],
  ['in a row that it proves to be overtaken', false, {}, { synced: 11 }],
  ['in a row beside it, built on the same line', false, { seq: 12, prev: 'lost' }],
  ['in a row that was overtaken', false, { kept: false }],
  ['in a row that is glued to a fragment', false, { glued: true }],
  ['in a branch of what counts', false, { follows: surveyed }],
  ['on the other side of a merge', false, { side: 1 }],
  ['but no crash can be told', false, {}, {}, {}],
] as const)
  test(`what a crash left, where the log goes on ${what}, is ${isLeft ? 'left' : 'kept'}`, () => {
    const [later, before, zeros] = given as unknown as Parameters<typeof areLeft>;
    assert.equal(areLeft(later, before, zeros), isLeft);
  });

test('of two rows behind zeros that hold the same numbers one is kept, also where the first goes on after the second', () => {
  const torn = { verdict: 'torn', zeros: true, segment: segmentName(11) };
  const plain = { ...surveyed, glued: false };
  const left = { ...plain, seq: 12, prev: 'lost', count: 3 };
  const later = { ...plain, seq: 11, prev: 'damaged', count: 6 };
  const child = { ...plain, seq: 15, prev: 'left', follows: left };
  const items = [torn, left, later, child] as unknown as Survey['items'];
  assert.deepEqual(leftBehind(items), [left, child]);
});

test('a line behind zeros that was written again elsewhere does not make what was built on it one that a crash left', () => {
  const torn = { verdict: 'torn', zeros: true, segment: segmentName(11) };
  const left = { ...surveyed, seq: 12, prev: 'lost', kept: false, glued: false };
  const items = [torn, left, { ...left, seq: 13, prev: 'left', kept: true, follows: left }];
  assert.deepEqual(leftBehind(items as unknown as Survey['items']), []);
});

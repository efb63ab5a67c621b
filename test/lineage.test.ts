import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FoundLine, lineageOf } from '../src/format/lineage.ts';
import { segmentName } from '../src/format/names.ts';
import { passedOver } from '../src/format/passed-over.ts';
import type { Survey, SurveyedLine } from '../src/format/survey.ts';

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

test('a line that a crash left in the first segment proves nothing of what was compacted away', () => {
  const item: SurveyedLine = {
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
  const passed = (segment: number) =>
    passedOver({ items: [{ ...item, segment: segmentName(segment) }] } as unknown as Survey, 1).length;
  assert.deepEqual([passed(11), passed(10)], [0, 1]);
});

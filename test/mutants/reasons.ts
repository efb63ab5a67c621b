/** Why no mutant changes some comparisons of one function. */
export interface Reason {
  /** The function, after its class. */
  readonly within: string;
  /** The comparisons, each in one line, as they are compiled. */
  readonly texts: readonly string[];
  readonly because: string;
}

/** One reason for comparisons of several functions. */
function so(because: string, places: Readonly<Record<string, readonly string[]>>): Reason[] {
  return Object.entries(places).map(([within, texts]) => ({ within, texts, because }));
}

/** Comparisons that no mutant changes, by why. They are found by function and text, so that code may move. */
export const REASONS: readonly Reason[] = [
  ...so('it compares places in bytes, not numbers of entries', {
    'NewLog.line': ['from < end', 'Math.min(end, from + BUFFER_BYTES - this.#used)'],
    'SegmentReader.#fill': ['first >= known'],
    'SegmentSurvey.invalidLine': ['offset < this.#from'],
    'SegmentSurvey.#invalidLine': ['offset < this.#from'],
    wholeLines: ['from < start', 'from < end'],
    plainEntries: ['from < end', 'end - from > PIECE_BYTES'],
    'SegmentScan.push': ['from < bytes.length'],
    'SegmentSurvey.end': ['end > this.#from'],
    'SegmentScan.wrapped': ['last > SPACE'],
    'SortedLines.lastUpTo': ['from < to'],
    changedNumber: ['from < text.length'],
    'Queue.ofLine': ['from < to'],
  }),
  ...so(
    'it saves a write in vain: a record that is built on what is no longer the end is superseded, and told as a conflict',
    { appendRepair: ['tail.tip.link !== before.link'] },
  ),
  ...so(
    'it orders lines that something moved, for a salvage: tests of sorted and reversed segments hold them to their numbers',
    {
      runsInOrder: [
        'run.from > (highest?.from ?? 0)',
        'run.from < firstSeq',
        'run.to >= highest.from',
        'from < firstSeq',
      ],
      runsIn: ['Math.min(run.from, seq)', 'Math.max(run.to, seq + count - 1)'],
    },
  ),
  ...so(
    'it tells what a crash left from what was written after it, for a salvage: a table of tests in lineage.test.ts holds each to its number',
    {
      rowsOf: ['Math.max(row.to, seq + count - 1)', 'Math.max(row.synced, synced)'],
      isGivenAgain: [
        'first.prev === left.start.prev',
        'first.seq > left.synced',
        'first.seq <= left.to',
        'row.to >= left.start.seq',
      ],
    },
  ),
  ...so('who is given no seat at a shared reading reads by itself, and misses nothing', {
    'SharedReading.join': ['first > head.seq + 1', 'head.seq === seq'],
  }),
  ...so('it compares versions of the format', { decodeHeader: ['snapshot !== SNAPSHOT_VERSION'] }),
  ...so('it chooses words of an error, or what that says of the damage; what is refused is decided before', {
    gapError: ['seq < firstSeq', 'seq > base'],
    gapDamage: ['reached.seq >= firstSeq'],
    beginsWith: ['readEnvelope(bytes, 0, newline < 0 ? count : newline)?.seq === firstSeq'],
    namedError: ['oldestSeq(place) > seq'],
    requireSeal: ['newest >= seq'],
    conflictError: ['expected.seq === head.seq'],
    corruptionError: ['from === to'],
    beyondText: ['from === to'],
    damageOf: ['Math.min(synced, (beyond?.from ?? Infinity) - 1)', 'gone.from <= gone.to'],
    'Chain.judge': ['Math.max(to, line.seq + line.count - 1)'],
  }),
  ...so(
    'it decides what verify tells, and nothing of what counts; fuzz holds verify to what a salvage finds',
    {
      'DirectoryFiles.nextSegment': ['seq > firstSeq'],
      'DamageSurvey.begin': ['from <= firstSeq', 'from < firstSeq'],
      'DamageSurvey.accepted': ['line.seq <= this.#seq'],
      'DamageSurvey.#reuse': ['range.from >= first'],
      'DamageSurvey.#goOn': ['line.prev === closing.line.crc'],
      'DamageSurvey.#contradicts': ['seq > closing.firstSeq'],
      'DamageSurvey.passedOver': [
        'line.prev !== this.#overtaken',
        'line.seq <= next',
        'line.prev === this.#overtaken',
        'line.seq > next',
        'line.seq === next',
        'line.prev === this.#crc',
        'last >= this.#seq',
        'Math.max(this.#seq, line.seq - 1)',
      ],
      'DamageSurvey.#close': ['to >= open.from - 1'],
      'DamageSurvey.#observeSynced': [
        'line.seq === this.#segment',
        'Math.max(line.synced, line.seq - 1)',
        'synced <= this.#synced',
        'synced > this.#seq',
      ],
      'DamageSurvey.#prove': [
        'to < from',
        'synced < from',
        'synced <= (range.evidence?.synced ?? 0)',
        'synced >= to',
      ],
      checkSnapshots: [
        'Math.min(seq, oldest - 1)',
        'from <= lostIn(newest).to',
        'Math.max(last + 1, oldest)',
        'file === newest',
      ],
      verifyLog: ['(await store.oldest()) !== oldest'],
      verifyFrom: ['Math.max(feed.lastBegun, from - 1)', '(files.nextSegment(0) ?? oldest) < oldest'],
      'VerifyFeed.report': [
        'newest.seq > this.head.seq',
        'Math.min(head.seq, placeOf(unread) - 1)',
        'unended > head.seq',
        'this.#unended?.line.crc === this.#mark?.crc',
      ],
      'VerifyFeed.report.standing': ['Math.max(from, to) <= whole', 'Math.max(from, to)'],
      firstOf: ['placeOf(error) < placeOf(first)'],
      rowsOf: ['synced > head'],
    },
  ),
  ...so(
    'it decides what a salvage brings back of a damaged log, or what is read past the damage; the original stays, and fuzz and test/repair/repair-properties.test.ts hold both to what the log held',
    {
      snapshotOf: ['header?.head.seq !== seq'],
      repairSnapshot: ['key.seq <= last'],
      'Rebuild.#steps': ['head.seq > this.#tip.seq', 'item === first'],
      'Rebuild.#beginning': [
        'line.seq - end > MOST_FILLED',
        'newest >= end',
        'line.seq > end',
        'newest >= line.seq - 1',
        'Math.max(end, line.seq + line.count)',
      ],
      'Rebuild.#isAfterSealed': ['segment !== segmentName(seq)'],
      unreached: ['segment < first'],
      'piecesIn.endFrom': ['crc === claimed'],
      'Rebuild.#begin': ['head.seq === before', 'head.seq > before', 'head.seq < before'],
      'Rebuild.#meetOther': [
        'claimed <= Math.max(this.#claimed, this.#tip.seq)',
        'Math.max(this.#claimed, this.#tip.seq)',
      ],
      'Rebuild.#put': ['Math.min(synced, seq - 1)'],
      'Rebuild.#fillCompacted': ['Math.min(to, this.#parts.damaged)', 'last <= this.#tip.seq'],
      'Rebuild.#fill': ['this.#tip.seq < to', 'Math.min(to, boundary)'],
      'Rebuild.#crossBoundary': ['of.head.seq > this.#tip.seq', 'of.head.seq < this.#tip.seq'],
      'Rebuild.#endSegment': ['this.#tip.seq < this.#segmentStart'],
      'Rebuild.#finish': [
        'beyond > this.#tip.seq',
        'beyond - this.#tip.seq <= MOST_FILLED',
        'Math.max(beyond, last)',
        'Math.min(this.#claimed - this.#tip.seq, MOST_FILLED)',
      ],
      'Rebuild.#raiseWindow': ['keys.window > this.#scope.window'],
      'Rebuild.#sealFits': ['this.#seal?.seq === this.#tip.seq + 1', 'this.#seal.prev === this.#tip.link'],
      snapshotsFor: [
        'head.seq >= Math.min(before, Number.MAX_SAFE_INTEGER)',
        'newest.head.seq >= (whole.at(-1)?.head.seq ?? 0)',
        'last > (headers.at(-1)?.head.seq ?? 0)',
      ],
      salvagedIn: ['from < first'],
      readPastDamage: [
        'range.from > last',
        'range.to >= first',
        'seq > last',
        'seq <= cursor.seq',
        'cursor.seq <= ends',
        'line.crc !== cursor.crc',
        'ends < first',
        'record.seq >= first',
        'record.seq <= last',
      ],
    },
  ),
  ...so(
    'it decides what is told of the mark, which is information: nothing about what counts rests on it (FORMAT: The mark), and test/file/marks.test.ts is about it',
    {
      'MarkFile.goesOn': ['seq >= firstSeq', 'seq > firstSeq'],
      'MarkFile.#has': [
        'seq <= (snapshots.at(-1) ?? 0)',
        'first <= seq',
        'line.seq + line.count - 1 === seq',
      ],
      isSameHead: ['a?.seq === b.seq', 'a.crc === b.crc'],
      rewindTo: ['Math.min(mark.seq, head.seq + 1)'],
      decodeRewinds: ['from <= to'],
      checked: ['crcOf(Buffer.from(text.slice(COVERED_OFFSET))) !== crc'],
      'OwnRuns.firstAfter': [
        'this.last <= seq',
        'last > seq',
        'Math.max(run?.first ?? this.#first, seq + 1)',
      ],
      'Witness.acknowledged': ['first.seq === this.#runs.last + 1'],
      'VerifyFeed.constructor': ['mark.seq < oldest'],
      'VerifyFeed.accepted': ['line.crc === this.#mark?.crc', 'line.seq + line.count - 1 === this.#mark.seq'],
      'Witness.read': [
        'line.crc === this.#stale?.mark.crc',
        'line.crc === search.mark?.crc',
        'last === search.mark.seq',
      ],
      'Witness.#ownGone': ['to < firstSeq', 'Math.max(read, firstSeq - 1)', 'Math.min(from, head.seq + 1)'],
      'Witness.#markGone': ['mark.seq < firstSeq', 'crc === mark.crc'],
      union: ['Math.min(a.from, b.from)', 'Math.max(a.to, b.to)'],
    },
  ),
  ...so('a lower number is true, too: it proves less, or costs a sync or a reading more', {
    'Chain.judge': ['line.synced > this.synced'],
    'Tail.raiseSynced': ['seq > this.syncedHere', 'seq > this.synced'],
    'Tail.accepted': ['line.synced > this.synced'],
    'Tail.begin': ['Math.min(this.keys.since, firstSeq)'],
  }),
  ...so('it only saves work: what is read or kept beyond it is left out, or is there already, later on', {
    'RecordFeed.accepted': ['line.seq + line.count <= first', 'line.seq > last'],
    readPieces: ['first > last', 'seq >= last'],
    keysThere: ['line.seq < to'],
    keysInSegments: ['from >= to'],
    'KeyFeed.accepted': ['seq >= this.#to'],
    'DirectoryFiles.segmentSizes': ['first > after'],
  }),
  ...so(
    'it names the file that is looked at until a log keeps still; what lies there is told by the layout',
    {
      lastFile: ['segment > snapshot'],
    },
  ),
  ...so('the numbers are made so that it holds: it refuses what would be a fault of the engine itself', {
    writeLine: ['seq <= synced'],
    readOn: ['seq !== state.seq + 1'],
  }),
  ...so(
    'where it is wrong, a compaction of a segment without entries never ends: a mutant would show nothing',
    {
      'Appender.#endSeals': ['tip.seq >= firstSeq'],
    },
  ),
  ...so('it only saves a call, or a slower way to the same answer', {
    'Chain.judge': ['line.synced > this.seq'],
    'ChainFeed.failureSoFar': ['start === this.before?.link'],
  }),
  ...so('where it is wrong, what is tried again is so for ever: a mutant would show nothing', {
    'LogEnd.#catchingUp': ['next.firstSeq <= reader.firstSeq'],
    stateAt: ['newest?.head.seq !== snapshots[0]?.head.seq'],
    lostState: ['newest.seq !== now?.seq', 'Math.min(newest.seq, oldest - 1)', 'gone.from > gone.to'],
  }),
  ...so('where it is wrong, a log of two segments does not open: a mutant would show nothing', {
    sealBefore: ['seq < firstSeq'],
  }),
  ...so(
    'a seal that is taken without right has not the crc that the next segment names: that is refused, and nothing is lost or doubled',
    {
      sealBefore: ['last.seq === firstSeq'],
      sealAtEnd: ['line.prev === before?.crc', 'isSameWrite(before, line)'],
    },
  ),
  ...so(
    'which segments are there, and which are missing, is told in test/file/missing-files.test.ts: a table of logs and of what each use makes of them',
    {
      newestIn: ['seq > base'],
      readable: ['seq > newest'],
      startOf: ['seq > base'],
    },
  ),
  ...so('from one segment sooner, or one more, the way leads to the same entries', {
    startOf: ['seq <= from'],
    oldestSeq: ['seq <= base'],
  }),
  ...so(
    'the copy is verified before it gets its name, and a segment that is taken too often is only copied again',
    {
      'Backup.#takeAll': ['seq !== last'],
      'Backup.#dropWhatIsNotIn': ['seq >= failedSync'],
      isStill: ['seq <= last'],
    },
  ),
  ...so('the body itself is checked as it is read: this only tells sooner that another file bears the name', {
    openBody: ['there.body.index.crc !== header.body.index.crc'],
  }),
  ...so('it decides what verify looks into, and what it tells; fuzz holds verify to what a salvage finds', {
    'DamageSurvey.#goOn': ['isSameWrite(closing.line, line)'],
    'VerifyFeed.passedOver': ['isSameWrite(before, line)'],
  }),
  ...so(
    'it notes the crc that the beginning of the segment was told already, where what lies before tells it',
    {
      'LineCopy.accepted': ['seq === this.firstSeq'],
    },
  ),
];

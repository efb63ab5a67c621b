// What the log loads only when it is asked for: a world that loaded it meanwhile would go on when the real disk has answered,
// which no seed decides.
import '../../src/file/backup.ts';
import '../../src/file/salvaged.ts';
import '../../src/file/survey.ts';
import '../../src/file/trim.ts';
import '../../src/log/past-damage.ts';
import '../../src/log/verify.ts';
import '../../src/table/compact.ts';
import '../../src/table/load.ts';
import '../../src/table/past.ts';
import '../../src/table/replica.ts';
import '../../src/table/table.ts';
import '../../src/wal/backup.ts';
import '../../src/wal/repair.ts';
import '../../src/wal/restore.ts';

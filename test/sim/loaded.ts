// What the log loads only when it is asked for: a world that loaded it meanwhile would go on when the real disk has answered,
// which no seed decides.
import '../../src/file/backup.ts';
import '../../src/recovery/salvaged.ts';
import '../../src/recovery/survey.ts';
import '../../src/file/trim.ts';
import '../../src/log/past-damage.ts';
import '../../src/log/verify.ts';
import '../../src/table/compact.ts';
import '../../src/table/load.ts';
import '../../src/table/past.ts';
import '../../src/table/replica.ts';
import '../../src/table/table.ts';
import '../../src/copy/backup.ts';
import '../../src/repair/repair.ts';
import '../../src/copy/restore.ts';

// What the log loads only when it is asked for: a world that loaded it meanwhile would go on when the real disk has answered,
// which no seed decides.
import '../../file/backup.ts';
import '../../file/salvaged.ts';
import '../../file/survey.ts';
import '../../file/trim.ts';
import '../../log/past-damage.ts';
import '../../log/verify.ts';
import '../../table/compact.ts';
import '../../table/load.ts';
import '../../table/past.ts';
import '../../table/replica.ts';
import '../../table/table.ts';
import '../../wal/backup.ts';
import '../../wal/repair.ts';
import '../../wal/restore.ts';

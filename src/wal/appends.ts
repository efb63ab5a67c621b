import type { Clock } from '../clock/clock.ts';
import { type Body, type Entry, type EntryRules, entryBody, raiseBody } from '../format/entry.ts';
import { MOST_KEY_WINDOW } from '../format/key-scope.ts';
import type { Appender } from '../log/appender.ts';
import type { AppendResult, Decide } from '../log/pending.ts';
import { badArgument, integer } from '../options/options.ts';
import { type AppendOptions, checkAppend, NOTHING_ASKED } from '../setup/requests.ts';
import { filesOf } from '../store/refusals.ts';
import type { LineStore } from '../store/store.ts';
import { checkOutside } from '../table/outside.ts';
import type { Revs } from '../table/revs.ts';
import type { Access } from './access.ts';
import { keyWindowError } from './key-window.ts';

interface AppendsParts {
  readonly store: LineStore;
  readonly clock: Clock;
  readonly rules: EntryRules;
  readonly appender: Appender;
  readonly access: Access;
  readonly revs: Revs;
}

/** Makes the body of the line that an append writes. */
type BodyMaker<E> = (what: E, now: number, rules: EntryRules, key: string | undefined) => Body;

/** The calls of a Wal that append: checks what they are given, and makes bodies of it for the appender. */
export class Appends {
  readonly #parts: AppendsParts;

  constructor(parts: AppendsParts) {
    this.#parts = parts;
  }

  /** Throws inside a transaction's function; rejects with all else. */
  append<E>(what: E, options: AppendOptions | undefined, bodyOf: BodyMaker<E>): Promise<AppendResult> {
    const { access, appender, clock, rules } = this.#parts;
    if (appender.group.deciding) checkOutside(appender);
    try {
      const { expect, rev, key, signal } = options === undefined ? NOTHING_ASKED : checkAppend(options);
      access.checkWritable();
      appender.queue.requireRoom();
      const body = bodyOf(what, clock.now(), rules, key);
      const decide = rev === undefined ? undefined : this.#atRev(rev, body);
      // Only a transaction may append nothing.
      return appender.append({ body, expect, decide, signal }) as Promise<AppendResult>;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Decides an append by the rev of its entry's id. */
  #atRev(rev: number, body: Body): Decide {
    const { id } = JSON.parse(`{${body.text}}`) as { id?: string };
    if (id === undefined) throw badArgument('expect.rev is for one entry: a batch has many ids');
    return (preceding) => {
      this.#parts.revs.require(id, rev, preceding);
      return body;
    };
  }

  appendSync(entry: Entry, options: AppendOptions): AppendResult {
    const { expect, rev, key, signal } = checkAppend(options);
    if (rev !== undefined)
      throw badArgument('appendSync takes no expect.rev: it blocks, and revs may have to be loaded first');
    if (signal !== undefined)
      throw badArgument('appendSync takes no signal: it blocks, so nothing could abort it');
    const { access, appender, clock, rules, store } = this.#parts;
    access.checkWritable();
    filesOf(store, 'appendSync');
    return appender.appendNow({ body: entryBody(entry, clock.now(), rules, key), expect });
  }

  raiseKeyWindow(window: number): Promise<AppendResult> {
    const { access, appender, clock, store } = this.#parts;
    access.checkWritable();
    const body = raiseBody(integer('The key window', window, 0, MOST_KEY_WINDOW), clock.now());
    const decide = (): Body => {
      const { scope } = appender.tail.keys;
      if (scope.window > window) throw keyWindowError(store.info(), scope.window, window);
      return body;
    };
    return appender.append({ body, decide }) as Promise<AppendResult>;
  }
}

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { makeReport, type ReportRun, type RunRecord, runScenario } from '../../src/lab/index.ts';
import killStorm from '../../src/lab/scenarios/kill-storm.ts';
import { madeRun } from '../support/made-run.ts';
import { packageRoot } from '../support/scratch.ts';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const skip = existsSync(CHROMIUM) ? false : `there is no ${CHROMIUM}; CHROMIUM names another`;
const ARGUMENTS =
  '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync';
const PATIENCE_MS = 20_000;
const HOSTILE = '</script><img src=x onerror=document.title="taken">';

interface Opened {
  readonly page: Page;
  /** Addresses that were asked for, and what the page complained of. */
  readonly asked: readonly string[];
  readonly complaints: readonly string[];
}

describe('a report in a browser', { skip }, () => {
  let browser: Browser;
  let directory: string;
  let real: string;
  let hostile: string;

  before(async () => {
    mkdirSync(join(packageRoot(), '.test_tmp'), { recursive: true });
    directory = mkdtempSync(join(packageRoot(), '.test_tmp', 'report-browser-'));
    const save = (name: string, runs: readonly ReportRun[]) => {
      const file = join(directory, name);
      writeFileSync(file, makeReport(runs));
      return pathToFileURL(file).href;
    };
    let record: RunRecord | undefined;
    const result = await runScenario(killStorm, {
      clients: 3,
      params: { kills: 2 },
      directory: join(directory, 'run'),
      onRecord: (told) => {
        record = told;
      },
    });
    real = save('real.html', [{ result, record: record as RunRecord }]);
    const clients = [HOSTILE, '1', '2', '3'];
    hostile = save('hostile.html', [
      madeRun({ clients, operations: 200, kills: 5, id: HOSTILE, message: HOSTILE }),
      madeRun({ clients: ['0'], operations: 5 }),
    ]);
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ARGUMENTS.split(' '),
      timeout: PATIENCE_MS,
    });
  });

  after(async () => {
    await browser?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function opened(
    t: TestContext,
    address: string,
    options: BrowserContextOptions = {},
  ): Promise<Opened> {
    const all = await open(address, options);
    t.after(() => all.page.context().close());
    return all;
  }

  async function open(address: string, options: BrowserContextOptions = {}): Promise<Opened> {
    const context = await browser.newContext({ viewport: { width: 1000, height: 800 }, ...options });
    context.setDefaultTimeout(PATIENCE_MS);
    const page = await context.newPage();
    const asked: string[] = [];
    const complaints: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(address);
    if (options.javaScriptEnabled !== false) await drawnAll(page);
    return { page, asked, complaints };
  }

  /** Charts are drawn when they come near to the screen. */
  async function drawnAll(page: Page): Promise<void> {
    for (const chart of await page.locator('figure.chart').all()) {
      await chart.scrollIntoViewIfNeeded();
      await chart.locator('canvas').waitFor();
    }
    await page.evaluate(
      'scrollTo(0, 0); new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))',
    );
  }

  let shared: Opened | undefined;

  /** The page of the real run. Those who use it leave it showing the whole run, and pointed at nowhere. */
  async function openedReal(): Promise<Opened> {
    shared ??= await open(real);
    return shared;
  }

  const timeline = (page: Page) => page.locator('#run-1-timeline');
  const told = (page: Page) => timeline(page).locator('.told');

  /** How many colours each canvas shows. */
  const coloursOf = (page: Page) =>
    page.evaluate(`[...document.querySelectorAll('canvas')].map((canvas) => {
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      return new Set(new Uint32Array(data.buffer)).size;
    })`) as Promise<number[]>;

  test('of a real run opens from a file: charts are drawn, nothing is asked for, nothing complained of', async () => {
    const { page, asked, complaints } = await openedReal();
    const colours = await coloursOf(page);
    assert.equal(colours.length, 3);
    for (const number of colours) assert.ok(number > 3, `${colours}`);
    assert.deepEqual(asked, [real]);
    assert.deepEqual(complaints, []);
  });

  test('has a lane for each client, which says who it is and what is there when pointed at', async () => {
    const { page } = await openedReal();
    const over = timeline(page).locator('.u-over');
    await timeline(page).scrollIntoViewIfNeeded();
    const { x, y, height } = (await over.boundingBox()) as { x: number; y: number; height: number };
    const seen = new Set<string>();
    for (let down = 4; down < height; down += 12) {
      await page.mouse.move(x + 300, y + down);
      const text = await timeline(page).locator('.pointed').textContent();
      seen.add(/client (\d+ \w+)/.exec(text as string)?.[1] ?? 'all');
    }
    await page.mouse.move(0, 0);
    assert.deepEqual([...seen], ['all', '0 writer', '1 writer', '2 writer']);
  });

  test('is zoomed and moved by the keys, tells so, and shows all again', async () => {
    const { page } = await openedReal();
    const plot = timeline(page).locator('.plot');
    await plot.focus();
    assert.equal(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle'), 'solid');
    assert.match((await told(page).textContent()) as string, /^The whole run is shown/);
    const before = await coloursIn(page);
    await page.keyboard.press('+');
    await page.locator('#told', { hasText: /^Shown: / }).waitFor({ state: 'attached' });
    const half = (await told(page).textContent()) as string;
    await page.keyboard.press('ArrowLeft');
    await told(page).filter({ hasNotText: half }).waitFor();
    assert.match((await told(page).textContent()) as string, /^Shown: /);
    // The throughput has the same axis, and follows.
    const follower = (await page.locator('#run-1-throughput .told').textContent()) as string;
    assert.ok((await told(page).textContent())?.startsWith(follower), follower);
    assert.notEqual(await coloursIn(page), before);
    await page.keyboard.press('0');
    await page.locator('#told', { hasText: /^The whole run is shown/ }).waitFor({ state: 'attached' });
    assert.equal(await coloursIn(page), before);
  });

  /** What the timeline shows, as text that can be compared. */
  const coloursIn = (page: Page) =>
    page.evaluate(`document.querySelector('canvas').toDataURL()`) as Promise<string>;

  test('is zoomed by dragging, by the wheel with Ctrl, by buttons; a double click shows all', async () => {
    const { page } = await openedReal();
    const over = timeline(page).locator('.u-over');
    const shows = (what: RegExp) => told(page).filter({ hasText: what }).waitFor();
    await timeline(page).scrollIntoViewIfNeeded();
    const { x, y } = (await over.boundingBox()) as { x: number; y: number };
    await page.mouse.move(x + 100, y + 30);
    await page.mouse.down();
    await page.mouse.move(x + 300, y + 30, { steps: 4 });
    await page.mouse.up();
    await page.mouse.move(0, 0);
    await shows(/^Shown: /);
    await over.dblclick();
    await page.mouse.move(0, 0);
    await shows(/^The whole run/);
    await over.hover({ position: { x: 200, y: 30 } });
    await page.keyboard.down('Control');
    await page.mouse.wheel(0, -200);
    await page.keyboard.up('Control');
    await page.mouse.move(0, 0);
    await shows(/^Shown: /);
    await timeline(page).getByRole('button', { name: 'Show all' }).click();
    await shows(/^The whole run/);
    await timeline(page).getByRole('button', { name: 'Zoom in' }).click();
    await shows(/^Shown: /);
    await timeline(page).getByRole('button', { name: 'Show all' }).click();
    await shows(/^The whole run/);
  });

  test('is zoomed by two fingers', async (t) => {
    const { page } = await opened(t, real, { hasTouch: true });
    await timeline(page).scrollIntoViewIfNeeded();
    const { x, y } = (await timeline(page).locator('.u-over').boundingBox()) as { x: number; y: number };
    const session = await page.context().newCDPSession(page);
    const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', ...places: number[]) =>
      session.send('Input.dispatchTouchEvent', {
        type,
        touchPoints: places.map((place, id) => ({ x: x + place, y: y + 30, id })),
      });
    await touch('touchStart', 200, 300);
    await touch('touchMove', 180, 320);
    await touch('touchMove', 100, 400);
    await touch('touchEnd');
    await told(page)
      .filter({ hasText: /^Shown: / })
      .waitFor();
  });

  test('shows hostile ids and names as text, and may load nothing even if told to', async (t) => {
    const { page, asked } = await opened(t, hostile);
    assert.equal(await page.title(), 'PASS: made-up');
    assert.equal(await page.locator('img').count(), 0);
    await timeline(page)
      .locator('.u-over')
      .hover({ position: { x: 100, y: 30 } });
    const pointed = await timeline(page).locator('.pointed').textContent();
    assert.ok(pointed?.includes(`client ${HOSTILE}`), pointed as string);
    assert.ok((await page.locator('body').textContent())?.includes(`append ${HOSTILE}.0.`));

    let hits = 0;
    const server = createServer((_, response) => {
      hits++;
      response.end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const refused = await page.evaluate(`(async () => {
      const violations = [];
      document.addEventListener('securitypolicyviolation', ({ violatedDirective }) => violations.push(violatedDirective));
      const add = (name, more) => new Promise((done) => {
        document.body.append(Object.assign(document.createElement(name), { onload: done, onerror: done }, more));
      });
      await fetch('${address}/fetch').catch(() => {});
      await add('img', { src: '${address}/img' });
      await add('script', { src: '${address}/script' });
      document.body.append(Object.assign(document.createElement('script'), { textContent: 'document.title = "taken"' }));
      await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      return violations.sort();
    })()`);
    server.close();
    assert.deepEqual(refused, ['connect-src', 'img-src', 'script-src-elem', 'script-src-elem']);
    assert.equal(hits, 0);
    assert.equal(await page.title(), 'PASS: made-up');
    assert.deepEqual(
      asked.filter((each) => each.startsWith('file:')),
      [hostile],
    );
  });

  test('does not scroll sideways on a screen of 360 pixels, with all its tables open', async (t) => {
    const { page } = await opened(t, hostile, { viewport: { width: 360, height: 700 }, isMobile: true });
    await page.evaluate(`for (const each of document.querySelectorAll('details')) each.open = true`);
    assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 360);
  });

  test('follows the scheme of the system, in its charts too, when it changes', async (t) => {
    const { page } = await opened(t, real, { colorScheme: 'light' });
    const paper = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
    const [lightPaper, lightChart] = [await paper(), await coloursIn(page)];
    await page.emulateMedia({ colorScheme: 'dark' });
    const deadline = Date.now() + PATIENCE_MS;
    while ((await coloursIn(page)) === lightChart && Date.now() < deadline) await setTimeout(50);
    assert.notEqual(await coloursIn(page), lightChart);
    assert.notEqual(await paper(), lightPaper);
  });

  /** Text that stands out too little from what is behind it. */
  const POOR = `(() => {
        const partsOf = (colour) => colour.match(/[\\d.]+/g).map(Number);
        const light = (colour) => partsOf(colour).slice(0, 3)
          .map((part) => part / 255)
          .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
          .reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0);
        const paperOf = (element) => {
          for (let at = element; at; at = at.parentElement) {
            const colour = getComputedStyle(at).backgroundColor;
            if (partsOf(colour)[3] !== 0) return colour;
          }
        };
        const poor = new Set();
        for (const each of document.querySelectorAll('details')) each.open = true;
        for (const element of document.body.querySelectorAll('*')) {
          if (![...element.childNodes].some(({ nodeType, data }) => nodeType === 3 && data.trim())) continue;
          if (element.closest('script, noscript')) continue;
          const [a, b] = [light(getComputedStyle(element).color), light(paperOf(element))];
          const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
          if (contrast < 4.5) poor.add(element.className + ' ' + element.tagName + ' ' + contrast.toFixed(2));
        }
        return [...poor];
      })()`;

  test('has text of enough contrast in both schemes', async (t) => {
    const { page } = await opened(t, hostile);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      assert.deepEqual(await page.evaluate(POOR), [], colorScheme);
    }
  });

  test('without JavaScript has its text and tables, and no buttons that do nothing', async (t) => {
    const { page } = await opened(t, real, { javaScriptEnabled: false });
    assert.match((await page.locator('h2').first().textContent()) as string, /^(PASS|FAIL) kill-storm$/);
    assert.equal(await page.locator('.controls:visible').count(), 0);
    await page.getByText('Each client, in figures').click();
    assert.equal(await page.locator('#run-1-timeline details').first().locator('tbody tr').count(), 3);
    assert.ok(await page.getByText('The picture needs JavaScript').first().isVisible());
  });
});

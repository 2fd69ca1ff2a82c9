/** The HTML report in a real browser (Chromium, where there is one). */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { base, FROM } from './support/lies.js';
import { inTemp, serving } from './support/shards.js';
import { start } from './support/spawned.js';
import { HOUR, TrailBuilder, type BuiltChain, type BuiltDigest } from './support/trail-builder.js';

const executablePath = [
  process.env['CHROMIUM'] ?? '',
  ...['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'],
].find((path) => path !== '' && existsSync(path));

/** An altered log file, a missing digest file, and objects whose names are markup. */
function troubled() {
  const made = base();
  const { builder, digest, log } = made;
  builder.put(log(2).bucket, log(2).key, { body: Buffer.from('no gzip') });
  builder.remove(digest(5));
  const folder = log(4).key.slice(0, log(4).key.lastIndexOf('/') + 1);
  for (const name of ['</script><script>alert(1)</script>', '<img src=x onerror=alert(1)>']) {
    builder.put(log(2).bucket, `${folder}${name}`, { body: Buffer.from('planted') });
  }
  return made;
}

/** An hour amid a day whose hundred and twenty log files are gone: ten of each five minutes. */
function crowded() {
  const builder = new TrailBuilder();
  const before = builder.chain({ from: FROM, hours: 15 });
  const hour = { hours: 1, logsPerHour: 120, logBytes: 10 };
  const bare = builder.chain({ ...hour, from: FROM + 15 * HOUR, after: last(before) });
  const rest = { hours: 14, after: last(bare) };
  builder.chain({ ...rest, from: FROM + 16 * HOUR });
  for (const log of last(bare).logs) builder.remove(log);
  return { builder, start: FROM, end: FROM + 30 * HOUR };
}

function last({ digests }: BuiltChain): BuiltDigest {
  const found = digests.at(-1);
  if (!found) throw new Error('no digest');
  return found;
}

/** What is written on the map goes into a picture; its words, widths and places are caught on their way. */
async function catchWords(page: Page): Promise<void> {
  await page.evaluate(`{
    const { prototype } = CanvasRenderingContext2D;
    window.fillText ??= prototype.fillText;
    window.written = [];
    prototype.fillText = function (text, x, ...rest) {
      window.written.push([text, this.measureText(text).width, x]);
      window.fillText.call(this, text, x, ...rest);
    };
  }`);
}

describe.skipIf(executablePath === undefined)('the HTML report in a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: executablePath ?? '',
      args: ['--no-sandbox'],
    });
  });
  afterAll(() => browser.close());

  /** What a page asks for and complains about. */
  interface Seen {
    readonly asked: string[];
    readonly errors: string[];
  }

  async function open(
    { builder, start: from, end }: { builder: TrailBuilder; start: number; end: number },
    look: (page: Page, seen: Seen) => Promise<void>,
    options: Parameters<Browser['newPage']>[0] = {},
  ): Promise<void> {
    await serving(builder, { start: from, end }, {}, (argv) =>
      inTemp(async (directory) => {
        const path = join(directory, 'report.html');
        await start([...argv, '--quiet', '--report', `html=${path}`]).ended;
        const page = await browser.newPage(options);
        const seen: Seen = { asked: [], errors: [] };
        page.on('request', (request) => seen.asked.push(request.url()));
        page.on('console', (message) => seen.errors.push(message.text()));
        page.on('pageerror', (error) => seen.errors.push(error.message));
        page.on('dialog', (dialog) => {
          seen.errors.push(dialog.message());
          void dialog.dismiss();
        });
        try {
          await page.goto(pathToFileURL(path).href);
          await look(page, seen);
        } finally {
          await page.close();
        }
      }),
    );
  }

  it(
    'asks no network, runs nothing that a bucket holds, and shows the verdict',
    () =>
      open(troubled(), async (page, seen) => {
        expect(await page.textContent('.verdict')).toBe('INVALID');
        expect(await page.textContent('#findings')).toContain('<img src=x onerror=alert(1)>');
        expect(seen.asked).toHaveLength(1);
        expect(seen.errors).toEqual([]);
      }),
    60_000,
  );

  it(
    'leads by keyboard from hole to hole, and says what is there',
    () =>
      open(troubled(), async (page) => {
        await page.focus('#map-canvas');
        const said = (): Promise<string | null> => page.textContent('#map-said');
        expect(await said()).toMatch(/^111122223333 us-east-1: proved, /);
        const met: (string | null)[] = [];
        for (let presses = 0; presses < 4; presses++) {
          await page.keyboard.press('n');
          met.push(await said());
        }
        expect(met.join('\n')).toMatch(/LOG_MALFORMED/);
        expect(met.join('\n')).toMatch(/: missing, /);
        await page.keyboard.press('Home');
        await page.keyboard.press('ArrowRight');
        expect(await said()).toMatch(/: missing, /);
        for (const key of ['+', '-', '0', 'PageDown', 'End', 'ArrowUp', 'ArrowDown']) {
          await page.keyboard.press(key);
        }
        expect(await said()).toMatch(/us-east-1: /);
      }),
    60_000,
  );

  it(
    'tells on hovering what is under the pointer',
    () =>
      open(troubled(), async (page) => {
        const box = await page.locator('#map-canvas').boundingBox();
        await page.mouse.move((box?.x ?? 0) + (box?.width ?? 0) / 2, (box?.y ?? 0) + 28 + 8);
        expect(await page.textContent('#map-tip')).toMatch(/^111122223333 us-east-1: /);
        expect(await page.isVisible('#map-tip')).toBe(true);
      }),
    60_000,
  );

  it(
    'filters findings by words and class',
    () =>
      open(troubled(), async (page) => {
        const shown = (): Promise<number> => page.locator('#findings tbody tr:visible').count();
        const all = await shown();
        await page.fill('#filter-text', 'digest_missing');
        expect(await shown()).toBe(1);
        await page.fill('#filter-text', '');
        await page.uncheck('input[data-class="violation"]');
        expect(await shown()).toBeLessThan(all);
        expect(await page.textContent('#filter-shown')).toMatch(/^\d of \d+ shown$/);
        await page.fill('#filter-text', 'no such word');
        expect(await page.textContent('#filter-shown')).toMatch(
          /^nothing matches: 0 of \d+ shown$/,
        );
      }),
    60_000,
  );

  it(
    'shows a hundred findings until all are asked for, filters among all, and prints all',
    () =>
      open(crowded(), async (page) => {
        const rows = page.locator('#findings tbody tr');
        const shown = (): Promise<number> => page.locator('#findings tbody tr:visible').count();
        const all = await rows.count();
        expect(all).toBeGreaterThan(119);
        await page.fill('#filter-text', 'log_missing');
        expect(await shown()).toBe(100);
        expect(await page.textContent('#filter-shown')).toMatch(/^100 of \d+ shown, 120 match$/);
        expect(await page.textContent('#filter-all')).toBe('show all 120');
        const key = (await rows.nth(118).locator('code').last().textContent()) ?? '';
        await page.fill('#filter-text', key);
        expect([await shown(), await rows.nth(118).isVisible()]).toEqual([1, true]);
        expect(await page.isVisible('#filter-all')).toBe(false);
        await page.emulateMedia({ media: 'print' });
        expect(await shown()).toBe(all);
        await page.emulateMedia({ media: 'screen' });
        await page.fill('#filter-text', 'log_missing');
        await page.click('#filter-all');
        expect(await shown()).toBe(120);
        expect(await page.isVisible('#filter-all')).toBe(false);
        expect(await page.evaluate('document.activeElement.tagName')).toBe('TR');
      }),
    60_000,
  );

  it(
    'leads from accused log files to those beyond the ones just told, each told once',
    () =>
      open(
        crowded(),
        async (page) => {
          await page.focus('#map-canvas');
          const told: string[] = [];
          for (let presses = 0; told.length < 16 && presses < 9; presses++) {
            await page.keyboard.press('n');
            const said = (await page.textContent('#map-said')) ?? '';
            for (const [, one = ''] of said.matchAll(/of (\S+): LOG_MISSING/g)) told.push(one);
          }
          // Twelve five minutes and a part of one; after the last it begins anew.
          const all = told.slice(0, 13);
          expect(all).toEqual([...new Set(all)].sort());
          expect(told.slice(13)).toEqual(all.slice(0, 3));
        },
        { viewport: { width: 375, height: 700 } },
      ),
    60_000,
  );

  it(
    'tells the time of a log file by its name, and both ends of the map’s time without overlap',
    () =>
      open(troubled(), async (page) => {
        const row = page.locator('#findings tbody tr', { hasText: 'LOG_MALFORMED' });
        expect(await row.locator('td').nth(3).textContent()).toMatch(/^\d{4}-.*T\d\d:\d\d:00Z$/);
        for (const width of [1280, 375]) {
          await page.setViewportSize({ width, height: 700 });
          await page.waitForTimeout(100);
          await catchWords(page);
          await page.evaluate('window.dispatchEvent(new Event("resize"))');
          await page.waitForTimeout(100);
          const written = await page.evaluate<[string, number, number][]>('window.written');
          const axis = written
            .filter(([text]) => /^\d\d-\d\d \d\d:\d\d$/.test(text))
            .sort(([, , one], [, , other]) => one - other);
          const right = await page.evaluate<number>(
            "document.getElementById('map-canvas').clientWidth",
          );
          expect(axis[0]?.[2]).toBeLessThan(width * 0.3 + 40);
          expect(axis.length).toBeGreaterThan(1);
          axis.forEach(([, size, x], at) => {
            expect(x + size).toBeLessThan((axis[at + 1]?.[2] ?? right) - 1);
          });
          const [, size = 0, x = 0] = axis.at(-1) ?? [];
          expect(x + size).toBeCloseTo(right - 3, 0);
        }
      }),
    60_000,
  );

  it(
    'draws each state, in light and in dark, and differently',
    () =>
      open(troubled(), async (page) => {
        const picture = (): Promise<string> =>
          page.$eval('#map-canvas', (canvas) =>
            (canvas as unknown as { toDataURL(): string }).toDataURL(),
          );
        await page.waitForTimeout(100);
        const light = await picture();
        await page.emulateMedia({ colorScheme: 'dark' });
        await page.waitForTimeout(100);
        const dark = await picture();
        expect(new Set([light, dark]).size).toBe(2);
        expect(light.length).toBeGreaterThan(3000);
      }),
    60_000,
  );

  it(
    'puts the whole map on paper, whatever is looked at, in light colours',
    () =>
      open(
        troubled(),
        async (page) => {
          const print = async (): Promise<string[]> => {
            await page.emulateMedia({ media: 'print' });
            await page.waitForSelector('#map-paper canvas');
            expect(await page.isVisible('#map')).toBe(false);
            return page.$$eval('#map-paper canvas', (found) =>
              found.map((sheet) => (sheet as unknown as { toDataURL(): string }).toDataURL()),
            );
          };
          expect(await page.isVisible('#map-paper')).toBe(false);
          const whole = await print();
          expect(whole.map(({ length }) => length > 3000)).toEqual([true]);
          await page.emulateMedia({ media: 'screen', colorScheme: 'light' });
          await page.click('#map-in');
          await page.focus('#map-canvas');
          expect((await print())[0] === whole[0]).toBe(true);
        },
        { colorScheme: 'dark' },
      ),
    60_000,
  );

  it(
    'says what a finger taps, and tells chains apart by their Regions, on a phone',
    () =>
      open(
        troubled(),
        async (page) => {
          await catchWords(page);
          await page.locator('#map-canvas').scrollIntoViewIfNeeded();
          const box = await page.locator('#map-canvas').boundingBox();
          const said: (string | null)[] = [];
          for (let x = 140; x < 340; x += 10) {
            await page.touchscreen.tap((box?.x ?? 0) + x, (box?.y ?? 0) + 28 + 8);
            said.push(await page.textContent('#map-said'));
          }
          expect(said.join('\n')).toMatch(/^111122223333 us-east-1: proved, /);
          expect(said.join('\n')).toMatch(/^111122223333 us-east-1: missing, /m);
          await page.waitForTimeout(100);
          const written = await page.evaluate<[string, number][]>('window.written');
          const names = written.filter(([text]) => text.endsWith('us-east-1'));
          expect(names.length).toBeGreaterThan(0);
          for (const [name, width] of names) {
            expect(name.startsWith('…')).toBe(true);
            expect(width).toBeLessThan(130);
          }
        },
        { viewport: { width: 375, height: 700 }, hasTouch: true },
      ),
    60_000,
  );

  it('fits a phone, and is whole without its script', async () => {
    const phone = { viewport: { width: 375, height: 700 } };
    await open(
      troubled(),
      async (page) => {
        const { scroll, width } = await page.evaluate<{ scroll: number; width: number }>(
          '({ scroll: document.documentElement.scrollWidth, width: innerWidth })',
        );
        expect(scroll).toBeLessThanOrEqual(width);
      },
      phone,
    );
    await open(
      troubled(),
      async (page) => {
        expect(await page.textContent('.verdict')).toBe('INVALID');
        expect(await page.locator('#findings tbody tr:visible').count()).toBeGreaterThan(4);
        expect(await page.isVisible('#map')).toBe(false);
        expect(await page.isVisible('#filter-text')).toBe(false);
      },
      { javaScriptEnabled: false },
    );
  }, 60_000);
});

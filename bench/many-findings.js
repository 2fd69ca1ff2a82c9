/**
 * Puts many findings through the store and a renderer, as a run does, and the report on stdout:
 * `node --max-old-space-size=128 many-findings.js COUNT json|ndjson|text`. Figures on stderr.
 */
import { print } from '../dist/cli/main.js';
import { finding } from '../dist/core/finding.js';
import { moreFindings, reportFinding } from '../dist/core/report.js';
import { PLAIN, streamJson, streamNdjson, streamText } from '../dist/index.js';
import { createFindingStore } from '../dist/sources/finding-store.js';

const HELD = 10_000;
const [count = '1000000', format = 'json'] = process.argv.slice(2);
const began = performance.now();
const store = createFindingStore();
for (let at = 0; at < Number(count); at++) {
  // A step that is prime to the count: no order at all.
  const number = (at * 7_368_787) % Number(count);
  const name = String(number).padStart(9, '0');
  const key = `AWSLogs/111122223333/CloudTrail/us-east-1/2026/01/01/111122223333_CloudTrail_us-east-1_20260101T0000Z_${name}.json.gz`;
  const one = finding('LOG_HASH_MISMATCH', `its bytes have the hash ${name.repeat(7)}`, {
    accountId: '111122223333',
    region: 'us-east-1',
    kind: 'standard',
    bucket: 'trail-bucket',
    key,
    digestKey: key.replaceAll('CloudTrail', 'CloudTrail-Digest'),
    end: 1_767_225_600 + Math.floor(number / 1000) * 3600,
    details: { signedHash: name.repeat(7) },
  });
  store.add(one);
  if (at % 10 === 0) store.add(one);
}
const added = performance.now();
const sorted = await store.sorted();
const merged = performance.now();
const held = [];
for await (const one of sorted.from(0)) {
  if (held.push(reportFinding(one)) === HELD) break;
}
const none = { valid: 0, invalid: 0, missing: 0, unreadable: 0 };
const report = {
  schemaVersion: 1,
  tool: { name: 'many-findings', version: '0' },
  verdict: 'invalid',
  trail: {
    arn: 'arn:aws:cloudtrail:us-east-1:111122223333:trail/main',
    name: 'main',
    homeRegion: 'us-east-1',
    accountId: '111122223333',
    bucket: 'trail-bucket',
  },
  timeRange: { start: '2026-01-01T00:00:00Z', end: '2026-02-01T00:00:00Z' },
  scope: {},
  startedAt: '2026-03-01T00:00:00Z',
  finishedAt: '2026-03-01T00:00:00Z',
  counts: {
    digestFiles: none,
    logFiles: { ...none, invalid: sorted.counts.all, unlisted: 0, unvalidated: 0 },
    bytesRead: 0,
  },
  chains: [],
  settings: [],
  findings: held,
};
const more = moreFindings(() => sorted.from(HELD));
const text =
  format === 'json'
    ? streamJson(report, more)
    : format === 'ndjson'
      ? streamNdjson(report, more)
      : streamText(report, { style: PLAIN, verbose: true }, more);
await print(process, text);
await sorted.close();
const seconds = (from, to) => `${((to - from) / 1000).toFixed(1)} s`;
if (process.env.FIGURES) {
  const rss = Math.round(process.resourceUsage().maxRSS / 1024);
  process.stderr.write(
    `${sorted.counts.all} findings: added in ${seconds(began, added)}, merged in ${seconds(added, merged)}, ` +
      `written in ${seconds(merged, performance.now())}, peak ${rss} MB\n`,
  );
}

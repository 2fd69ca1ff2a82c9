/** An estimate for a person, or as JSON. */
import { PRICES, type Estimate, type Spread } from '../core/estimate.js';
import { escapeJson, escapeText } from './escape.js';
import type { Style } from './style.js';

const number = (value: number): string => Math.round(value).toLocaleString('en-US');

const count = (value: number, word: string): string =>
  `${number(value)} ${word}${value === 1 ? '' : 's'}`;

/** Two figures that count: more would promise what an estimate can't hold. */
function rough(value: number): string {
  return Number(value.toPrecision(2)).toLocaleString('en-US', { maximumFractionDigits: 4 });
}

function bytesOf(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let [at, value] = [0, bytes];
  while (value >= 1000 && at < units.length - 1) {
    value /= 1000;
    at++;
  }
  return `${at === 0 ? number(value) : value.toFixed(1)} ${units[at] ?? ''}`;
}

/** What is not a bound is about so much. */
const about = (text: string): string => (text.startsWith('under ') ? text : `about ${text}`);

/** A time in words; under a second nobody waits. */
function durationOf(seconds: number): string {
  if (seconds < 1) return 'under 1 s';
  if (seconds < 120) return about(`${rough(seconds)} s`);
  if (seconds < 7200) return about(`${rough(seconds / 60)} min`);
  if (seconds < 172_800) return about(`${rough(seconds / 3600)} h`);
  return about(`${rough(seconds / 86_400)} days`);
}

function usdOf(usd: number): string {
  return about(usd < 0.01 ? 'under $0.01' : `$${usd < 100 ? usd.toFixed(2) : number(usd)}`);
}

function spreadLine({ shards, seconds, usd }: Spread): string {
  const atOnce = `with ${number(shards)} shards at the same time`;
  return `        ${durationOf(seconds)} ${atOnce}: ${usdOf(usd)} for requests`;
}

/** Millionths of a dollar: what lies below is the arithmetic's. */
function rounded<T extends { readonly usd: number }>(priced: T): T {
  return { ...priced, usd: Number(priced.usd.toFixed(6)) };
}

/** The estimate as one JSON document, indented or on one line. */
export function renderEstimateJson(estimate: Estimate, indent?: number): string {
  const { made, run, shards } = estimate;
  const told = {
    ...{ ...estimate, made: rounded(made), run: rounded(run) },
    shards: shards.map((one) => rounded(one)),
  };
  return `${escapeJson(told, indent)}\n`;
}

/** The estimate for a person. */
export function renderEstimate(estimate: Estimate, style: Style): string {
  const { trail, timeRange, digestFiles, logFiles, run, made, assumed, shards } = estimate;
  const prefix = trail.prefix === undefined ? '' : `/${trail.prefix}`;
  const latency = `${(assumed.latencySeconds * 1000).toFixed(1)} ms a request`;
  const limit = run.coreSeconds > run.networkSeconds ? 'one core' : 'the network';
  const { failures, failureCount } = estimate;
  const rest = failureCount - failures.length;
  const lines = [
    `${style.bold('Trail')}   ${escapeText(trail.arn)}`,
    `${style.bold('Bucket')}  ${escapeText(`s3://${trail.bucket}${prefix}`)}`,
    `${style.bold('Range')}   ${timeRange.start} to ${timeRange.end} (delivery time)`,
    '',
    'An estimate from listings alone: nothing was read, nothing is proved.',
    '',
    `${style.bold('To read')} ${count(estimate.sources, 'source')} (account and Region), ${count(estimate.days, 'day')}`,
    `        ${count(digestFiles.files, 'digest file')}, ${bytesOf(digestFiles.bytes)}`,
    `        ${count(logFiles.files, 'log file')}, ${bytesOf(logFiles.bytes)}`,
    `${style.bold('Asks')}    about ${count(run.requests.list, 'LIST request')} and ${count(run.requests.get, 'GET request')}`,
    `${style.bold('Costs')}   ${usdOf(run.usd)} for these requests: $${PRICES.listPerThousand} a thousand LIST,`,
    `        $${PRICES.getPerThousand} a thousand GET (S3 ${PRICES.storageClass} in ${PRICES.region}, ${PRICES.asOf})`,
    '        Reading within the bucket’s Region is free; what leaves it, other',
    '        storage classes and KMS are not in this.',
    `${style.bold('Takes')}   ${durationOf(run.seconds)} with --concurrency ${assumed.concurrency}, by ${latency};`,
    `        the limit is ${limit}`,
    ...shards.map(spreadLine),
    '',
    `The estimate itself asked ${count(made.list, 'LIST request')} and ${count(made.get, 'GET request')}: ${usdOf(made.usd)}.`,
    'Older places that only digest files name are not in it: name them with',
    '--location.',
    ...(estimate.interrupted ? ['Interrupted: only what was counted until then.'] : []),
    ...(failureCount > 0
      ? [
          '',
          style.warn(
            `${count(failureCount, 'place')} could not be listed, and what lies there is not in this:`,
          ),
          ...failures.map(({ place, why }) => `  ${escapeText(place)}  ${escapeText(why)}`),
          ...(rest > 0 ? [`  … and ${number(rest)} more`] : []),
        ]
      : []),
  ];
  return `${lines.join('\n')}\n`;
}

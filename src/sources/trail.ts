/** Reading what describes a trail: CloudTrail's answers, live or as evidence files. */
import type { Trail } from '@aws-sdk/client-cloudtrail';
import { isRegionName, parseTrailArn } from '../core/arn.js';
import { normalizePrefix } from '../core/object-key.js';
import { parseDigestTime, parseUserTime, type Instant, type TimeRange } from '../core/timestamp.js';
import { readEvidenceJson } from './directory.js';
import { HistoryRecords } from './event-history.js';
import { whatIsLeftOut } from './event-selectors.js';
import { RunError } from './ports.js';
import type { Answer, TrailDescription, TrailSource, TrailStatus } from './ports.js';

type Fields = Readonly<Record<string, unknown>>;

/** A trail of DescribeTrails or GetTrail, as the API or an evidence file has it. */
export function describeTrail(trail: Partial<Trail>): TrailDescription | undefined {
  const { HomeRegion: home, S3KeyPrefix: prefix, KmsKeyId: kmsKeyId } = trail;
  const arn = typeof trail.TrailARN === 'string' ? parseTrailArn(trail.TrailARN) : undefined;
  if (!arn || typeof trail.S3BucketName !== 'string') return undefined;
  if (home !== undefined && !isRegionName(home)) return undefined;
  if (prefix !== undefined && typeof prefix !== 'string') return undefined;
  return {
    arn: arn.arn,
    name: arn.name,
    homeRegion: home ?? arn.homeRegion,
    bucket: trail.S3BucketName,
    prefix: normalizePrefix(prefix),
    isMultiRegion: trail.IsMultiRegionTrail === true,
    isOrganization: trail.IsOrganizationTrail === true,
    validationEnabled: trail.LogFileValidationEnabled === true,
    ...(typeof kmsKeyId === 'string' && kmsKeyId !== '' ? { kmsKeyId } : {}),
  };
}

/**
 * A time of the API's in whole seconds: the SDK's Date, the number that the protocol has, or the ISO
 * form that the AWS CLI prints.
 */
export function readApiTime(value: unknown): Instant | undefined {
  if (typeof value === 'string') {
    return /^\d{4}-\d\d-\d\dT/.test(value) ? parseUserTime(value, 0) : undefined;
  }
  const seconds = value instanceof Date ? value.getTime() / 1000 : value;
  const isTime = typeof seconds === 'number' && seconds > 0 && seconds < 1e11;
  return isTime ? Math.floor(seconds) : undefined;
}

/**
 * GetTrailStatus of the API or of an evidence file; an empty error is none. Throws where it does not
 * even say whether the trail is logging, which CloudTrail always does.
 */
export function readTrailStatus(answer: unknown): TrailStatus {
  const fields = typeof answer === 'object' && answer !== null ? (answer as Fields) : {};
  const text = (name: string): string | undefined => {
    const value = fields[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  if (typeof fields['IsLogging'] !== 'boolean') {
    throw new Error('does not say whether the trail is logging');
  }
  const delivery = readApiTime(fields['LatestDigestDeliveryTime']);
  const digestError = text('LatestDigestDeliveryError');
  const error = text('LatestDeliveryError');
  return {
    isLogging: fields['IsLogging'],
    ...(delivery === undefined ? {} : { latestDigestDelivery: delivery }),
    ...(digestError === undefined ? {} : { latestDigestDeliveryError: digestError }),
    ...(error === undefined ? {} : { latestDeliveryError: error }),
  };
}

/** A file's answer, or why there is none: one that can't be read doesn't end the run either. */
async function reasoned<T>(read: () => Promise<T>): Promise<Answer<T>> {
  try {
    return { ok: true, value: await read() };
  } catch (error) {
    return { ok: false, why: (error as Error).message };
  }
}

/** An answer's file in the evidence. */
async function answerIn(directory: string, name: string): Promise<unknown> {
  // A Region's name comes from folders of the bucket: it must not lead anywhere else.
  const file = name.includes('/') ? undefined : await readEvidenceJson(directory, name);
  if (!file) throw new Error(`there is no ${name} in the evidence`);
  return file.value;
}

/** The trails of `DescribeTrails.json`. */
function trailsOf(answer: unknown): TrailDescription[] {
  const { trailList: list } = (answer ?? {}) as Fields;
  return (Array.isArray(list) ? (list as unknown[]) : []).flatMap((trail) =>
    typeof trail === 'object' && trail !== null ? (describeTrail(trail) ?? []) : [],
  );
}

/** Whether a record is an event that was searched for; LookupEvents takes both ends of the range. */
function isWanted(record: object, eventNames: readonly string[], range: TimeRange): boolean {
  const { eventName: name, eventTime: time } = record as Fields;
  if (typeof name !== 'string' || typeof time !== 'string') return false;
  const at = parseDigestTime(time);
  return eventNames.includes(name) && at !== undefined && at >= range.start && at <= range.end;
}

/**
 * What an evidence directory says of the trail, and the machine's clock: a directory has none.
 * Answers lie there as `NAME.json` for the home Region and `NAME.<region>.json` for others. Without
 * `homeRegion` it is the trail's that was described, or what the trail's ARN says.
 */
export function createEvidenceTrailSource(directory: string, homeRegion?: string): TrailSource {
  let home = homeRegion;
  const fileIn = (operation: string, region: string, homeOf = home): string =>
    region === (homeOf ?? region) ? `${operation}.json` : `${operation}.${region}.json`;
  const ownRegion = (arn: string): string | undefined => home ?? parseTrailArn(arn)?.homeRegion;
  return {
    now: () => Promise.resolve(Math.floor(Date.now() / 1000)),
    describe: async (nameOrArn) => {
      const file = await readEvidenceJson(directory, 'DescribeTrails.json');
      if (!file) {
        throw new RunError(
          'the evidence does not say where the trail delivers: it has no DescribeTrails.json',
          'name the bucket with --s3-bucket',
        );
      }
      const trail = trailsOf(file.value).find(
        ({ arn, name }) => arn === nameOrArn || name === nameOrArn,
      );
      home ??= trail?.homeRegion;
      return trail;
    },
    status: (arn, region) =>
      reasoned(async () => {
        const name = fileIn('GetTrailStatus', region, ownRegion(arn));
        return readTrailStatus(await answerIn(directory, name));
      }),
    leftOut: (arn) =>
      reasoned(async () => {
        const answer = await answerIn(directory, 'GetEventSelectors.json');
        const { TrailARN: of } = (answer ?? {}) as Fields;
        if (typeof of === 'string' && of !== arn) {
          throw new Error('GetEventSelectors.json in the evidence is of another trail');
        }
        return whatIsLeftOut(answer);
      }),
    trails: () => reasoned(async () => trailsOf(await answerIn(directory, 'DescribeTrails.json'))),
    lookup: async (region, eventNames, range) => {
      const found = new HistoryRecords();
      const answer = await reasoned(() => answerIn(directory, fileIn('LookupEvents', region)));
      if (!answer.ok) found.lack(answer.why);
      else {
        const { Events: events } = (answer.value ?? {}) as Fields;
        found.lack('the event history in the evidence doesn’t say what was asked for');
        found.add(Array.isArray(events) ? (events as unknown[]) : []);
      }
      const { records, ...rest } = found.result();
      const wanted = records.filter((record) => isWanted(record, eventNames, range));
      return { ...rest, records: wanted };
    },
  };
}

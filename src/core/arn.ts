/** The parts of a trail's ARN, `arn:PARTITION:cloudtrail:HOME-REGION:ACCOUNT:trail/NAME`. */
export interface TrailArn {
  readonly arn: string;
  readonly partition: string;
  readonly homeRegion: string;
  readonly accountId: string;
  readonly name: string;
}

const TRAIL_ARN =
  /^arn:(aws[a-z-]*):cloudtrail:([a-z]{2,}(?:-[a-z]+)+-\d{1,2}):(\d{12}):trail\/([A-Za-z0-9._-]{3,128})$/;

/** Parses a trail ARN of any partition; `undefined` when it isn't exactly one. */
export function parseTrailArn(arn: string): TrailArn | undefined {
  const match = TRAIL_ARN.exec(arn);
  if (!match) return undefined;
  const [, partition = '', homeRegion = '', accountId = '', name = ''] = match;
  return { arn, partition, homeRegion, accountId, name };
}

/** Whether a text has the form of a Region's name, such as `us-gov-west-1`. */
export function isRegionName(text: string): boolean {
  return /^[a-z]{2,}(?:-[a-z]+)+-\d{1,2}$/.test(text);
}

/** Whether a text has the form of an account ID, twelve digits. */
export function isAccountId(text: string): boolean {
  return /^\d{12}$/.test(text);
}

/** Whether a text has the form of an organization ID, such as `o-exampleorgid`. */
export function isOrganizationId(text: string): boolean {
  return /^o-[a-z0-9]{10,32}$/.test(text);
}
